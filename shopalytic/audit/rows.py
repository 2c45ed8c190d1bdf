"""Whose the rows of the event store are, as reports read them. Asked of one month and one share of the origins at a time.

A share is cut by a hash of the origin: so a month of any size is read in pieces that fit into the memory, and a piece
reads no other month.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import VISITOR, origin_id, sort_user_ids
from shopalytic.identity.overrides import instant_text
from shopalytic.identity.rules import Id, Timeline
from shopalytic.store import Store

ORIGINS_AT_ONCE = 10_000
TIMELINES_AT_ONCE = 200
"""In one statement, as its parameter."""


class Month(msgspec.Struct, frozen=True):
    month: int
    origins: int


class Held(msgspec.Struct, frozen=True):
    """Rows of one origin that reports count as one owner's; visitor, ids: what any of them names."""

    origin_id: UUID
    owner_id: UUID
    rows: int
    visitor: str
    ids: dict[str, str]


class Stretch(msgspec.Struct, frozen=True):
    """Rows of one origin in the time of one step of its timeline, that reports count as one owner's; month: the first that has any."""

    origin_id: UUID
    step: int
    owner_id: UUID
    rows: int
    month: int


class Seen(msgspec.Struct):
    """What a piece comes to. suspects: origins that somebody should look at again, each with its id.

    unknown: those whose rows are not their own customer's, and that no id of theirs leads to.
    """

    rows: int = 0
    suspects: dict[UUID, Id] = {}
    unknown: dict[UUID, Held] = {}


def list_months(store: Store, project_id: int) -> list[Month]:
    """Months with rows, and how many origins each has, more or less."""
    return store.rows(
        Month,
        "SELECT toYYYYMM(occurred_at) AS month, uniq(origin_id) AS origins FROM {{events}} "
        "WHERE project_id = {project:UInt32} GROUP BY month ORDER BY month",
        project=project_id,
    )


def see_piece(
    store: Store, sessions: sessionmaker[Session], project_id: int, month: int, piece: int, pieces: int
) -> Seen:
    """Compare a piece with the table `identity`. What was stored or linked in between may show as a suspect."""
    held = store.rows(
        Held,
        "SELECT origin_id, {{owner}} AS owner_id, count() AS rows, any((tracking_id, user_ids)) AS named, "
        "tupleElement(named, 1) AS visitor, tupleElement(named, 2) AS ids "
        "FROM {{events}} WHERE project_id = {project:UInt32} AND toYYYYMM(occurred_at) = {month:UInt32} "
        "AND sipHash64(origin_id) % {pieces:UInt32} = {piece:UInt32} GROUP BY origin_id, owner_id",
        project=project_id, month=month, pieces=pieces, piece=piece,
    )  # fmt: skip
    ids = {one.origin_id: each for one in held if (each := find_id(project_id, one)) is not None}
    with reading(sessions) as db:
        timelines = read_owners(db, project_id, set(ids.values()))
    seen = Seen(rows=sum(one.rows for one in held))
    several: dict[UUID, Timeline] = {}
    for one in held:
        each = ids.get(one.origin_id)
        timeline = timelines.get(each) if each is not None else None
        if timeline is not None and len(timeline) > 1:
            several[one.origin_id] = timeline
        elif one.owner_id != (timeline[0].customer_id if timeline else one.origin_id):
            if each is None:
                seen.unknown[one.origin_id] = one
            else:
                seen.suspects[one.origin_id] = each
    wrong = find_wrong(store, project_id, several, month)
    seen.suspects |= {one.origin_id: ids[one.origin_id] for one in wrong}
    return seen


def find_wrong(
    store: Store, project_id: int, timelines: Mapping[UUID, Timeline], month: int | None = None
) -> list[Stretch]:
    """Rows of the origins that reports count as somebody else's than the timelines say; of one month, or of all."""
    found = []
    for origins in chunks_of(list(timelines)):
        stretches = store.rows(
            Stretch,
            "SELECT origin_id, toUInt32(arrayCount(at -> at <= occurred_at, {starts:Array(Array(DateTime64(3, 'UTC')))}"
            "[indexOf({origins:Array(UUID)}, origin_id)])) - 1 AS step, {{owner}} AS owner_id, count() AS rows, "
            "min(toYYYYMM(occurred_at)) AS month "
            "FROM {{events}} WHERE project_id = {project:UInt32} AND origin_id IN {origins:Array(UUID)} "
            "AND ({month:UInt32} = 0 OR toYYYYMM(occurred_at) = {month:UInt32}) GROUP BY origin_id, step, owner_id",
            project=project_id,
            origins=[str(origin) for origin in origins],
            starts=[[instant_text(step.from_at) for step in timelines[origin]] for origin in origins],
            month=month or 0,
        )  # fmt: skip
        found += [
            one for one in stretches if one.owner_id != timelines[one.origin_id][max(one.step, 0)].customer_id
        ]
    return found


def chunks_of(origins: list[UUID]) -> list[list[UUID]]:
    return [origins[at : at + TIMELINES_AT_ONCE] for at in range(0, len(origins), TIMELINES_AT_ONCE)]


def find_id(project_id: int, held: Held) -> Id | None:
    """The id that the rows stand under: the one that the origin is made of. None where none of theirs is it, as with
    the rows of somebody anonymised.
    """
    named = [(VISITOR, held.visitor)] if held.visitor else []
    for each in (*named, *held.ids.items()):
        if origin_id(project_id, *each) == held.origin_id:
            return each
    # Rows keep ids as they were sent; an origin is made of what they mean.
    for name, value in held.ids.items():
        for each in sort_user_ids({name: value})[0].items():
            if origin_id(project_id, *each) == held.origin_id:
                return each
    return None
