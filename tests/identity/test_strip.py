"""Whatever the ledger says: taking one customer out of it moves nothing of the others."""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Conflict, Identity, Link, Override, Trait
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.decisions import (
    list_decisions,
    merge_customers,
    split_customer,
    undo_decision,
    undo_link,
)
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.ledger import Sighting, refold, resolve
from shopalytic.identity.rules import Id, Step, Timeline
from shopalytic.identity.statements import hold_identity
from shopalytic.identity.strip import PLACEHOLDER, read_holdings, strip_customer
from shopalytic.identity.traits import save_traits
from tests.identity.people import Shop, identify, saw
from tests.identity.test_audit import differences

START = datetime(2026, 1, 1, tzinfo=UTC)
_projects = itertools.count(7_000_000)

sayings = st.lists(
    st.tuples(
        st.sampled_from(["identify", "track", "alias"]),
        st.sampled_from(["t1", "t2", "t3", ""]),
        st.dictionaries(st.sampled_from(["user_id", "email"]), st.sampled_from(["a", "b", "c"]), max_size=2),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=12,
)


def say(db: Session, project_id: int, said: list[Any]) -> None:
    """Several things may be said in one instant, but not beside an alias: without it the others of its instant are read
    in another order, which is the alias's own rule.
    """
    apart = timedelta(minutes=any(kind == "alias" for kind, *_ in said))
    sightings = [
        Sighting(
            kind,
            visitor,
            {name: f"{name}-{value}" for name, value in ids.items()},
            START + timedelta(hours=hour) + number * apart,
            f"m{number}",
        )
        for number, (kind, visitor, ids, hour) in enumerate(said)
        if ids and (visitor or kind != "alias")
    ]
    resolve(db, project_id, sightings)
    save_traits(
        db,
        project_id,
        [
            (VISITOR, one.tracking_id, {f"p{number}": 1}, one.occurred_at, one.message_id)
            for number, one in enumerate(sightings)
            if one.tracking_id
        ],
    )


decided = st.lists(
    st.tuples(st.sampled_from(["merge", "undo", "split", "back"]), st.integers(0, 20), st.integers(0, 20)),
    max_size=6,
)


def decide(db: Session, project_id: int, wanted: list[Any]) -> None:
    """Decisions of the day after; those that the ledger refuses are not made."""
    whom: Any = {"by": "user:1", "door": "dashboard"}
    for number, (kind, first, second) in enumerate(wanted):
        at = START + timedelta(days=1, hours=number)
        known = sorted(owners(db, project_id).items())
        # Two browsers more, of whom only the store knows.
        visitors = {origin_id(project_id, VISITOR, visitor): visitor for visitor in ("t8", "t9")}
        customers = [step.customer_id for _, steps in known for step in steps] + [*visitors] * 2
        customer, other = customers[first % len(customers)], customers[second % len(customers)]
        ids = [each for each, steps in known if customer in {step.customer_id for step in steps}]
        links = list(db.scalars(select(Link.id).where(Link.project_id == project_id).order_by(Link.id)))
        made = list_decisions(db, project_id)
        with suppress(NotFound, Rejected):
            match kind:
                case "merge":
                    merge_customers(db, project_id, customer, other, at=at, visitors=visitors, **whom)
                case "undo":
                    undo_link(db, project_id, customer, links[second % len(links)], at=at, **whom)
                case "split":
                    split_customer(db, project_id, customer, ids[: 1 + second % 3], at=at, **whom)
                case "back" if made:
                    undo_decision(db, project_id, made[second % len(made)].decision_id, at=at, **whom)


def owners(db: Session, project_id: int) -> dict[Id, Timeline]:
    columns = Identity.__table__.c
    ids = db.execute(
        select(columns.id_type, columns.id_value).where(columns.project_id == project_id).distinct()
    )
    return read_owners(db, project_id, [(row.id_type, row.id_value) for row in ids])


def of_others(
    timelines: dict[Id, Timeline], gone: set[UUID]
) -> dict[Id, list[tuple[datetime, datetime, UUID]]]:
    """For each id, when it was whose, without what was the customers' who are gone."""
    found = {}
    for each, steps in timelines.items():
        ends = [step.from_at for step in steps[1:]] + [datetime.max.replace(tzinfo=UTC)]
        own = [
            (step.from_at, end, step.customer_id)
            for step, end in zip(steps, ends, strict=True)
            if step.customer_id not in gone
        ]
        if own:
            found[each] = own
    return found


def named(project_id: int, timelines: dict[Id, Any]) -> dict[Id, Any]:
    """Without browsers that are nobody's but their own, which is what one is that the ledger does not name."""
    return {
        each: spans
        for each, spans in timelines.items()
        if [owner for *_, owner in spans] != [origin_id(project_id, VISITOR, each[1])]
    }


def holders(timelines: dict[Id, Timeline]) -> set[UUID]:
    """Who holds a placeholder: nobody."""
    return {
        step.customer_id
        for (_, value), steps in timelines.items()
        for step in steps
        if value.startswith(PLACEHOLDER)
    }


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(said=sayings, wanted=decided, chosen=st.integers(0, 20))
def test_nothing_of_the_others_moves_and_no_id_is_left(
    sessions: sessionmaker[Session], said: list[Any], wanted: list[Any], chosen: int
) -> None:
    project_id = next(_projects)
    with sessions.begin() as db:
        say(db, project_id, said)
        if owners(db, project_id):
            decide(db, project_id, wanted)
        before = owners(db, project_id)
    # By the ids, not by the customers' numbers, which are others in each project.
    customers = [step.customer_id for _, steps in sorted(before.items()) for step in steps]
    if not customers:
        return
    customer = customers[chosen % len(customers)]
    with sessions.begin() as db:
        hold_identity(db, project_id)
        holdings = read_holdings(db, project_id, customer)
        strip_customer(db, project_id, holdings)
    assert differences(sessions, project_id) == []
    with sessions() as db:
        after = owners(db, project_id)
        nobodys = holders(after) | {customer}
        assert named(project_id, of_others(after, nobodys)) == named(
            project_id, of_others(before, {customer})
        )
        own = {*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)}
        assert not own & set(after)
        for model in (Link, Conflict, Trait):
            for row in db.scalars(select(model).where(model.project_id == project_id)):
                assert (row.id_type, row.id_value) not in own
                assert (getattr(row, "other_type", ""), getattr(row, "other_value", "")) not in own
                assert getattr(row, "tracking_id", "") not in holdings.own_visitors
        for one in db.scalars(select(Conflict).where(Conflict.project_id == project_id)):
            assert (one.other_type, one.other_value) not in own
            # The number of who was first on a shared browser is from then on nobody's.
            assert customer in holders(after) or customer not in (one.owner_id, one.asked_id)
        columns = Override.__table__.c
        left = db.scalars(select(columns.origin_id).where(columns.project_id == project_id)).all()
        gone = {span.origin_id for span in holdings.spans if span.is_whole}
        assert not gone & set(left)
    with sessions.begin() as db:
        hold_identity(db, project_id)
        refold(db, project_id, set(after))
    with sessions() as db:
        assert {each: whose(steps) for each, steps in owners(db, project_id).items()} == {
            each: whose(steps) for each, steps in after.items()
        }


