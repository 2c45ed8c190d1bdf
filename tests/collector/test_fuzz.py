"""Whatever is sent: never a 5xx, an answer for every item, and good neighbours are taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.conftest import Shop, make_shop, open_copy

quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
members = st.dictionaries(
    st.sampled_from(
        ["type", "event", "message_id", "tracking_id", "user_id", "previous_id", "session_id", "timestamp", "sent_at",
         "properties", "context", "source", "library", "sandbox", "token", "other"]
    ),
    json_values | st.sampled_from(["identify", "alias", "track", "jon"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with open_copy(empty_database, folder) as sessions:
        yield make_shop(sessions, folder)


def dumps(value: Any) -> bytes:
    """Lone surrogates as escapes, NaN as Python writes it."""
    return json.dumps(value).encode()


@quick
@given(body=st.binary(max_size=300), path=st.sampled_from(["/track", "/identify", "/alias", "/batch"]))
def test_bytes_of_any_kind_are_refused(shared: Shop, body: bytes, path: str) -> None:
    assert shared.post(path, body).status_code in (400, 401)


@quick
@given(message=members, path=st.sampled_from(["/track", "/identify", "/alias"]))
def test_a_message_with_members_of_any_kind_is_taken_or_refused(
    shared: Shop, message: dict[str, Any], path: str
) -> None:
    response = shared.post(path, dumps({"token": shared.token} | message))
    assert response.status_code in (200, 400, 401)


@quick
@given(data=st.data())
def test_a_cut_or_changed_message_is_taken_or_refused(shared: Shop, data: st.DataObject) -> None:
    body = bytearray(
        dumps(shared.message(properties={"a": [1, "\ud83d\ude00", {"b": None}]}, user_id={"x": "y"}))
    )
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(1, len(body))) :]
    shared.stream.appended.clear()
    response = shared.post("/track", bytes(body))
    assert response.status_code in (200, 400, 401)
    assert len(shared.stream.envelopes) == (response.status_code == 200)


@quick
@given(items=st.lists(members.map(dumps) | json_values.map(dumps), max_size=6))
def test_a_batch_of_anything_is_answered_item_by_item_and_good_items_are_taken(
    shared: Shop, items: list[bytes]
) -> None:
    shared.stream.appended.clear()
    good = shared.item(event="good")
    mixed = [piece for item in items for piece in (item, good)]
    response = shared.batch(mixed)
    assert response.status_code == 200
    answer = json.loads(response.data)
    assert len(answer["results"]) == len(mixed)
    assert all(result["status"] == "accepted" for result in answer["results"][1::2])
    accepted = sum(result["status"] == "accepted" for result in answer["results"])
    assert answer["accepted"] == accepted == len(shared.stream.envelopes)
    assert all(
        result["at"].startswith(f"events[{number}]")
        for number, result in enumerate(answer["results"])
        if result["status"] == "rejected"
    )


@quick
@given(data=st.data())
def test_a_batch_changed_anywhere_never_fails(shared: Shop, data: st.DataObject) -> None:
    body = bytearray(dumps({"token": shared.token, "events": [shared.message(), shared.message(event="b")]}))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert shared.post("/batch", bytes(body)).status_code in (200, 400, 401)
