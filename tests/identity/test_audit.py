"""Slices of any size see every part once; and what changes while one looks is no difference."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Identity, Link
from shopalytic.identity.audit import (
    Difference,
    Slice,
    compare,
    look_again,
    newest_entry,
    read_slice,
    read_timelines,
    stray_conflicts,
    stray_identities,
)
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.lookup import find_customer
from shopalytic.identity.rules import BEGINNING
from shopalytic.identity.statements import hold_identity
from shopalytic.identity.strip import read_holdings, strip_customer
from tests.identity.people import NOON, Shop, arrivals, identify, saw

Arrivals = tuple[list[Sighting], list[list[Sighting]]]
SOME = settings(max_examples=40, deadline=None)


def slices(sessions: sessionmaker[Session], project_id: int, limit: int) -> Iterator[Slice]:
    with sessions() as db:
        until = newest_entry(db, project_id)
    after: int | None = 0
    while after is not None:
        with sessions() as db:
            found = read_slice(db, project_id, after, until, limit)
        yield found
        after = found.last


def differences(sessions: sessionmaker[Session], project_id: int, limit: int = 3) -> list[Difference]:
    """As the check finds them, strays too; without looking again."""
    found = []
    for part in slices(sessions, project_id, limit):
        with sessions() as db:
            found += compare(db, project_id, part.customers)
    with sessions() as db:
        found += stray_conflicts(db, project_id, 0, 1000)[1]
        return found + stray_identities(db, project_id, UUID(int=0), 1000)[1]


@SOME
@given(arrivals(), st.integers(1, 5))
def test_slices_of_any_size_see_every_entry_and_every_id_once(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals, limit: int
) -> None:
    shop = Shop(sqlite_sessions)
    for batch in given_arrivals[1]:
        shop.receive(*batch)
    found = list(slices(shop.sessions, shop.project, limit))
    with shop.sessions() as db:
        entries = len(db.scalars(select(Link.id).where(Link.project_id == shop.project)).all())
    assert sum(one.entries for one in found) == entries
    ids = [each for one in found for each in one.customers.timelines]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(shop.identities())


@SOME
@given(arrivals(), st.integers(1, 5))
def test_whatever_arrived_there_is_no_difference(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals, limit: int
) -> None:
    shop = Shop(sqlite_sessions)
    for batch in given_arrivals[1]:
        shop.receive(*batch)
    assert differences(shop.sessions, shop.project, limit) == []


@SOME
@given(arrivals(), st.integers(1, 5), st.randoms(use_true_random=False))
def test_any_row_that_is_changed_missing_or_too_many_is_found_and_mended(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals, limit: int, chance: random.Random
) -> None:
    shop = Shop(sqlite_sessions)
    for batch in given_arrivals[1]:
        shop.receive(*batch)
    before = shop.identities()
    if not before:
        return
    each = chance.choice(sorted(before))
    step = chance.choice(before[each])
    ours = (
        Identity.project_id == shop.project, Identity.id_type == each[0], Identity.id_value == each[1],
        Identity.from_at == step[0],
    )  # fmt: skip
    with shop.sessions.begin() as db:
        match chance.choice(["changed", "missing", "too many"]):
            case "changed":
                db.execute(update(Identity).where(*ours).values(customer_id=UUID(int=1)))
            case "missing":
                db.execute(delete(Identity).where(*ours))
            case _:
                wrong = {"customer_id": UUID(int=1), "from_at": NOON.replace(year=2027), "since": NOON}
                db.execute(
                    insert(Identity).values(
                        project_id=shop.project, id_type=each[0], id_value=each[1], **wrong
                    )
                )
    found = differences(shop.sessions, shop.project, limit)
    assert {one.id for one in found} == {each}
    with shop.sessions.begin() as db:
        hold_identity(db, shop.project)
        assert look_again(db, shop.project, found, mends=True) == found
    assert shop.identities() == before
    assert differences(shop.sessions, shop.project, limit) == []


@SOME
@given(arrivals(), st.randoms(use_true_random=False))
def test_who_is_erased_leaves_no_difference_behind(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals, chance: random.Random
) -> None:
    shop = Shop(sqlite_sessions)
    for batch in given_arrivals[1]:
        shop.receive(*batch)
    before = shop.identities()
    if not before:
        return
    with shop.sessions.begin() as db:
        hold_identity(db, shop.project)
        customer = find_customer(db, shop.project, chance.choice(sorted(before))[1])
        assert customer is not None
        strip_customer(db, shop.project, read_holdings(db, shop.project, customer))
    assert differences(shop.sessions, shop.project) == []


def test_an_id_that_the_ledger_does_not_know_is_its_own_customer(sessions: sessionmaker[Session]) -> None:
    shop = Shop(sessions)
    with sessions() as db:
        [step] = read_timelines(db, shop.project, [("tracking_id", "anna")])[("tracking_id", "anna")]
    assert (step.from_at, step.customer_id) == (BEGINNING, shop.visitor("anna"))


def test_a_link_between_the_ledger_and_the_table_is_no_difference_under_the_lock(
    sessions: sessionmaker[Session],
) -> None:
    """The ledger is read before somebody signs in, the table after it."""
    shop = Shop(sessions)
    shop.receive(saw("", "a", at=0), identify("anna", "b", at=1))
    [part, _] = slices(shop.sessions, shop.project, 10)
    shop.receive(identify("bert", "a", at=2), identify("anna", "a", at=3))
    with sessions() as db:
        found = compare(db, shop.project, part.customers)
    assert found != []
    with sessions.begin() as db:
        hold_identity(db, shop.project)
        assert look_again(db, shop.project, found, mends=True) == []


def test_what_is_looked_at_again_waits_for_whoever_changes_it(sessions: sessionmaker[Session]) -> None:
    """A worker has written its entry and not yet what follows from it; the one who looks again waits for both."""
    shop = Shop(sessions)
    shop.receive(identify("anna", "a", at=1))
    suspects = [Difference("identity_wrong", ("tracking_id", "anna"))]
    seen: list[list[Difference]] = []

    def look() -> None:
        with sessions.begin() as db:
            hold_identity(db, shop.project)
            seen.append(look_again(db, shop.project, suspects, mends=True))

    with sessions.begin() as db:
        resolve(db, shop.project, [identify("anna", "b", at=2)])
        other = threading.Thread(target=look)
        other.start()
        _wait_until_it_waits(sessions)
        assert seen == []
    other.join()
    assert seen == [[]]


def _wait_until_it_waits(sessions: sessionmaker[Session]) -> None:
    """PostgreSQL tells who waits for the lock. On SQLite nothing does: the thread is at its BEGIN, or about to be."""
    engine = sessions.kw["bind"]
    if engine.dialect.name != "postgresql":
        return
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(10_000):
        with engine.connect() as connection:
            if connection.scalar(waiting):
                return
    raise AssertionError("nobody waits for the lock")
