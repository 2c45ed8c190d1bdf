from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shopalytic.events.event import Quarantine, QuarantineReason
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed
from shopalytic.pipeline.ids import check_ids, read_message


def read(**message: Any) -> Parsed | Quarantine:
    raw = msgspec.json.encode({"event": "search"} | message)
    return read_message(Envelope(project_id=1, received_at=5, message=msgspec.Raw(raw), message_id="m"), 5)


@pytest.mark.parametrize(
    "nobody", ["null", "undefined", "Anonymous", "guest", "0", "[object Object]", "NaN", ""]
)
def test_an_id_that_identifies_nobody_is_told_and_the_visitor_counts(nobody: str) -> None:
    parsed = read(tracking_id="t", user_id=nobody)
    assert isinstance(parsed, Parsed)
    assert (parsed.user_ids, parsed.event.user_ids, parsed.event.tracking_id) == ({}, {}, "t")
    assert parsed.event.violations == ["forbidden_id:user_id"]


def test_one_bad_id_does_not_cost_the_good_ones() -> None:
    parsed = read(user_id={"registered": "undefined", "email": "Jon@Example.com", "user_id": 5})
    assert isinstance(parsed, Parsed)
    assert list(parsed.user_ids.items()) == [("user_id", "5"), ("email", "jon@example.com")]
    assert list(parsed.event.user_ids.items()) == [("user_id", "5"), ("email", "Jon@Example.com")]
    assert parsed.event.violations == ["forbidden_id:user_id.registered"]


@pytest.mark.parametrize(
    "message", [{"user_id": "null"}, {"tracking_id": "undefined"}, {"tracking_id": "0", "user_id": "guest"}]
)
def test_a_message_whose_every_id_is_nobodys_is_set_aside(message: dict[str, Any]) -> None:
    quarantine = read(**message)
    assert isinstance(quarantine, Quarantine)
    assert quarantine.reason == QuarantineReason.FORBIDDEN_ID
    assert quarantine.detail


def test_checking_twice_is_checking_once() -> None:
    parsed = read(tracking_id="t", user_id={"registered": "jon", "email": "null"})
    assert isinstance(parsed, Parsed)
    again = check_ids(parsed)
    assert isinstance(again, Parsed)
    assert again.event.violations == ["forbidden_id:user_id.email"]


def test_an_unreadable_message_stays_one() -> None:
    quarantine = read(tracking_id=5)
    assert isinstance(quarantine, Quarantine)
    assert quarantine.reason == QuarantineReason.NOT_READABLE
