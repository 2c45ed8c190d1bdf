"""A decision on its way into the ledger, and what it changes there."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Link
from shopalytic.errors import Rejected
from shopalytic.identity.derived import read_owners
from shopalytic.identity.entries import NO_ID, Entry, Id, Tie
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.ledger import refold, row_of
from shopalytic.identity.overrides import END_TEXT, instant_text
from shopalytic.identity.rules import BEGINNING, Step, Timeline, owner_at
from shopalytic.identity.statements import insert_into
from shopalytic.identity.strip import Span

MUCH = 1_000_000
"""What one of the shop's ids weighs beside browsers."""
Kind = Literal["undo", "split", "merge"]


class Change(msgspec.Struct, frozen=True):
    """What a decision did. moved: rows that part from their customer, or join another; customers: whose the ids that it touched are
    afterwards, first the one it was about, where there is such a one still.
    """

    decision_id: str
    moved: list[Span]
    customers: list[UUID]


class Draft:
    """Entries on their way into the ledger."""

    def __init__(self, kind: Kind, by: str, door: str, at: datetime) -> None:
        self.kind = kind
        self.by = by
        self.door = door
        self.at = at
        self.id = str(uuid.uuid4())
        self.entries: list[Entry] = []
        self._undone: set[Tie] = set()

    def undo(self, entry: Entry, target: str = "") -> None:
        if entry.tie not in self._undone:
            self._undone.add(entry.tie)
            self._add("undo", entry.tracking_id, entry.id, entry.other, target)

    def merge(self, into: Id, other: Id, *, as_sign_in: bool = True) -> None:
        """as_sign_in: of a visitor and a hard id, as if he had signed in; False: he has become somebody else since, and
        it is about what he did before.
        """
        hard = next((each for each in (into, other) if each[0] != VISITOR), None)
        visitor = next((each for each in (other, into) if each[0] == VISITOR), None)
        if hard is None:
            self._add("merge", other[1], into)
        elif visitor is None or not as_sign_in:
            self._add("merge", "", into, other)
        else:
            self._add("merge", visitor[1], hard)

    def _add(
        self, kind: Literal["undo", "merge"], tracking_id: str, id: Id, other: Id = NO_ID, target: str = ""
    ) -> None:
        self.entries.append(
            Entry(
                kind=kind, tracking_id=tracking_id, id=id, other=other, occurred_at=self.at, message_id=self.id,
                target=target,
            )
        )  # fmt: skip

    def rows(self, project_id: int) -> list[dict[str, object]]:
        return [
            row_of(project_id, entry, cause=self.kind, door=self.door, decided_by=self.by)
            for entry in self.entries
        ]


def carry_out(
    db: Session, project_id: int, decision: Draft, known: Sequence[Entry], asked: Sequence[UUID]
) -> Change:
    """known: all entries connected with the decision's ids, before it."""
    if not decision.entries:
        raise Rejected("This would change nothing.")
    ids = {each for entry in [*known, *decision.entries] for each in entry.ids}
    before = read_owners(db, project_id, ids)
    db.execute(insert_into(db, Link), decision.rows(project_id))
    refold(db, project_id, {each for entry in decision.entries for each in entry.ids})
    after = read_owners(db, project_id, ids)
    own = default_timeline(project_id)
    times = [
        (each, *time)
        for each in ids
        for time in _side_by_side(before.get(each) or own(each), after.get(each) or own(each))
    ]
    stays = _successors((each, was, now) for each, _, _, was, now in times)
    moved = [
        Span(origin_id(project_id, *each), from_at, to_at)
        for each, from_at, to_at, was, now in times
        if now != stays[was]
    ]
    touched = {now for *_, was, now in times if was in asked}
    first = [one for one in asked if one in touched]
    return Change(decision.id, moved, [*first, *sorted(touched - {*first}, key=str)])


def _successors(times: Iterable[tuple[Id, UUID, UUID]]) -> dict[UUID, UUID]:
    """Who each customer is afterwards: where it parts, the part that keeps its number, if one of the shop's ids is in it;
    else the part with the most ids.

    The number may go with the other part: it is made from the browser that was seen first. A customer who becomes part of
    one that was there before is gone.
    """
    parts: dict[UUID, Counter[UUID]] = {}
    for each, was, now in times:
        parts.setdefault(was, Counter())[now] += 1 if each[0] == VISITOR else MUCH
    found = {}
    for was, ids in parts.items():
        own = [one for one in ids if one == was or one not in parts]
        found[was] = max(own, key=lambda one: (ids[one] >= MUCH, one == was, ids[one], str(one)), default=was)
    return found


def _side_by_side(before: Timeline, after: Timeline) -> Iterable[tuple[str, str, UUID, UUID]]:
    """(from, to, owner before, owner after): both instants inclusive texts to the millisecond."""
    starts = sorted({step.from_at for step in (*before, *after)})
    ends = [*(instant_text(start - timedelta(milliseconds=1)) for start in starts[1:]), END_TEXT]
    for start, end in zip(starts, ends, strict=True):
        yield instant_text(start), end, owner_at(before, start), owner_at(after, start)


def default_timeline(project_id: int) -> Callable[[Id], Timeline]:
    return lambda each: (Step(BEGINNING, origin_id(project_id, *each), BEGINNING),)
