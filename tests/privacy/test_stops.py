"""Who is tracked no more: dropped, counted, and kept nowhere; until resumed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Link, StoppedId, Trait
from shopalytic.errors import NotFound
from shopalytic.events.message import Envelope
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.stops import EFFECTIVE_AFTER, REREAD_SECONDS, Stops
from shopalytic.pipeline.stopped import is_stopped
from shopalytic.pipeline.told import Teller
from shopalytic.privacy import stops
from tests.privacy.conftest import Shop
from tests.privacy.test_anonymise import order

JON = {"tracking_id": "jon-browser", "user_id": {"user_id": "4417-jon", "email": "jon@shop.example"}}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change counts from now on, and workers know of it at once."""
    monkeypatch.setattr("shopalytic.privacy.stops.EFFECTIVE_AFTER", timedelta(milliseconds=-1))
    monkeypatch.setattr("shopalytic.identity.stops.REREAD_SECONDS", -1.0)


def meet(shop: Shop) -> None:
    """Jon signs in with his browser, Ann with hers; both with the kiosk."""
    shop.visit(
        {**JON, "type": "identify", "properties": {"name": "Jon", "email": "Jon@Home.example"}},
        {"tracking_id": "ann-browser", "user_id": "ann", "type": "identify"},
        {"tracking_id": "kiosk", "user_id": "4417-jon", "type": "identify"},
        {"tracking_id": "kiosk", "user_id": "ann", "type": "identify"},
    )


def stop(shop: Shop, id: str = "4417-jon") -> stops.Change:
    return stops.stop_tracking(shop.parts, shop.project, shop.get(id), by="command")


def resume(shop: Shop) -> stops.Change:
    return stops.resume_tracking(shop.parts, shop.project, shop.get("4417-jon"), by="user:1")


def stored(shop: Shop, *messages: dict[str, Any]) -> list[str]:
    """Which of the messages are stored, by `message_id`."""
    before = {row.message_id for row in shop.rows()}
    shop.visit(*messages)
    assert shop.counters_add_up()
    return sorted({row.message_id for row in shop.rows()} - before)


@pytest.mark.usefixtures("at_once")
def test_every_message_with_an_id_of_his_is_dropped_and_others_are_stored(shop: Shop) -> None:
    meet(shop)
    change = stop(shop)
    assert sorted(change.ids) == [
        ("email", "jon@home.example"), ("email", "jon@shop.example"), (VISITOR, "jon-browser"),
        ("user_id", "4417-jon"),
    ]  # fmt: skip
    assert change.shared == ["kiosk"]
    dropped: list[dict[str, Any]] = [
        {"tracking_id": "jon-browser"},
        {"tracking_id": "new-browser", "user_id": "4417-jon"},
        {"tracking_id": "new-browser", "user_id": {"email": " JON@shop.example "}},
        {"user_id": {"email": "jon@home.example", "loyalty": "L1"}},
        {"tracking_id": "jon-browser", "user_id": "another"},
        {"user_id": "4417-jon", **order("77", "10.00")},
        {"tracking_id": "x", "user_id": "neu", "type": "alias", "previous_id": "4417-jon"},
        {"tracking_id": "x", "user_id": "neu", "type": "alias", "previous_id": "jon-browser"},
        {"tracking_id": "jon-browser", "timestamp": "never"},
        {"tracking_id": "jon-browser", "properties": "of a wrong type"},
        {"user_id": {"user_id": "4417-jon", **{f"card{number}": "1" for number in range(30)}}},
    ]
    others: list[dict[str, Any]] = [
        {"message_id": "kiosk", "tracking_id": "kiosk"},
        {"message_id": "ann", "tracking_id": "ann-browser", "user_id": "ann"},
        {"message_id": "other-type", "user_id": {"loyalty": "4417-jon"}},
        {"message_id": "fresh", "tracking_id": "new-browser"},
    ]
    assert stored(shop, *dropped, *others) == ["ann", "fresh", "kiosk", "other-type"]
    assert shop.counters().dropped == {"not_tracked": len(dropped)}
    assert shop.counters().quarantined == 0


@pytest.mark.usefixtures("at_once")
def test_nothing_is_learned_of_whoever_is_stopped(shop: Shop) -> None:
    meet(shop)
    stop(shop)
    with reading(shop.parts.sessions) as db:
        before = (db.query(Link).count(), db.query(Trait).count())
    shop.visit(
        {"tracking_id": "phone", "user_id": "4417-jon", "type": "identify", "properties": {"name": "J"}}
    )
    with reading(shop.parts.sessions) as db:
        assert (db.query(Link).count(), db.query(Trait).count()) == before
        assert "jon" not in " ".join(row.digest for row in db.query(StoppedId))
    assert shop.find("phone") is None


