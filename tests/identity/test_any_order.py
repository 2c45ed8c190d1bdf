"""Whatever the order, the batches, the repeats: the same customers, and every stored row read as theirs."""

from __future__ import annotations

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Link
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.ledger import Sighting, refold
from shopalytic.identity.rules import BEGINNING, fold, owner_at
from shopalytic.identity.statements import hold_identity
from tests.identity.people import Shop, all_entries, arrivals, folded, sighting_lists

Arrivals = tuple[list[Sighting], list[list[Sighting]]]
SOME = settings(max_examples=80, deadline=None)


@SOME
@given(sighting_lists(), st.randoms(use_true_random=False))
def test_any_order_of_the_same_messages_gives_the_same_customers(
    sightings: list[Sighting], chance: random.Random
) -> None:
    entries = all_entries(sightings)
    shuffled = entries + chance.choices(entries, k=3) if entries else []
    chance.shuffle(shuffled)
    expected, found = fold(1, entries), fold(1, shuffled)
    assert found.timelines == expected.timelines
    assert set(found.refused) == set(expected.refused)


@SOME
@given(sighting_lists())
def test_timelines_have_no_gaps_and_a_hard_id_has_one_owner(sightings: list[Sighting]) -> None:
    for (id_type, _), timeline in folded(1, sightings).timelines.items():
        assert timeline[0].from_at == BEGINNING
        assert id_type == VISITOR or len(timeline) == 1
        assert all(a.from_at < b.from_at for a, b in itertools.pairwise(timeline))
        assert all(a.customer_id != b.customer_id for a, b in itertools.pairwise(timeline))


@SOME
@given(sighting_lists())
def test_parts_that_share_no_id_may_be_folded_apart(sightings: list[Sighting]) -> None:
    here = all_entries(sightings)
    there = [
        type(entry)(
            kind=entry.kind,
            tracking_id=entry.tracking_id and f"other-{entry.tracking_id}",
            id=(entry.id[0], f"other-{entry.id[1]}"),
            other=(entry.other[0], f"other-{entry.other[1]}") if entry.other[1] else entry.other,
            occurred_at=entry.occurred_at,
            message_id=entry.message_id,
        )
        for entry in here
    ]
    together = fold(1, here + there)
    assert together.timelines == fold(1, here).timelines | fold(1, there).timelines


@SOME
@given(arrivals())
def test_the_ledger_comes_to_the_same_as_the_rules_in_any_order_and_any_batches(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals
) -> None:
    sightings, batches = given_arrivals
    shop = Shop(sqlite_sessions)
    for batch in batches:
        shop.receive(*batch)
    expected = folded(shop.project, sightings)
    assert shop.identities() == expected.timelines
    assert shop.conflicts() == {(one.message_id, one.kind, *one.id) for one in expected.refused}


@settings(max_examples=100, deadline=None)
@given(arrivals(), st.data())
def test_every_stored_row_is_read_as_whose_it_is_at_the_end(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals, data: st.DataObject
) -> None:
    """Also rows that were resolved before, but stored after, others changed who is who."""
    sightings, batches = given_arrivals
    shop = Shop(sqlite_sessions)
    late = []
    for batch in batches:
        answers = shop.resolve(batch)
        if data.draw(st.booleans(), label="stored late"):
            late.append((batch, answers))
        else:
            shop.store(batch, answers)
    for batch, answers in late:
        shop.store(batch, answers)
    expected = folded(shop.project, sightings).timelines
    read = shop.read()
    for sighting in sightings:
        timeline = expected.get(sighting.origin)
        owner = owner_at(timeline, sighting.said_at) if timeline else shop.customer(*sighting.origin)
        assert read[sighting.message_id] == owner
    assert [one.customer_id for one in shop.resolve(sightings)] == [read[one.message_id] for one in sightings]


@SOME
@given(arrivals(), st.data())
def test_a_repeated_batch_changes_nothing_and_gets_the_right_answer(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals, data: st.DataObject
) -> None:
    """Repeated at once, or after others; with its messages in another order."""
    _, batches = given_arrivals
    shop = Shop(sqlite_sessions)
    for batch in batches:
        shop.receive(*batch)
    before = shop.tables()
    batch = data.draw(st.permutations(data.draw(st.sampled_from(batches))))
    answers = shop.resolve([*batch, *batch])
    assert shop.tables() == before
    assert answers[: len(batch)] == answers[len(batch) :]
    read = shop.read()
    assert [one.customer_id for one in answers] == [read[one.message_id] for one in [*batch, *batch]]


@SOME
@given(arrivals(), st.data())
def test_a_struck_entry_counts_as_never_said_and_rows_follow(
    sqlite_sessions: sessionmaker[Session], given_arrivals: Arrivals, data: st.DataObject
) -> None:
    sightings, batches = given_arrivals
    shop = Shop(sqlite_sessions)
    struck_after = data.draw(st.integers(0, len(batches)))
    message = data.draw(st.sampled_from(sightings)).message_id
    for batch in batches[:struck_after]:
        shop.receive(*batch)
    with shop.sessions.begin() as db:
        hold_identity(db, shop.project)
        ours = (Link.project_id == shop.project, Link.message_id == message)
        ids = {(one.id_type, one.id_value) for one in db.query(Link).where(*ours)}
        db.execute(update(Link).where(*ours).values(active=False))
        refold(db, shop.project, ids)
    for batch in batches[struck_after:]:
        shop.receive(*batch)
    with shop.sessions() as db:
        active = {
            (one.kind, one.id_value, one.other_value): one.active for one in db.query(Link).where(*ours)
        }
    entries = [
        entry
        if entry.message_id != message or active.get((entry.kind, entry.id[1], entry.other[1]), True)
        else type(entry)(
            kind=entry.kind,
            tracking_id=entry.tracking_id,
            id=entry.id,
            other=entry.other,
            occurred_at=entry.occurred_at,
            message_id=message,
            active=False,
        )
        for entry in all_entries(sightings)
    ]
    expected = fold(shop.project, entries).timelines
    assert shop.identities() == expected
    read = shop.read()
    for sighting in sightings:
        timeline = expected.get(sighting.origin)
        owner = owner_at(timeline, sighting.said_at) if timeline else shop.customer(*sighting.origin)
        assert read[sighting.message_id] == owner
