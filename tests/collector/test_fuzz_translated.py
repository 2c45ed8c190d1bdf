"""Whatever is sent by other protocols: never a 5xx, good neighbours are taken, and the worker can read what is."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.collector.exponea.tracking import COMMANDS, SINGLE
from shopalytic.collector.segment.commerce import EVENTS, RENAMES
from shopalytic.collector.segment.door import CALLS
from shopalytic.events.event import Quarantine
from shopalytic.events.parse import parse_envelope, parse_message
from tests.collector.conftest import Shop, make_shop, open_copy
from tests.collector.test_fuzz import dumps, json_values, quick

RECEIVED_MS = 1_800_000_000_000
numbers = st.integers() | st.decimals(allow_nan=False).map(str) | st.floats()

properties = st.dictionaries(
    st.sampled_from(sorted({name for names in RENAMES.values() for pair in names.items() for name in pair}))
    | st.sampled_from(["revenue", "total", "coupon", "category", "refund_type", "discounts"]),
    json_values
    | numbers
    | st.lists(st.dictionaries(st.sampled_from(["product_id", "sku", "quantity"]), numbers)),
)
contexts = st.dictionaries(
    st.sampled_from(["ip", "userAgent", "locale", "timezone", "page", "campaign", "screen", "library"]),
    json_values
    | st.dictionaries(st.sampled_from(["url", "title", "width", "height", "name", "version"]), json_values),
)
items = st.fixed_dictionaries(
    {},
    optional={
        "type": json_values | st.sampled_from(sorted(set(CALLS.values()))),
        "event": json_values | st.sampled_from(sorted(EVENTS)),
        "anonymousId": json_values | st.just("v"),
        "properties": json_values | properties,
        "traits": json_values | properties,
        "context": json_values | contexts,
        **{
            name: json_values | st.just("2026-01-01T00:00:00Z")
            for name in (
                "messageId",
                "userId",
                "previousId",
                "groupId",
                "timestamp",
                "originalTimestamp",
                "sentAt",
            )
        },
    },
)
commands = st.fixed_dictionaries(
    {},
    optional={
        "customer_ids": json_values
        | st.dictionaries(
            st.sampled_from(["cookie", "registered", "tracking_id", "x"]), json_values | st.just("j")
        ),
        "event_type": json_values | st.just("view_item"),
        "url": json_values | st.just("https://shop.example/"),
        "properties": json_values | properties,
        "timestamp": json_values | numbers,
        "update_timestamp": json_values | numbers,
    },
)


@pytest.fixture(scope="module")
def shared(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with open_copy(empty_database, folder) as sessions:
        yield make_shop(sessions, folder)


def taken(shop: Shop) -> int:
    """How many messages the worker can read of what was appended since the last time; fails where it cannot."""
    envelopes = [raw for _, _, raw in shop.stream.appended]
    shop.stream.appended.clear()
    for raw in envelopes:
        parsed = parse_message(parse_envelope(raw), RECEIVED_MS)
        # A time that is none, and an id that only the later look finds to be nobody's, are the worker's to tell.
        assert not isinstance(parsed, Quarantine) or parsed.reason in ("bad_timestamp", "forbidden_id"), (
            parsed
        )
    return len(envelopes)


def exponea(shop: Shop, path: str, body: bytes) -> Any:
    key = base64.b64encode(shop.project.secret_key.encode()).decode()
    return shop.post(f"/track/v2/projects/{shop.token}/{path}", body, {"Authorization": f"Basic {key}"})


@quick
@given(item=items, path=st.sampled_from(sorted(CALLS)))
def test_a_segment_call_with_members_of_any_kind_is_taken_or_refused(
    shared: Shop, item: dict[str, Any], path: str
) -> None:
    response = shared.post(f"/v1/{path}", dumps({"writeKey": shared.token} | item))
    assert response.status_code in (200, 400)
    assert taken(shared) == (response.status_code == 200)


@quick
@given(sent=st.lists(items.map(dumps) | json_values.map(dumps), max_size=6), shared_context=contexts)
def test_a_segment_batch_of_anything_takes_the_good_items(
    shared: Shop, sent: list[bytes], shared_context: dict[str, Any]
) -> None:
    good = dumps({"type": "track", "event": "x", "anonymousId": "v"})
    mixed = [piece for item in sent for piece in (item, good)]
    head = dumps({"writeKey": shared.token})[:-1]
    response = shared.post("/v1/batch", head + b',"batch":[' + b",".join(mixed) + b"]}")
    assert response.status_code == 200
    rejected = {one["index"] for one in json.loads(response.data).get("rejected", [])}
    assert not any(number % 2 for number in rejected)
    assert taken(shared) == len(mixed) - len(rejected)


@quick
@given(body=st.binary(max_size=300), path=st.sampled_from(["t", "batch"]))
def test_bytes_of_any_kind_are_refused(shared: Shop, body: bytes, path: str) -> None:
    assert shared.post(f"/v1/{path}", body).status_code in (400, 401)
    response = exponea(shared, "batch", body)
    assert (response.status_code, response.json["success"]) == (200, False)


@quick
@given(command=commands, path=st.sampled_from(sorted(SINGLE)))
def test_an_exponea_call_with_members_of_any_kind_is_taken_or_refused(
    shared: Shop, command: dict[str, Any], path: str
) -> None:
    response = exponea(shared, path, dumps(command))
    assert response.status_code == 200
    assert response.json["success"] == (taken(shared) == 1)


@quick
@given(
    sent=st.lists(commands, max_size=6),
    names=st.lists(json_values | st.sampled_from(sorted(COMMANDS)), min_size=6),
)
def test_an_exponea_batch_of_anything_is_answered_command_by_command(
    shared: Shop, sent: list[dict[str, Any]], names: list[Any]
) -> None:
    good = {"name": "customers/events", "data": {"customer_ids": {"cookie": "c"}, "event_type": "x"}}
    mixed = [
        piece
        for name, data in zip(names, sent, strict=False)
        for piece in ({"name": name, "data": data}, good)
    ]
    response = exponea(shared, "batch", dumps({"commands": mixed}))
    assert response.status_code == 200
    results = response.json["results"]
    assert len(results) == len(mixed)
    assert all(result["success"] for result in results[1::2])
    assert taken(shared) == sum(result["success"] for result in results)
