"""Rules for ids, and ids that mean nobody, from the stream to the store: with a real queue, database and store."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shopalytic.accounts.models import Conflict
from shopalytic.identity.id_rules import RuleChoice, save_rule
from shopalytic.identity.ids import origin_id
from shopalytic.identity.lookup import customer_ids, find_customer
from shopalytic.identity.never import Id, add_never, remove_never
from shopalytic.pipeline.replay import replay
from shopalytic.pipeline.verdicts import EMAIL_IN_USE
from shopalytic.reports.customer_events import customer_events
from shopalytic.reports.project import Project
from shopalytic.web.api.events import event_answer
from tests.pipeline.conftest import Line
from tests.pipeline.test_run import FailingStore, Killed, counters_add_up

SOFT = RuleChoice(is_hard=False)
TOLD = RuleChoice(is_told_by_property=True)
LONG_AGO = timedelta(hours=1)


class Stored(msgspec.Struct):
    message_id: str
    owner_id: str
    tracking_id: str
    user_ids: dict[str, str]
    violations: list[str]


class Waiting(msgspec.Struct):
    id: str
    envelope: str
    reason: str


def say(line: Line, id_type: str, choice: RuleChoice, ago: timedelta = LONG_AGO) -> None:
    with line.sessions.begin() as db:
        save_rule(db, line.project_id, id_type, choice, by="user:1", now=datetime.now(UTC) - ago)


def never(line: Line, id: Id, ago: timedelta = LONG_AGO) -> int:
    with line.sessions.begin() as db:
        return add_never(db, line.project_id, id, "user:1", now=datetime.now(UTC) - ago).id


def stored(line: Line) -> list[Stored]:
    return line.store.rows(
        Stored,
        "SELECT message_id, toString({{owner}}) AS owner_id, tracking_id, user_ids, violations FROM {{events}} "
        "WHERE project_id = {project:UInt32} ORDER BY message_id",
        project=line.project_id,
    )


def owners(line: Line) -> dict[str, str]:
    return {row.message_id: row.owner_id for row in stored(line)}


def holder(line: Line, value: str) -> str | None:
    with line.sessions() as db:
        found = find_customer(db, line.project_id, value)
    return str(found) if found else None


def ids_of(line: Line, value: str) -> list[Id]:
    with line.sessions() as db:
        found = find_customer(db, line.project_id, value)
        assert found is not None
        return sorted((one.type, one.value) for one in customer_ids(db, line.project_id, found))


def conflicts(line: Line) -> list[tuple[str, str]]:
    with line.sessions() as db:
        return sorted(
            (row.reason, row.id_value) for row in db.query(Conflict).filter_by(project_id=line.project_id)
        )


def waiting(line: Line) -> list[Waiting]:
    return line.store.rows(
        Waiting,
        "SELECT lower(hex(MD5(envelope))) AS id, envelope, reason FROM {{quarantine}} "
        "WHERE project_id = {project:UInt32}",
        project=line.project_id,
    )


def test_a_soft_id_beside_a_tracking_id_links_nobody_and_stays_with_the_row(line: Line) -> None:
    say(line, "device", SOFT)
    line.send(
        {"message_id": "a", "tracking_id": "ann", "user_id": {"device": "pad", "user_id": "1"}},
        {"message_id": "b", "tracking_id": "bob", "user_id": {"device": "pad", "user_id": "2"}},
    )
    line.drain()
    found = owners(line)
    assert found["a"] != found["b"]
    assert conflicts(line) == []
    assert [row.user_ids for row in stored(line)] == [{"user_id": "1"}, {"user_id": "2"}]
    [event] = customer_events(
        line.store, Project(line.project_id), origin_id(line.project_id, "tracking_id", "ann"),
        [origin_id(line.project_id, "user_id", "1")],
    ).events  # fmt: skip
    assert event_answer(event).user_ids == {"user_id": "1", "device": "pad"}
    assert event_answer(event).properties == {}


def test_a_soft_id_alone_stands_for_the_visitor_whose_history_joins_at_his_sign_in(line: Line) -> None:
    say(line, "device", SOFT)
    line.send({"message_id": "a", "user_id": {"device": "pad"}})
    line.drain()
    assert [row.tracking_id for row in stored(line)] == ["device:pad"]
    line.send({"message_id": "b", "type": "identify", "user_id": {"device": "pad", "user_id": "1"}})
    line.send({"message_id": "c", "user_id": "1"})
    line.drain()
    assert len(set(owners(line).values())) == 1
    assert holder(line, "pad") == owners(line)["a"]


def test_people_who_sign_in_on_one_device_are_told_apart_in_time(line: Line) -> None:
    say(line, "device", SOFT)

    def at(minute: int, message_id: str, **ids: str) -> dict[str, Any]:
        return {
            "message_id": message_id, "type": "identify" if "user_id" in ids else "track", "event": "search",
            "timestamp": f"2026-01-15T12:{minute:02}:00Z", "user_id": {"device": "pad", **ids},
        }  # fmt: skip

    line.send(at(1, "a"), at(2, "b", user_id="ann"), at(3, "c"), at(4, "d", user_id="bob"), at(5, "e"))
    line.drain()
    found = owners(line)
    assert found["a"] == found["b"] == found["c"] == holder(line, "ann")
    assert found["d"] == found["e"] == holder(line, "bob") != holder(line, "ann")


def test_an_address_that_is_no_id_in_this_project_links_nobody(line: Line) -> None:
    say(line, "email", SOFT)
    ids = {"email": "till@shop.example"}
    line.send(
        {"message_id": "a", "type": "identify", "tracking_id": "ann", "user_id": ids},
        {"message_id": "b", "type": "identify", "tracking_id": "bob", "user_id": ids},
    )
    line.drain()
    assert owners(line)["a"] != owners(line)["b"]
    assert holder(line, "till@shop.example") is None


def register(message_id: str, email: str, **ids: Any) -> dict[str, Any]:
    return {
        "message_id": message_id, "event": "account_register",
        "properties": {"email": email, "first_name": "J", "last_name": "S"}, **ids,
    }  # fmt: skip


@pytest.mark.parametrize("is_told", [False, True])
def test_a_told_address_is_an_id_only_where_the_project_says_so(line: Line, is_told: bool) -> None:
    if is_told:
        say(line, "email", TOLD)
    line.send(register("a", " Jon@Shop.Example ", tracking_id="laptop", user_id="1"))
    line.drain()
    line.send(
        {
            "message_id": "b",
            "type": "identify",
            "tracking_id": "phone",
            "user_id": {"email": "jon@shop.example"},
        }
    )
    line.drain()
    assert (owners(line)["a"] == owners(line)["b"]) is is_told
    assert (("email", "jon@shop.example") in ids_of(line, "1")) is is_told


def test_a_visitor_who_tells_an_address_has_it_and_takes_nobody_elses(line: Line) -> None:
    say(line, "email", TOLD)
    line.send(
        {
            "message_id": "a",
            "type": "identify",
            "tracking_id": "laptop",
            "user_id": {"email": "jon@shop.example"},
            "timestamp": "2026-01-15T12:00:00Z",
        },
        {**register("b", "jon@shop.example", tracking_id="thief"), "timestamp": "2026-01-15T12:01:00Z"},
        {**register("c", "ann@shop.example", tracking_id="till"), "timestamp": "2026-01-15T12:02:00Z"},
    )
    line.drain()
    assert [row.reason for row in waiting(line)] == [EMAIL_IN_USE]
    assert holder(line, "thief") is None
    assert ids_of(line, "ann@shop.example") == [("email", "ann@shop.example"), ("tracking_id", "till")]


def test_a_new_account_with_somebodys_address_is_refused_and_never_joins_him(line: Line) -> None:
    say(line, "email", TOLD)
    line.send(register("a", "jon@shop.example", user_id="1"))
    line.drain()
    line.send(register("b", "jon@shop.example", user_id="2"), {"message_id": "c", "user_id": "2"})
    line.drain()
    assert sorted(owners(line)) == ["a", "c"]
    assert owners(line)["a"] != owners(line)["c"]
    assert ids_of(line, "1") == [("email", "jon@shop.example"), ("user_id", "1")]


def test_of_two_accounts_that_ask_for_an_address_at_once_the_first_has_it_as_an_id(line: Line) -> None:
    say(line, "email", TOLD)
    line.send(register("a", "jon@shop.example", user_id="1"), register("b", "JON@shop.example", user_id="2"))
    line.drain()
    assert list(owners(line)) == ["a"]
    assert ids_of(line, "1") == [("email", "jon@shop.example"), ("user_id", "1")]


def test_an_identify_tells_an_address_too(line: Line) -> None:
    say(line, "email", TOLD)
    told = {"email": "jon@shop.example"}
    line.send(
        {"message_id": "a", "type": "identify", "tracking_id": "laptop", "user_id": "1", "properties": told}
    )
    line.drain()
    assert ids_of(line, "1") == [("email", "jon@shop.example"), ("tracking_id", "laptop"), ("user_id", "1")]


def test_an_id_that_means_nobody_is_taken_out_and_the_visitor_keeps_his_event(line: Line) -> None:
    never(line, ("user_id", "till"))
    line.send(
        {"message_id": "a", "type": "identify", "tracking_id": "ann", "user_id": "till"},
        {
            "message_id": "b",
            "type": "identify",
            "tracking_id": "bob",
            "user_id": {"user_id": "till", "card": "7"},
        },
    )
    line.drain()
    first, second = stored(line)
    assert first.owner_id != second.owner_id
    assert (first.user_ids, first.violations) == ({}, ["forbidden_id:user_id"])
    assert (second.user_ids, second.violations) == ({"card": "7"}, ["forbidden_id:user_id"])
    assert holder(line, "till") is None
    assert counters_add_up(line)


def test_a_browser_that_means_nobody_keeps_its_events_and_links_nobody(line: Line) -> None:
    never(line, ("tracking_id", "till"))
    line.send(
        {"message_id": "a", "tracking_id": "till"},
        {"message_id": "b", "type": "identify", "tracking_id": "till", "user_id": "1"},
        {"message_id": "c", "type": "identify", "tracking_id": "till", "user_id": "2"},
    )
    line.drain()
    assert len(set(owners(line).values())) == 3
    told = ["forbidden_id:tracking_id" in row.violations for row in stored(line)]
    assert told == [False, True, True]
    assert [row.tracking_id for row in stored(line)] == ["till"] * 3


def test_what_was_set_aside_for_an_id_that_meant_nobody_counts_when_it_is_replayed_after_it_means_somebody(
    line: Line,
) -> None:
    number = never(line, ("user_id", "jon"))
    line.send({"message_id": "a", "user_id": "jon"})
    line.drain()
    [found] = waiting(line)
    assert found.reason == "forbidden_id"
    with line.sessions.begin() as db:
        remove_never(db, line.project_id, number, "user:1", now=datetime.now(UTC) - timedelta(minutes=2))
    assert replay(line.stream, line.store, line.project_id, [(found.id, found.envelope)]) == 1
    line.drain()
    assert owners(line) == {"a": holder(line, "jon")}
    assert counters_add_up(line)


def test_what_was_sent_is_kept_as_it_was_sent_and_compared_without_blanks_and_capitals(line: Line) -> None:
    line.send(
        {
            "message_id": "a",
            "type": "identify",
            "tracking_id": "t1",
            "user_id": {" Email": " Jon@Shop.Example "},
        },
        {
            "message_id": "b",
            "type": "identify",
            "tracking_id": "t2",
            "user_id": {"email": "jon@shop.example"},
        },
    )
    line.drain()
    assert len(set(owners(line).values())) == 1
    assert [row.user_ids for row in stored(line)] == [
        {"email": " Jon@Shop.Example "},
        {"email": "jon@shop.example"},
    ]


def sign_in(number: int, minutes_ago: int, **ids: str) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return {
        "message_id": f"m{number}", "type": "identify", "tracking_id": f"t{number}", "user_id": ids,
        "timestamp": at.isoformat(),
    }  # fmt: skip


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 3, 2, 1)], ids=["in order", "backwards"])
def test_a_shared_till_gathers_no_more_browsers_a_day_than_the_project_allows(
    line: Line, order: tuple[int, ...]
) -> None:
    """The same whichever arrives first, each in a batch of its own."""
    say(line, "user_id", RuleChoice(new_links_per_day=2), timedelta(days=9))
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
    for number in order:
        at = {"timestamp": (noon + timedelta(minutes=number)).isoformat()}
        line.send({"message_id": f"v{number}", "tracking_id": f"t{number}", **at})
        line.send({**sign_in(number, 0, user_id="till"), **at})
        line.drain()
    visits = {message: first for message, first in group_of(line).items() if message.startswith("v")}
    # What names the till is the till's; the browsers that it gathered too late stay their own.
    assert visits == {"v1": "m1", "v2": "m1", "v3": "v3", "v4": "v4"}
    assert conflicts(line) == [("too_many_links", "till")] * 2
    assert counters_add_up(line)


def test_a_second_id_of_a_unique_type_is_somebody_elses(line: Line) -> None:
    say(line, "card", RuleChoice(max_per_customer=1))
    line.send(sign_in(1, 30, user_id="jon", card="first"))
    line.send(sign_in(2, 20, user_id="jon", card="second"))
    line.drain()
    assert conflicts(line) == [("second_of_unique_type", "second")]
    assert [each for each in ids_of(line, "jon") if each[0] == "card"] == [("card", "first")]
    assert len(set(owners(line).values())) == 1
    assert holder(line, "second") not in (None, holder(line, "jon"))


def test_what_happened_before_a_limit_was_set_is_not_limited_however_late_it_arrives(line: Line) -> None:
    say(line, "card", RuleChoice(max_per_customer=1), timedelta(minutes=25))
    for number, (minutes_ago, card) in enumerate(((40, "first"), (30, "second"), (20, "third"))):
        line.send(sign_in(number, minutes_ago, user_id="jon", card=card))
    line.drain()
    assert [value for id_type, value in ids_of(line, "jon") if id_type == "card"] == ["first", "second"]
    assert conflicts(line) == [("second_of_unique_type", "third")]


@pytest.mark.parametrize("after", [False, True])
def test_a_batch_repeated_after_a_limit_was_set_ends_the_same(line: Line, after: bool) -> None:
    line.send(*(sign_in(number, 30 - number, user_id="jon", card=f"card-{number}") for number in range(4)))
    partition = line.lease()
    batch = partition.claim(1000)
    assert batch is not None
    with suppress(Killed):
        line.runner(FailingStore(line.store, 1, after=after, error=Killed())).run(partition, batch)
    before = ids_of(line, "jon")
    say(line, "card", RuleChoice(max_per_customer=1), timedelta())
    say(line, "user_id", RuleChoice(new_links_per_day=1), timedelta())
    line.drain()
    assert ids_of(line, "jon") == before
    assert len(before) == 4 + 4 + 1
    assert len(set(owners(line).values())) == 1
    assert conflicts(line) == []


IDS = (
    {
        "message_id": "a",
        "type": "identify",
        "tracking_id": "ann",
        "user_id": {"user_id": "till", "device": "pad"},
    },
    {"message_id": "b", "user_id": {"device": "pad"}},
    {"message_id": "c", "type": "identify", "tracking_id": "bob", "user_id": "till"},
    register("d", "jon@shop.example", tracking_id="laptop", user_id="1"),
    register("e", "jon@shop.example", user_id="2"),
    {"message_id": "f", "type": "identify", "tracking_id": "phone", "user_id": {"email": "jon@shop.example"}},
)


def group_of(line: Line) -> dict[str, str]:
    """For each stored message the first one of the same customer."""
    found = owners(line)
    first: dict[str, str] = {}
    return {message: first.setdefault(owner, message) for message, owner in found.items()}


def send_long_ago(line: Line, received_ago: timedelta) -> None:
    """As if they had waited in the queue since."""
    entries = []
    first_ms = time.time_ns() // 1_000_000 - int(received_ago.total_seconds() * 1000)
    for number, message in enumerate(IDS):
        message = {"event": "page_view", "type": "track", **message}
        packed = {
            "p": line.project_id, "r": first_ms + number, "m": message, "i": message["message_id"],
        }  # fmt: skip
        entries.append(("anna", msgspec.json.encode(packed)))
    line.stream.append(line.project_id, entries)


def settings_of(line: Line, ago: timedelta) -> None:
    say(line, "device", SOFT, ago)
    say(line, "email", TOLD, ago)
    never(line, ("user_id", "till"), ago)


@pytest.mark.parametrize(
    "received_ago", [timedelta(minutes=10), timedelta(seconds=-30)], ids=["before", "after"]
)
@pytest.mark.parametrize("fails_at", [1, 2])
@pytest.mark.parametrize("after", [False, True])
def test_a_batch_repeated_after_the_settings_changed_ends_as_it_would_have(
    line: Line, fails_at: int, after: bool, received_ago: timedelta
) -> None:
    """Received before they count, they change nothing; after, all. The first attempt knows of them or does not, as a
    worker may whose memory is half a minute old.
    """
    worker = line.runner(FailingStore(line.store, fails_at, after=after, error=Killed()))
    is_before = received_ago > timedelta()
    if is_before:
        # It has read what there is, which is nothing.
        worker._id_judges.read([line.project_id])
    settings_of(line, timedelta() if is_before else timedelta(minutes=5))
    send_long_ago(line, received_ago)
    partition = line.lease()
    batch = partition.claim(1000)
    assert batch is not None
    with suppress(Killed):
        worker.run(partition, batch)
    line.drain()
    assert counters_add_up(line)
    set_aside = [row.reason for row in waiting(line)]
    if is_before:
        # The address is only that of who sent it as an id, in this batch too.
        assert set_aside == [EMAIL_IN_USE] * 2
        assert group_of(line) == {"a": "a", "b": "a", "c": "a", "f": "f"}
        assert ids_of(line, "till") == [
            ("device", "pad"), ("tracking_id", "ann"), ("tracking_id", "bob"), ("user_id", "till"),
        ]  # fmt: skip
    else:
        assert set_aside == [EMAIL_IN_USE]
        assert group_of(line) == {"a": "a", "b": "b", "c": "c", "d": "d", "f": "d"}
        assert holder(line, "till") is None
        assert ("email", "jon@shop.example") in ids_of(line, "1")
