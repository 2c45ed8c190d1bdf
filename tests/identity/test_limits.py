"""Limits on ids and links: the same in any order and any batches, also beside decisions."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Link
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.decisions import merge_customers, split_customer, undo_link
from shopalytic.identity.id_rules import RuleChoice, read_policy, save_rule
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.ledger import ENTRY_COLUMNS, Sighting, entry_of
from shopalytic.identity.rules import Customers, fold
from tests.identity.people import NOON, Shop, arrivals, identify, saw

WHOM: Any = {"by": "user:1", "door": "dashboard"}


def limit(shop: Shop, id_type: str, **choice: Any) -> None:
    with shop.sessions.begin() as db:
        before = NOON - timedelta(days=9)
        save_rule(db, shop.project, id_type, RuleChoice(**choice), by="user:1", now=before)


def whole(shop: Shop) -> Customers:
    """What a fold of the whole ledger comes to."""
    with shop.sessions() as db:
        rows = db.execute(select(*ENTRY_COLUMNS).where(Link.project_id == shop.project))
        return fold(shop.project, map(entry_of, rows), read_policy(db, shop.project))


def check(shop: Shop) -> None:
    expected = whole(shop)
    assert shop.identities() == expected.timelines
    assert shop.conflicts() == {(one.message_id, one.kind, *one.id) for one in expected.refused}


def owner(shop: Shop, id_type: str, value: str) -> UUID:
    return shop.identities()[id_type, value][0][1]


def link_of(shop: Shop, visitor: str) -> int:
    with shop.sessions() as db:
        link = select(Link.id).where(Link.project_id == shop.project, Link.tracking_id == visitor)
        return db.scalars(link.order_by(Link.id)).first() or 0


@settings(max_examples=150, deadline=None)
@given(
    arrivals(),
    st.lists(
        st.tuples(st.sampled_from(["undo", "merge", "split"]), st.integers(0, 9), st.integers(0, 9)),
        max_size=3,
    ),
)
def test_any_batches_with_decisions_between_them_come_to_the_same_under_tight_limits(
    sqlite_sessions: sessionmaker[Session],
    given_arrivals: tuple[list[Sighting], list[list[Sighting]]],
    wanted: list[tuple[str, int, int]],
) -> None:
    shop = Shop(sqlite_sessions)
    limit(shop, "user_id", new_links_per_day=1)
    limit(shop, "email", max_per_customer=1)
    limit(shop, VISITOR, max_per_customer=2)
    _, batches = given_arrivals
    for number, batch in enumerate(batches):
        shop.receive(*batch)
        if number < len(wanted):
            decide(shop, *wanted[number], at=number)
        check(shop)


def decide(shop: Shop, kind: str, first: int, second: int, *, at: int) -> None:
    """Among messages that were said before and after it; one that the ledger refuses is not made."""
    known = sorted(shop.identities().items())
    if not known:
        return
    owners = [step[1] for _, steps in known for step in steps]
    one, other = owners[first % len(owners)], owners[second % len(owners)]
    ids = [each for each, steps in known if one in {step[1] for step in steps}]
    moment: Any = {"at": NOON + timedelta(seconds=4 * at + 0.5), **WHOM}
    with suppress(NotFound, Rejected), shop.sessions.begin() as db:
        if kind == "merge":
            merge_customers(db, shop.project, one, other, **moment)
        elif kind == "split":
            split_customer(db, shop.project, one, ids[:1], **moment)
        else:
            links = db.scalars(select(Link.id).where(Link.project_id == shop.project)).all()
            undo_link(db, shop.project, one, links[second % len(links)], **moment)


def test_an_undo_does_not_let_in_the_next_link_that_waits(sqlite_sessions: sessionmaker[Session]) -> None:
    shop = Shop(sqlite_sessions)
    limit(shop, "user_id", new_links_per_day=2)
    for number in range(4):
        shop.receive(identify(f"w{number}", "x", number))
    customer = owner(shop, "user_id", "x")
    with shop.sessions.begin() as db:
        undo_link(db, shop.project, customer, link_of(shop, "w1"), at=NOON + timedelta(seconds=9), **WHOM)
    assert [owner(shop, VISITOR, f"w{number}") == customer for number in range(4)] == [True, *[False] * 3]
    check(shop)


def test_a_link_that_waits_goes_on_waiting_the_next_day_and_is_told_once(
    sqlite_sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sqlite_sessions)
    limit(shop, "user_id", new_links_per_day=1)
    day_seconds = 24 * 3600
    shop.receive(identify("w1", "x", 0))
    shop.receive(identify("w2", "x", 1, message="first"))
    shop.receive(identify("w2", "x", day_seconds))
    shop.receive(identify("w3", "x", day_seconds + 1))
    assert owner(shop, VISITOR, "w2") != owner(shop, VISITOR, "w3") == owner(shop, "user_id", "x")
    assert {message for message, *_ in shop.conflicts()} == {"first"}
    check(shop)


def test_what_was_merged_for_a_browser_of_before_is_told_as_refused_once_it_was_somebody_elses(
    sqlite_sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sqlite_sessions)
    limit(shop, VISITOR, max_per_customer=1)
    for visitor, user, at in (("v", "x", 1), ("w", "x", 2), ("u", "z", 3)):
        shop.receive(identify(visitor, user, at))
    anonymous = owner(shop, VISITOR, "w")
    with shop.sessions.begin() as db:
        merge_customers(
            db, shop.project, owner(shop, "user_id", "z"), anonymous, at=NOON + timedelta(seconds=50), **WHOM
        )
    assert owner(shop, VISITOR, "w") == owner(shop, "user_id", "z")
    shop.receive(identify("w", "q", 0))
    assert owner(shop, VISITOR, "w") == owner(shop, "user_id", "q") != owner(shop, "user_id", "z")
    assert "merge" in {kind for _, kind, *_ in shop.conflicts()}
    check(shop)


@pytest.mark.parametrize(("most", "reason"), [(1, "second_of_unique_type"), (2, "too_many_ids")])
def test_a_customer_gets_no_more_ids_of_a_type_than_the_project_allows(
    sqlite_sessions: sessionmaker[Session], most: int, reason: str
) -> None:
    shop = Shop(sqlite_sessions)
    limit(shop, "card", max_per_customer=most)
    for number in range(most + 1):
        shop.receive(identify(f"v{number}", {"user_id": "x", "card": f"c{number}"}, number))
    cards = [owner(shop, "card", f"c{number}") for number in range(most + 1)]
    assert cards[:most] == [owner(shop, "user_id", "x")] * most
    assert cards[most] == shop.customer("card", f"c{most}")
    assert {one.reason for one in whole(shop).refused} == {reason}
    check(shop)


@pytest.mark.parametrize("first_day", [1, 2])
def test_of_sightings_that_were_taken_back_the_earliest_used_up_a_days_room(
    sqlite_sessions: sessionmaker[Session], first_day: int
) -> None:
    day_seconds = 24 * 3600
    shop = Shop(sqlite_sessions)
    limit(shop, "user_id", new_links_per_day=1)
    for day in (first_day, 3 - first_day):
        shop.receive(saw("w2", "x", at=day * day_seconds))
    with shop.sessions.begin() as db:
        undo_link(
            db,
            shop.project,
            owner(shop, "user_id", "x"),
            link_of(shop, "w2"),
            at=NOON + timedelta(days=3),
            **WHOM,
        )
    shop.receive(identify("w3", "x", 2 * day_seconds))
    assert owner(shop, VISITOR, "w3") == owner(shop, "user_id", "x")
    check(shop)


def test_a_waiting_link_that_was_undone_links_when_it_is_said_on_another_day(
    sqlite_sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sqlite_sessions)
    limit(shop, "user_id", new_links_per_day=1)
    shop.receive(identify("w1", "x", 0), identify("w2", "x", 1))
    with shop.sessions.begin() as db:
        undo_link(
            db,
            shop.project,
            owner(shop, VISITOR, "w2"),
            link_of(shop, "w2"),
            at=NOON + timedelta(seconds=5),
            **WHOM,
        )
    assert shop.conflicts() == set()
    shop.receive(identify("w2", "x", 5 * 24 * 3600))
    assert owner(shop, VISITOR, "w2") == owner(shop, "user_id", "x")
    check(shop)


def test_a_rule_moves_nothing_that_was_said_by_a_clock_that_is_ahead(
    sqlite_sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sqlite_sessions)
    for number in range(3):
        shop.receive(identify(f"w{number}", "x", 60 + number))
    before = shop.identities()
    with shop.sessions.begin() as db:
        choice = RuleChoice(max_per_customer=1, new_links_per_day=1)
        save_rule(db, shop.project, VISITOR, choice, by="user:1", now=NOON)
    check(shop)
    assert shop.identities() == before
