"""Whatever a client sends, there is an event or a reason; never an exception, and never a row that no store takes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shopalytic.events.catalogue import PREDEFINED
from shopalytic.events.event import Event, Quarantine
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_envelope, parse_message
from shopalytic.events.properties import event_properties
from shopalytic.events.violations import Violation

RECEIVED_MS = 1_700_000_000_000

NAMES = sorted({item.name for own in PREDEFINED.values() for item in own})
characters = st.characters() | st.characters(categories=["Cs", "Cc"])
texts = st.text(characters, max_size=8) | st.sampled_from(
    ["", " ", "0", "9.99", "2023-11-14", "\0", "https://a.b/c?d"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True, allow_infinity=True)
    | texts
)
keys = st.sampled_from([*NAMES, "a.b", "", "_rest", "_context", "sku", "price", "qty"]) | st.text(max_size=3)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
members: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["track", "identify", "alias"]),
    "event": st.sampled_from([*PREDEFINED, "customer_register", "search"]) | texts,
    "tracking_id": texts | st.just("t"),
    "user_id": texts | st.integers() | st.dictionaries(texts, texts | st.integers(), max_size=2),
    "session_id": texts,
    "timestamp": st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    "sent_at": st.integers() | texts,
    "properties": st.dictionaries(keys, anything, max_size=8),
    "context": st.dictionaries(
        st.sampled_from(["url", "referrer", "title", "ip", "gpc", "campaign", "x.y"]), anything
    ),
    "source": texts,
}
typed = st.fixed_dictionaries({}, optional=members)
untyped = st.dictionaries(st.sampled_from(list(members)) | st.text(max_size=4), anything, max_size=6)


def read(text: str) -> Parsed | Quarantine:
    raw = b'{"p":3,"r":%d,"i":"m-1","m":%b}' % (RECEIVED_MS, text.encode("utf-8", "surrogatepass"))
    return parse_message(parse_envelope(raw), RECEIVED_MS)


def check(result: Parsed | Quarantine) -> None:
    if isinstance(result, Quarantine):
        assert result.detail
        msgspec.json.encode(result)
        return
    event = result.event
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event).message_id == event.message_id
    json.dumps(msgspec.to_builtins(event), ensure_ascii=False).encode("utf-8")
    json.dumps(event_properties(event), ensure_ascii=False).encode("utf-8")
    assert event.occurred_at <= event.received_at
    assert datetime.fromisoformat(f"{event.occurred_at}+00:00") == result.occurred_at
    assert event.tracking_id or event.user_ids
    assert event.event
    kinds = {kind.value for kind in Violation}
    assert all(text.partition(":")[0] in kinds for text in event.violations)
    lines = {len(event.line_skus), len(event.line_names), len(event.line_qtys), len(event.line_prices)}
    assert lines == {len(event.line_costs)}
    for name in Event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, str):
            assert len(value) <= 4096
            assert "\0" not in value
    for amount in (event.price, event.total, event.subtotal, *event.line_prices):
        assert amount is None or len(amount.lstrip("-").partition(".")[0]) <= 14
    for quantity in (event.qty, *event.line_qtys):
        assert quantity is None or -(2**63) <= quantity < 2**63


@settings(max_examples=300)
@given(typed)
@example(
    {
        "event": "order",
        "tracking_id": "t",
        "properties": {"line_items": [{"sku": "a", "price": 1, "qty": -0.0}]},
    }
)
def test_any_message_of_the_right_types_becomes_an_event_or_a_reason(message: dict[str, Any]) -> None:
    check(read(json.dumps(message)))


@settings(max_examples=200)
@given(untyped)
def test_any_object_at_all_becomes_an_event_or_a_reason(message: dict[str, Any]) -> None:
    check(read(json.dumps(message, ensure_ascii=False)))


@given(st.binary(max_size=60) | st.text(characters).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_at_all_become_a_reason(raw: bytes) -> None:
    envelope = parse_envelope(raw)
    assert isinstance(envelope, Envelope)
    check(parse_message(envelope, RECEIVED_MS))
    check(parse_message(Envelope(project_id=1, received_at=5, message=msgspec.Raw(raw)), 5))
