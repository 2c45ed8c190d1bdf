from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shopalytic.events.event import Quarantine, QuarantineReason
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed
from shopalytic.events.properties import sent_ids
from shopalytic.identity.judging import IDLE, Judge
from shopalytic.identity.never import Listed
from shopalytic.identity.policy import IdRule, Policy
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


AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
BEFORE = AT - timedelta(days=1)


def judge(*rules: IdRule, nobody: tuple[str, str] | None = None) -> Judge:
    return Judge(Policy(rules), [Listed(nobody, "", BEFORE, None)] if nobody else [])


def soft(*types: str) -> Judge:
    return judge(*(IdRule(id_type=name, from_at=BEFORE, is_hard=False) for name in types))


def judged(by: Judge, **message: Any) -> Parsed:
    raw = msgspec.json.encode({"event": "search"} | message)
    received_ms = int(AT.timestamp() * 1000)
    envelope = Envelope(project_id=1, received_at=received_ms, message=msgspec.Raw(raw), message_id="m")
    parsed = read_message(envelope, 5, by)
    assert isinstance(parsed, Parsed)
    return parsed


def test_of_several_soft_ids_the_first_by_its_types_name_stands_for_the_visitor() -> None:
    ids = {"push": "p", "device": "d", "user_id": "42"}
    parsed = judged(soft("device", "push"), user_id=ids)
    assert (parsed.event.tracking_id, parsed.user_ids) == ("device:d", {"user_id": "42"})
    assert sent_ids(parsed.event) == {"user_id": "42", "device": "d", "push": "p"}


def test_a_soft_id_is_kept_as_it_was_sent_whatever_is_in_its_types_name() -> None:
    parsed = judged(soft("my.device"), tracking_id="t", user_id={"my.device": " D-1 "})
    assert (parsed.event.user_ids, sent_ids(parsed.event)) == ({}, {"my.device": " D-1 "})


def test_judging_twice_is_judging_once() -> None:
    by = judge(IdRule(id_type="device", from_at=BEFORE, is_hard=False), nobody=("card", "x"))
    parsed = judged(by, user_id={"device": "d", "card": "x", "email": " J@Shop.Example"})
    before = msgspec.structs.astuple(parsed.event)
    again = check_ids(parsed, by, AT)
    assert isinstance(again, Parsed)
    assert msgspec.structs.astuple(again.event) == before
    assert (again.user_ids, again.event.user_ids) == (
        {"email": "j@shop.example"}, {"email": " J@Shop.Example"},
    )  # fmt: skip
    assert again.event.violations == ["forbidden_id:user_id.card"]


@pytest.mark.parametrize("id_type", ["user_id", "tracking_id"])
def test_an_alias_of_an_id_that_means_nobody_names_nobody(id_type: str) -> None:
    message = {"type": "alias", "tracking_id": "t", "user_id": "42", "previous_id": "till"}
    parsed = judged(judge(nobody=(id_type, "till")), **message)
    assert (parsed.previous_id, parsed.user_ids) == ("", {"user_id": "42"})
    assert parsed.event.violations == ["forbidden_id:previous_id"]


@pytest.mark.parametrize(
    ("email", "told"),
    [(" Jon@Shop.Example ", "jon@shop.example"), ("null", ""), (17, ""), ("", ""), ("till@shop.example", "")],
)
def test_a_told_address_is_taken_where_it_can_be_somebodys(email: Any, told: str) -> None:
    by = judge(
        IdRule(id_type="email", from_at=BEFORE, is_told_by_property=True),
        nobody=("email", "till@shop.example"),
    )
    register = {"event": "account_register", "user_id": "42", "properties": {"email": email}}
    assert judged(by, **register).told_email == told
    assert judged(IDLE, **register).told_email == ""
    assert judged(by, **{**register, "event": "search"}).told_email == ""


def test_a_replay_is_judged_by_when_it_went_back() -> None:
    by = judge(nobody=("user_id", "till"))
    raw = msgspec.Raw(msgspec.json.encode({"event": "search", "user_id": "till"}))
    old_ms, now_ms = 1000, int(AT.timestamp() * 1000)
    first = Envelope(project_id=1, received_at=old_ms, message=raw, message_id="m")
    assert isinstance(read_message(first, 5, by), Parsed)
    assert isinstance(read_message(msgspec.structs.replace(first, judged_at=now_ms), 5, by), Quarantine)
