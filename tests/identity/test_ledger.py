"""The ledger on real databases: what it costs, who waits for whom, several workers at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Link
from shopalytic.identity.ledger import Sighting, mark_overrides_sent, pending_overrides, refold, resolve
from shopalytic.identity.rules import owner_at
from shopalytic.identity.statements import hold_identity
from tests.identity.people import Shop, alias, folded, identify, saw


@contextmanager
def statements(sessions: sessionmaker[Session]) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*given: Any) -> None:
        seen.append(given[2])

    engine = sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_batch_of_anonymous_events_costs_one_look_up(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    with sessions.begin() as db:
        db.connection()
        with statements(sessions) as seen:
            resolve(db, shop.project, [saw(f"t{number}", at=number) for number in range(300)])
    assert len(seen) == 1


def test_a_batch_of_known_pairs_costs_three_look_ups_and_writes_nothing(
    sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sessions)
    shop.receive(*[saw(f"t{number}", f"u{number}", at=number) for number in range(50)])
    again = [saw(f"t{number}", f"u{number}", at=100 + number) for number in range(50)]
    with sessions.begin() as db:
        db.connection()
        with statements(sessions) as seen:
            resolve(db, shop.project, [*again, saw("t1", at=200)])
    assert len(seen) == 3
    assert all(one.startswith("SELECT") for one in seen)


def test_repeated_sightings_of_a_pair_keep_one_entry(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    for at in range(5):
        shop.receive(saw("t1", "17", at=at), saw("t1", "17", at=at + 0.5))
    with sessions() as db:
        count = select(func.count()).select_from(Link).where(Link.project_id == shop.project)
        assert db.scalar(count) == 1


def test_identify_on_every_request_reads_nobodys_whole_ledger(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    for at in range(20):
        shop.receive(identify("t1", "17", at=at))
    with sessions.begin() as db:
        db.connection()
        with statements(sessions) as seen:
            resolve(db, shop.project, [identify("t1", "17", at=100)])
    written = [one.split("(")[0].strip() for one in seen if not one.startswith(("SELECT", "WITH"))]
    assert written == ["INSERT INTO link"]
    assert not any("link.other_value IN" in one for one in seen)


def test_a_repeated_identify_counts_once_somebody_else_turns_out_to_have_signed_in_between(
    sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sessions)
    shop.receive(identify("kiosk", "a", at=0))
    shop.receive(identify("kiosk", "a", at=10))
    shop.receive(identify("kiosk", "b", at=5))
    [between, after] = shop.resolve([saw("kiosk", at=7), saw("kiosk", at=11)])
    assert between.customer_id == shop.customer("user_id", "b")
    assert after.customer_id == shop.visitor("kiosk")


def test_a_repeated_identify_counts_where_an_event_of_somebody_else_came_between(
    sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sessions)
    for one in (identify("kiosk", "a", at=0), saw("kiosk", "b", at=5), identify("kiosk", "a", at=10)):
        shop.receive(one)
    [between, after] = shop.resolve([saw("kiosk", at=7), saw("kiosk", at=11)])
    assert between.customer_id == shop.customer("user_id", "b")
    assert after.customer_id == shop.visitor("kiosk")


def test_a_repeated_identify_counts_where_the_first_was_struck(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    shop.receive(saw("", "a", at=0), identify("anna", "a", at=1, message="struck"))
    with sessions.begin() as db:
        hold_identity(db, shop.project)
        ours = (Link.project_id == shop.project, Link.message_id == "struck")
        db.execute(update(Link).where(*ours).values(active=False))
        refold(db, shop.project, [("user_id", "a")])
    assert shop.read()["struck"] == shop.customer("user_id", "a")
    assert shop.resolve([saw("anna", at=2)])[0].customer_id == shop.visitor("anna")
    shop.receive(identify("anna", "a", at=3))
    assert shop.resolve([saw("anna", at=2)])[0].customer_id == shop.customer("user_id", "a")


def test_an_id_that_looks_like_sql_is_an_id(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    odd = "x'); DROP TABLE link; -- % \\ é 🛒"
    shop.receive(identify(odd, odd, at=0), saw(odd, at=1))
    assert set(shop.read().values()) == {shop.visitor(odd)}


def test_an_address_with_a_nul_or_half_a_character_does_not_fail_the_batch(
    sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sessions)
    plain = identify("t1", "17", at=0)
    shop.receive(
        Sighting(
            kind=plain.kind,
            tracking_id="t1",
            user_ids=plain.user_ids,
            occurred_at=plain.occurred_at,
            message_id=plain.message_id,
            cause="x" * 100,
            url="https://shop.example/\0\ud800" + "y" * 5000,
        )
    )
    assert shop.identities()["user_id", "17"][0][1] == shop.visitor("t1")


def test_a_message_of_nobody_is_an_error_of_the_caller(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    with pytest.raises(ValueError, match="neither a tracking id nor a user id"):
        shop.receive(saw("", "", at=0))


def test_a_time_of_another_zone_is_the_same_instant(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    shop.receive(identify("kiosk", "a", at=0), identify("kiosk", "b", at=10))
    plain = saw("kiosk", at=10)
    tokyo = plain.occurred_at.astimezone(timezone(timedelta(hours=9)))
    [answer] = shop.receive(Sighting("track", "kiosk", {}, tokyo, "from-tokyo"))
    assert answer.customer_id == shop.customer("user_id", "b")


def test_more_ids_than_one_look_up_takes_are_all_found(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    people = [identify(f"t{number}", f"u{number}", at=number) for number in range(1201)]
    shop.receive(*people)
    answers = shop.resolve([saw("", f"u{number}", at=2000 + number) for number in range(1201)])
    assert [one.customer_id for one in answers] == [shop.visitor(f"t{number}") for number in range(1201)]


def test_a_rolled_back_batch_leaves_no_trace(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    with sessions() as db:
        resolve(db, shop.project, [identify("t1", "17", at=0)])
        db.rollback()
    assert shop.tables() == [[], [], [], []]


def test_overrides_wait_until_they_are_marked_as_sent(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    shop.receive(identify("kiosk", "a", at=0))
    shop.receive(identify("kiosk", "b", at=1))
    with sessions.begin() as db:
        [override] = [one for one in pending_overrides(db) if one.project_id == shop.project]
        assert override.origin_id == shop.visitor("kiosk")
        assert override.timeline == [
            ("1900-01-01 00:00:00.000", "2026-01-31 12:00:00.999", str(shop.visitor("kiosk"))),
            ("2026-01-31 12:00:01.000", "2299-12-31 23:59:59.999", str(shop.customer("user_id", "b"))),
        ]
        mark_overrides_sent(db, [override.version])
        mark_overrides_sent(db, [override.version])
    with sessions() as db:
        assert [one for one in pending_overrides(db) if one.project_id == shop.project] == []


@pytest.mark.postgres
def test_only_what_is_new_waits_for_the_project(postgresql_sessions: sessionmaker[Session]) -> None:
    shop, other = Shop(postgresql_sessions), Shop(postgresql_sessions)
    known = [saw("t1", "17", at=0), saw("t2", at=1), saw("", "17", at=2)]
    shop.receive(*known)
    with postgresql_sessions.begin() as holder:
        hold_identity(holder, shop.project)
        with postgresql_sessions.begin() as db:
            db.execute(text("SET LOCAL lock_timeout = '300ms'"))
            resolve(db, shop.project, [*known, saw("t1", "17", at=5)])
            resolve(db, other.project, [identify("t1", "18", at=3)])
            with pytest.raises(OperationalError, match="lock timeout"):
                resolve(db, shop.project, [identify("t1", "18", at=3)])
            db.rollback()


@pytest.mark.parametrize("seed", [1, 2])
def test_workers_at_once_come_to_the_same_as_one_after_another(
    sessions: sessionmaker[Session], seed: int
) -> None:
    shop = Shop(sessions)
    chance = random.Random(seed)
    sightings = [_anything(chance) for _ in range(240)]
    queues = [sightings[number::4] for number in range(4)]
    failed: list[BaseException] = []
    start = threading.Barrier(len(queues))

    def work(mine: list[Sighting]) -> None:
        try:
            start.wait(timeout=30)
            for first in range(0, len(mine), 6):
                shop.receive(*mine[first : first + 6])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(queue,)) for queue in queues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
    expected = folded(shop.project, sightings)
    assert shop.identities() == expected.timelines
    read = shop.read()
    for sighting in sightings:
        timeline = expected.timelines.get(sighting.origin)
        owner = owner_at(timeline, sighting.said_at) if timeline else shop.customer(*sighting.origin)
        assert read[sighting.message_id] == owner


def _anything(chance: random.Random) -> Sighting:
    visitor = chance.choice(["", *(f"t{number}" for number in range(25))])
    user = chance.choice(["", "", *(f"u{number}" for number in range(25))])
    if not visitor and not user:
        visitor = "t0"
    make = chance.choice([saw, identify, alias]) if user else saw
    return make(visitor, user, at=chance.randrange(1000))


def test_the_url_and_the_cause_stay_with_the_entry(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    at = datetime(2026, 1, 31, tzinfo=UTC)
    url = "https://shop.example/thanks"
    shop.receive(Sighting("track", "t1", {"user_id": "17"}, at, "m", cause="order", door="import", url=url))
    with sessions() as db:
        [link] = db.scalars(select(Link).where(Link.project_id == shop.project))
        assert (link.kind, link.cause, link.door, link.url) == ("track", "order", "import", url)
