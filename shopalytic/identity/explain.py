"""Why are these one person? Answered with the entries of the ledger, and in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Conflict, Link
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.lookup import CustomerId, customer_ids
from shopalytic.identity.rules import (
    BEGINNING,
    EARLIEST_ONLY,
    OWNED_BY_ANOTHER,
    Entry,
    Id,
    Pair,
    Timeline,
    owner_at,
    void,
)
from shopalytic.identity.sightings import meant_by
from shopalytic.identity.statements import chunks
from shopalytic.identity.wording import clause, spell

LINK = Link.__table__.c
CONFLICT = Conflict.__table__.c
COLUMNS = (
    LINK.id, LINK.kind, LINK.tracking_id, LINK.id_type, LINK.id_value, LINK.other_type, LINK.other_value,
    LINK.occurred_at, LINK.message_id, LINK.cause, LINK.door, LINK.url, LINK.active, LINK.decided_by, LINK.target,
)  # fmt: skip


class CustomerLink(msgspec.Struct, frozen=True, kw_only=True):
    """One entry that concerns a customer. `since` is when its message was said, or when it was decided.

    active: False where it was taken back. refused: the reason where it changed nothing, such as `owned_by_another`.
    earlier_elsewhere: what the visitor did before stayed with somebody else. of_other: an alias gave the id to whoever
    had the other one. others: those of its ids that are somebody else's, and whose they were then.
    """

    link_id: int
    type: str
    value: str
    since: datetime
    cause: str
    message_id: str
    active: bool
    kind: str
    tracking_id: str
    other_type: str
    other_value: str
    door: str
    url: str
    decided_by: str = ""
    target: str = ""
    refused: str | None = None
    earlier_elsewhere: bool = False
    of_other: bool = False
    others: dict[Id, UUID] = {}

    @property
    def other(self) -> Id:
        return self.other_type, self.other_value


def links(
    db: Session, project_id: int, customer_id: UUID, ids: Sequence[CustomerId] | None = None
) -> list[CustomerLink]:
    """The entries that made the customer what it is, what it asked for in vain and what was taken back; oldest first.

    Entries of a browser that it shares are here only where they are about one of its own ids, or were made in its
    time. `[]` for an anonymous visitor. ids: the customer's, where they are known already.
    """
    rows = _touching(db, project_id, customer_ids(db, project_id, customer_id) if ids is None else ids)
    timelines = read_owners(db, project_id, {each for row in rows for each in _ids(row)})
    refused = _read_refused(db, project_id, timelines)
    void_ids = _find_void(rows)
    found = [
        _link(row, customer_id, timelines, refused, is_void=row.id in void_ids)
        for row in rows
        if customer_id in _owners(row, timelines)
    ]
    return sorted(found, key=lambda link: (link.since, link.message_id, link.link_id))


def sentences(found: Iterable[CustomerLink], names: Mapping[str, str] | None = None) -> list[str]:
    """One sentence a link, in the same order; times in UTC. names: what those are called who decided, by `decided_by`."""
    return [f"{link.since:%Y-%m-%d %H:%M:%S} UTC: {spell(clause(link, names or {}))}." for link in found]


def _touching(db: Session, project_id: int, ids: Iterable[Any]) -> list[Any]:
    by_type: dict[str, list[str]] = {}
    for one in ids:
        by_type.setdefault(one.type, []).append(one.value)
    in_project = select(*COLUMNS).where(LINK.project_id == project_id)
    rows: dict[int, Any] = {}
    for id_type, values in by_type.items():
        for some in chunks(values):
            conditions: list[tuple[Any, ...]] = [
                (LINK.id_type == id_type, LINK.id_value.in_(some)),
                (LINK.other_type == id_type, LINK.other_value.in_(some)),
            ]
            if id_type == VISITOR:
                conditions.append((LINK.tracking_id.in_(some),))
            for condition in conditions:
                rows |= {row.id: row for row in db.execute(in_project.where(*condition))}
    return list(rows.values())


def _ids(row: Any) -> list[Id]:
    named = [(row.id_type, row.id_value), (row.other_type, row.other_value), (VISITOR, row.tracking_id)]
    return [each for each in named if each[1]]


def _owners(row: Any, timelines: Mapping[Id, Timeline]) -> dict[UUID, Id]:
    """Whose the ids were at its time, with the first of each owner."""
    named = _ids(row)
    if row.kind == "alias" and row.other_value:
        named = [(row.id_type, row.id_value), _meant(row, timelines)]
    owners: dict[UUID, Id] = {}
    for each in named:
        # An id that an alias only guessed at has no timeline.
        if each in timelines:
            owners.setdefault(owner_at(timelines[each], row.occurred_at), each)
    return owners


def _meant(row: Any, timelines: Mapping[Id, Timeline]) -> Id:
    return meant_by((row.other_type, row.other_value), row.tracking_id, timelines, row.occurred_at)


def _find_void(rows: Sequence[Any]) -> set[int]:
    """The ids of those that were taken back. Of repeated sightings only the earliest counts: later ones share its fate."""
    if not any(row.kind == "undo" for row in rows):
        return set()
    entries = {row.id: _entry(row) for row in rows}
    taken_back = void(entries.values())
    if not taken_back:
        return set()
    earliest: dict[Pair, Entry] = {}
    for entry in entries.values():
        if entry.kind in EARLIEST_ONLY:
            known = earliest.get(entry.pair)
            if known is None or entry.moment < known.moment:
                earliest[entry.pair] = entry
    return {number for number, entry in entries.items() if earliest.get(entry.pair, entry) in taken_back}


def _entry(row: Any) -> Entry:
    return Entry(
        kind=row.kind,
        tracking_id=row.tracking_id,
        id=(row.id_type, row.id_value),
        other=(row.other_type, row.other_value),
        occurred_at=row.occurred_at,
        message_id=row.message_id,
        active=row.active,
        target=row.target,
    )


def _read_refused(db: Session, project_id: int, ids: Iterable[Id]) -> dict[tuple[str, str], dict[Id, str]]:
    """(message id, kind) -> the ids that it asked for in vain, with the reason."""
    by_type: dict[str, list[str]] = {}
    for id_type, value in ids:
        if id_type != VISITOR:
            by_type.setdefault(id_type, []).append(value)
    found: dict[tuple[str, str], dict[Id, str]] = {}
    columns = (CONFLICT.message_id, CONFLICT.kind, CONFLICT.id_type, CONFLICT.id_value, CONFLICT.reason)
    for id_type, values in by_type.items():
        for some in chunks(values):
            query = select(*columns).where(
                CONFLICT.project_id == project_id, CONFLICT.id_type == id_type, CONFLICT.id_value.in_(some)
            )
            for row in db.execute(query):
                found.setdefault((row.message_id, row.kind), {})[row.id_type, row.id_value] = row.reason
    return found


def _link(
    row: Any,
    customer_id: UUID,
    timelines: Mapping[Id, Timeline],
    refused: Mapping[tuple[str, str], Mapping[Id, str]],
    *,
    is_void: bool,
) -> CustomerLink:
    steps = timelines.get((VISITOR, row.tracking_id), ())
    reasons = refused.get((row.message_id, row.kind), {})
    named = _ids(row)
    owners = {each: owner_at(timelines[each], row.occurred_at) for each in named if each in timelines}
    is_active = row.active and not is_void
    reason = next((reasons[each] for each in named if each in reasons), None) if reasons else None
    if reason is None and row.kind in ("alias", "same") and len(_owners(row, timelines)) > 1:
        reason = OWNED_BY_ANOTHER
    return CustomerLink(
        link_id=row.id,
        type=row.id_type,
        value=row.id_value,
        since=row.occurred_at,
        cause=row.cause,
        message_id=row.message_id,
        active=is_active,
        kind=row.kind,
        tracking_id=row.tracking_id,
        other_type=row.other_type,
        other_value=row.other_value,
        door=row.door,
        url=row.url,
        decided_by=row.decided_by,
        target=row.target,
        refused=reason if is_active else None,
        of_other=row.kind == "alias" and _meant(row, timelines) == (row.other_type, row.other_value),
        earlier_elsewhere=row.kind in ("identify", "track", "merge")
        and any(step.from_at == row.occurred_at > BEGINNING for step in steps),
        others={each: owner for each, owner in owners.items() if owner != customer_id},
    )
