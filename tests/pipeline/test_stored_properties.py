"""Events with everything that is awkward for the store's columns, put into the real engine and read back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shopalytic.events.event import Event
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_message
from shopalytic.events.properties import event_properties
from shopalytic.store import Store

RECEIVED_MS = 1_767_225_600_000
DEEP: Any = {"a": 1}
for _ in range(80):
    DEEP = {"a": DEEP}

AWKWARD: list[dict[str, Any]] = [
    {"a": 1, "a.b": 2},
    {"a": {"b": 3}, "a.b": 2},
    {"a": "text"},
    {"a": [{"b": 1}]},
    {"a": [None]},
    {"": 1, ".": 2, "x": {"": None}},
    {"n": None, "o": {}, "l": [], "m": [1, "x", True, None, {}]},
    {"big": 2**64, "small": -(2**63) - 1, "most": 2**64 - 1, "list": [2**63, -1]},
    {"at": "2024-01-01T10:00:00Z", "day": "1 Jan 2024", "list": ["2024-01-01 10:00:00"]},
    {"number": "1e400", "yes": "true", "code": "007"},
    {"\0": "\0\x1f", "k" * 300: 1, "`": 2, "größe": "ü", "a b": "\u2028"},
    {"_rest": {"a": 1}, "_context": 5, "_event": None},
    {"deep": DEEP, "array": [[[[1]]]]},
    {f"p{number}": number for number in range(1500)},
    {"score": 0.1, "tiny": 5e-324, "huge": 1.7976931348623157e308, "mixed": [1, 2.5]},
]


def read(number: int, properties: dict[str, Any], project_id: int, **message: Any) -> Event:
    raw = json.dumps({"event": "search", "tracking_id": "t", "properties": properties} | message).encode()
    envelope = Envelope(
        project_id=project_id, received_at=RECEIVED_MS, message=msgspec.Raw(raw), message_id=f"{number:03}"
    )
    parsed = parse_message(envelope, RECEIVED_MS)
    assert isinstance(parsed, Parsed), parsed
    return parsed.event


def store_and_read_back(store: Store, events: list[Event], project_id: int) -> list[Event]:
    store.insert("events", [msgspec.json.encode(event) for event in events], token=f"awkward-{project_id}")
    sql = "SELECT * FROM {{events}} WHERE project_id = {project:UInt32} ORDER BY message_id"
    return store.rows(Event, sql, project=project_id)


def test_awkward_properties_are_stored_in_one_batch_and_read_back_as_sent(
    store: Store, project_id: int
) -> None:
    events = [read(number, properties, project_id) for number, properties in enumerate(AWKWARD)]
    stored = store_and_read_back(store, events, project_id)
    assert [event_properties(event) for event in stored] == AWKWARD


def test_every_column_reads_back_as_it_was_written(store: Store, project_id: int) -> None:
    properties = {
        "order_id": "o", "cart_id": "c", "total": "99999999999999.9999", "subtotal": "-0.0001", "qty": 2**63 - 1,
        "total_tax": "-0.0", "page_type": "\x01", "currency": "GBP", "line_items": [
            {"sku": "A", "price": "16.625", "qty": -3, "cost": "1.5"},
            {"sku": "B", "price": "1e", "qty": 1},
            {"sku": "C", "name": "Chair", "price": 0.1, "qty": "2"},
        ],
    }  # fmt: skip
    event = read(0, properties, project_id, event="order", user_id={"registered": "jon", "": "x"})
    [stored] = store_and_read_back(store, [event], project_id)
    assert stored.total_tax == "0"
    event.total_tax = "0"
    assert stored == event


def test_a_batch_may_span_more_months_than_the_engine_takes_by_itself(store: Store, project_id: int) -> None:
    first = datetime(2010, 1, 15, tzinfo=UTC)
    events = [
        read(number, {}, project_id, timestamp=(first + timedelta(days=31 * number)).isoformat())
        for number in range(130)
    ]
    assert len(store_and_read_back(store, events, project_id)) == 130