def test_a_merge_of_two_visitors_that_was_taken_back_names_neither_once_one_is_erased(
    sessions: sessionmaker[Session],
) -> None:
    project_id = next(_projects)
    visitors = {origin_id(project_id, VISITOR, visitor): visitor for visitor in ("t1", "t2")}
    first, second = visitors
    whom: Any = {"by": "user:1", "door": "dashboard"}
    for erased in visitors:
        with sessions.begin() as db:
            made = merge_customers(db, project_id, first, second, visitors=visitors, **whom)
            undo_decision(db, project_id, made.decision_id, **whom)
        with sessions.begin() as db:
            strip_customer(db, project_id, read_holdings(db, project_id, erased))
        with sessions() as db:
            assert db.scalars(select(Link).where(Link.project_id == project_id)).all() == []


def whose(steps: tuple[Step, ...]) -> list[tuple[datetime, UUID]]:
    return [(step.from_at, step.customer_id) for step in steps]


def test_what_another_did_on_a_shared_browser_stays_his_however_late_that_was_known(
    sqlite_sessions: sessionmaker[Session],
) -> None:
    shop = Shop(sqlite_sessions)
    shop.receive(identify("w", "a", 1))
    shop.receive(saw("w", at=5, message="his"))
    shop.receive(identify("w", "b", 4))
    [erased] = {step[1] for step in shop.identities()["user_id", "a"]}
    [other] = {step[1] for step in shop.identities()["user_id", "b"]}
    with shop.sessions.begin() as db:
        strip_customer(db, shop.project, read_holdings(db, shop.project, erased))
    assert shop.read()["his"] == other
