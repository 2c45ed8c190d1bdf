"""The refused links as a table: whom each is about, and what was decided of it, whatever is said later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Conflict, Identity
from shopalytic.identity.refusals import write_conflicts
from shopalytic.identity.rules import BEGINNING, Customers, Refused, Step
from shopalytic.identity.sightings import Sighting
from tests.identity.people import NOON, Shop, alias, arrivals, identify, saw


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> Shop:
    return Shop(sessions)


def refused(shop: Shop) -> list[Conflict]:
    with shop.sessions() as db:
        query = select(Conflict).where(Conflict.project_id == shop.project)
        return list(db.scalars(query.order_by(Conflict.occurred_at)))


def parties(shop: Shop) -> list[tuple[UUID | None, UUID | None]]:
    return [(one.owner_id, one.asked_id) for one in refused(shop)]


def leave(shop: Shop) -> None:
    with shop.sessions.begin() as db:
        mark = {"decision": "left", "decided_by": "user:1", "decided_at": NOON}
        db.execute(update(Conflict).where(Conflict.project_id == shop.project).values(**mark))


def test_an_alias_is_about_the_owner_of_the_id_and_whoever_the_visitor_is_then(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", "ben", 0), alias("t2", "ann", 10))
    assert parties(shop) == [(shop.visitor("t1"), shop.visitor("t2"))]


def test_on_a_shared_browser_it_is_about_who_was_there_at_that_time(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", "ben", 0), identify("t2", "cid", 20))
    shop.receive(alias("t2", "ann", 10), alias("t2", "ann", 30))
    assert parties(shop) == [
        (shop.visitor("t1"), shop.visitor("t2")),
        (shop.visitor("t1"), shop.customer("user_id", "cid")),
    ]


def test_two_ids_in_one_message_are_about_their_owners(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", {"email": "b@shop.example"}, 0))
    shop.receive(saw("", {"user_id": "ann", "email": "b@shop.example"}, at=10))
    [one] = refused(shop)
    assert (one.id_value, one.other_type, one.other_value) == ("b@shop.example", "user_id", "ann")
    assert parties(shop) == [(shop.visitor("t2"), shop.visitor("t1"))]


def test_an_alias_of_a_known_id_is_about_its_owner_and_not_the_visitor(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", "ben", 0))
    shop.receive(alias("", "ann", 10, previous="ben"))
    assert parties(shop) == [(shop.visitor("t1"), shop.visitor("t2"))]


def test_whom_it_is_about_follows_what_is_said_later(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 10), identify("t2", "ben", 10), alias("t2", "ann", 20))
    # Earlier than all of it: so it was ben's customer from the beginning who signed in on t2.
    shop.receive(identify("t9", "ben", 0))
    assert parties(shop) == [(shop.visitor("t1"), shop.visitor("t9"))]


def test_what_was_left_stays_left_when_the_fold_is_written_again(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", "ben", 0), alias("t2", "ann", 10))
    leave(shop)
    shop.receive(identify("t3", "ann", 20), identify("t2", {"email": "b@shop.example"}, 30))
    assert [(one.decision, one.decided_by) for one in refused(shop)] == [("left", "user:1")]


def test_the_same_said_again_is_not_asked_again(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", "ben", 0), alias("t2", "ann", 10))
    leave(shop)
    shop.receive(alias("t2", "ann", 20), alias("t2", "ann", 5))
    assert [(one.decision, one.decided_at) for one in refused(shop)] == [("left", NOON)] * 3


def test_of_somebody_else_it_is_asked_anew(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", "ben", 0), alias("t2", "ann", 10))
    leave(shop)
    shop.receive(identify("t3", "cid", 20), alias("t3", "ann", 30))
    assert [one.decision for one in refused(shop)] == ["left", ""]


def test_another_reason_is_asked_anew(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), identify("t2", "ben", 0), alias("t2", "ann", 10))
    leave(shop)
    [one] = refused(shop)
    again = Refused(
        one.kind,  # type: ignore[arg-type]
        one.tracking_id,
        ("user_id", "ann"),
        one.message_id,
        one.occurred_at,
        "too_many_ids",
    )
    whose = {("user_id", "ann"): (Step(BEGINNING, shop.visitor("t1"), NOON),)}
    with shop.sessions.begin() as db:
        write_conflicts(db, shop.project, Customers(whose, [again]))
    assert [(one.reason, one.decision) for one in refused(shop)] == [("too_many_ids", "")]


def test_what_is_refused_no_more_goes_and_its_mark_with_it(shop: Shop) -> None:
    shop.receive(identify("t1", "ann", 0), saw("t2", "ben", at=0), alias("t2", "ann", 10))
    leave(shop)
    said: list[Any] = refused(shop)
    # Had he signed in as ann before he was ben, the alias would have said nothing new.
    shop.receive(identify("t2", "ann", 5))
    assert said
    assert refused(shop) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrival=arrivals())
def test_in_whatever_order_messages_arrive_it_is_about_the_same_two(
    sqlite_sessions: sessionmaker[Session], arrival: tuple[list[Sighting], list[list[Sighting]]]
) -> None:
    sightings, batches = arrival
    shop, all_at_once = Shop(sqlite_sessions), Shop(sqlite_sessions)
    for batch in batches:
        shop.receive(*batch)
    all_at_once.receive(*sightings)
    assert told(shop) == told(all_at_once)


def told(shop: Shop) -> list[tuple[Any, ...]]:
    """The refused links without what differs between two projects: customers are named by an id that they have."""
    with shop.sessions() as db:
        names: dict[UUID | None, str] = {None: ""}
        for one in db.scalars(
            select(Identity)
            .where(Identity.project_id == shop.project)
            .order_by(Identity.id_type, Identity.id_value)
        ):
            names.setdefault(one.customer_id, f"{one.id_type} {one.id_value}")
    return sorted(
        (one.message_id, one.kind, one.id_value, one.other_value, one.reason, names[one.owner_id], names[one.asked_id])
        for one in refused(shop)
    )  # fmt: skip