@pytest.mark.usefixtures("at_once")
def test_the_debugger_does_not_see_the_message(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    meet(shop)
    stop(shop)
    feed = shop.parts.stream.feed
    told: list[bytes] = []
    feed.publish = lambda project_id, contents: told.extend(contents)  # type: ignore[method-assign]
    feed.watched = lambda: frozenset({shop.project.project_id})  # type: ignore[method-assign]
    shop.runner._tell = Teller(feed).tell
    again = {"message_id": "m-again", "tracking_id": "jon-browser"}
    shop.visit(again, again, {"tracking_id": "ann-browser", "user_id": "ann"})
    assert len(told) == 1
    assert b"jon" not in told[0]


@pytest.mark.usefixtures("at_once")
def test_a_resumed_person_is_tracked_again_and_can_be_stopped_again(shop: Shop) -> None:
    meet(shop)
    stop(shop)
    assert len(resume(shop).ids) == 4
    assert stored(shop, {"message_id": "a", **JON}) == ["a"]
    assert resume(shop).ids == []
    assert len(stop(shop).ids) == 4
    assert stored(shop, {"message_id": "b", **JON}) == []
    first, second = sorted(stops.list_stops(shop.parts.sessions, shop.project.project_id), key=_asked_at)
    assert (first.is_over, second.is_over) == (True, False)


def _asked_at(record: stops.StopRecord) -> datetime:
    return record.asked_at


@pytest.mark.usefixtures("at_once")
def test_stopped_twice_is_stopped_once_and_a_new_id_is_added(shop: Shop) -> None:
    meet(shop)
    first = stop(shop)
    assert (stop(shop).ids, stop(shop).stop_id) == ([], "")
    resume(shop)
    shop.visit({"tracking_id": "tablet", "user_id": "4417-jon", "type": "identify"})
    again = stop(shop)
    assert (VISITOR, "tablet") in again.ids
    assert again.stop_id != first.stop_id


@pytest.mark.usefixtures("at_once")
def test_an_anonymous_visitor_can_be_stopped(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.visit({"tracking_id": "eve"})
    visitor = origin_id(shop.project.project_id, VISITOR, "eve")
    change = stops.stop_tracking(shop.parts, shop.project, visitor, by="key:1")
    assert change.ids == [(VISITOR, "eve")]
    assert stored(shop, {"message_id": "later", "tracking_id": "eve"}) == []


@pytest.mark.usefixtures("at_once")
def test_it_stays_after_the_person_is_forgotten_and_can_be_resumed_from_the_list(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    meet(shop)
    stop(shop)
    shop.erase("forget", shop.get("4417-jon"))
    assert stored(shop, {"message_id": "late", **JON}) == []
    assert shop.find("4417-jon") is None
    [record] = stops.list_stops(shop.parts.sessions, shop.project.project_id)
    assert (record.ids, record.asked_by, record.is_over) == (4, "command", False)
    project_id = shop.project.project_id
    assert stops.resume_stop(shop.parts.sessions, project_id, record.stop_id, by="user:1") is not None
    assert stops.resume_stop(shop.parts.sessions, project_id, record.stop_id, by="user:1") is None
    assert stored(shop, {"message_id": "back", **JON}) == ["back"]


def test_a_dry_run_changes_nothing_and_nobody_is_not_found(shop: Shop) -> None:
    meet(shop)
    jon = shop.get("4417-jon")
    change = stops.stop_tracking(shop.parts, shop.project, jon, by="command", is_dry_run=True)
    assert (len(change.ids), change.at, change.stop_id) == (4, None, "")
    assert stops.list_stops(shop.parts.sessions, shop.project.project_id) == []
    assert resume(shop).ids == []
    for act in (stops.stop_tracking, stops.resume_tracking):
        with pytest.raises(NotFound):
            act(shop.parts, shop.project, uuid4(), by="command")
    with pytest.raises(NotFound):
        stops.resume_stop(shop.parts.sessions, shop.project.project_id, str(uuid4()), by="command")


def test_a_stop_of_one_project_is_no_other_ones(shop: Shop) -> None:
    meet(shop)
    made = stop(shop)
    with pytest.raises(NotFound):
        stops.resume_stop(shop.parts.sessions, shop.project.project_id + 1, made.stop_id, by="command")
    assert Stops(shop.parts.sessions).find(shop.project.project_id + 1) is None


def test_what_counts_is_when_a_message_was_received_however_late_it_is_worked_on(shop: Shop) -> None:
    """A batch may be tried first before a stop, and again long after it was resumed."""
    meet(shop)
    stopped = stop(shop)
    resumed = resume(shop)
    assert stopped.at is not None
    assert resumed.at is not None
    found = Stops(shop.parts.sessions).find(shop.project.project_id)
    assert found is not None

    def is_dropped(at: datetime) -> bool:
        raw = msgspec.Raw(msgspec.json.encode(JON))
        received_ms = round(at.timestamp() * 1000)
        return is_stopped(Envelope(project_id=1, received_at=received_ms, message=raw), None, found)

    moment = timedelta(milliseconds=2)
    assert [is_dropped(stopped.at + step) for step in (-moment, moment)] == [False, True]
    assert [is_dropped(resumed.at + step) for step in (-moment, moment)] == [True, False]
    assert stopped.at > datetime.now(UTC) + EFFECTIVE_AFTER / 2


def test_a_worker_knows_of_a_change_before_it_counts(shop: Shop) -> None:
    meet(shop)
    clock = [0.0]
    now: Callable[[], float] = lambda: clock[0]  # noqa: E731
    cache = Stops(shop.parts.sessions, now=now)
    assert cache.find(shop.project.project_id) is None
    stop(shop)
    clock[0] = REREAD_SECONDS
    assert cache.find(shop.project.project_id) is None
    clock[0] += 1
    first = cache.find(shop.project.project_id)
    assert first is not None
    clock[0] += REREAD_SECONDS + 1
    assert cache.find(shop.project.project_id) is first
    resume(shop)
    clock[0] += REREAD_SECONDS + 1
    assert cache.find(shop.project.project_id) is not first
    assert EFFECTIVE_AFTER.total_seconds() >= REREAD_SECONDS * 2
