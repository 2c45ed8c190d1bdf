"""Why are these one person? Answered with the entries of the ledger, and in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Link
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.lookup import customer_ids
from shopalytic.identity.rules import BEGINNING, OWNED_BY_ANOTHER, Id, Timeline, owner_at
from shopalytic.identity.sightings import meant_by
from shopalytic.identity.statements import chunks

LINK = Link.__table__.c


class CustomerLink(msgspec.Struct, frozen=True, kw_only=True):
    """One entry that concerns a customer. `since` is when its message was said.

    refused: `owned_by_another` where it changed nothing, since the id is another customer's. earlier_elsewhere: what
    the visitor did before stayed with somebody else. of_other: an alias gave the id to whoever had the other one.
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
    refused: str | None = None
    earlier_elsewhere: bool = False
    of_other: bool = False


def links(db: Session, project_id: int, customer_id: UUID) -> list[CustomerLink]:
    """The entries that made the customer what it is, and what it asked for in vain; oldest first.

    Entries of a browser that it shares are here only where they are about one of its own ids, or were made in its
    time. `[]` for an anonymous visitor.
    """
    rows = _touching(db, project_id, customer_ids(db, project_id, customer_id))
    timelines = read_owners(db, project_id, {each for row in rows for each in _ids(row)})
    found = [_link(row, timelines) for row in rows if _concerns(row, customer_id, timelines)]
    return sorted(found, key=lambda link: (link.since, link.message_id, link.link_id))


def sentences(found: Iterable[CustomerLink]) -> list[str]:
    """One sentence a link, in the same order; times in UTC."""
    return [_sentence(link) for link in found]


def _touching(db: Session, project_id: int, ids: Iterable[Any]) -> list[Any]:
    by_type: dict[str, list[str]] = {}
    for one in ids:
        by_type.setdefault(one.type, []).append(one.value)
    table: Any = Link.__table__
    in_project = select(table).where(LINK.project_id == project_id)
    rows: dict[int, Any] = {}
    for id_type, values in by_type.items():
        for some in chunks(values):
            if id_type == VISITOR:
                conditions: list[tuple[Any, ...]] = [(LINK.tracking_id.in_(some),)]
            else:
                conditions = [
                    (LINK.id_type == id_type, LINK.id_value.in_(some)),
                    (LINK.other_type == id_type, LINK.other_value.in_(some)),
                ]
            for condition in conditions:
                rows |= {row.id: row for row in db.execute(in_project.where(*condition))}
    return list(rows.values())


def _ids(row: Any) -> list[Id]:
    named = [(row.id_type, row.id_value), (row.other_type, row.other_value), (VISITOR, row.tracking_id)]
    return [each for each in named if each[1]]


def _concerns(row: Any, customer_id: UUID, timelines: Mapping[Id, Timeline]) -> bool:
    return any(owner == customer_id for owner in _owners(row, timelines))


def _owners(row: Any, timelines: Mapping[Id, Timeline]) -> list[UUID]:
    named = _ids(row)
    if row.kind == "alias" and row.other_value:
        named = [(row.id_type, row.id_value), _meant(row, timelines)]
    # An id that an alias only guessed at has no timeline.
    return [owner_at(timelines[each], row.occurred_at) for each in named if each in timelines]


def _meant(row: Any, timelines: Mapping[Id, Timeline]) -> Id:
    return meant_by((row.other_type, row.other_value), row.tracking_id, timelines, row.occurred_at)


def _link(row: Any, timelines: Mapping[Id, Timeline]) -> CustomerLink:
    steps = timelines.get((VISITOR, row.tracking_id), ())
    refused = row.active and row.kind in ("alias", "same") and len(set(_owners(row, timelines))) > 1
    return CustomerLink(
        link_id=row.id,
        type=row.id_type,
        value=row.id_value,
        since=row.occurred_at,
        cause=row.cause,
        message_id=row.message_id,
        active=row.active,
        kind=row.kind,
        tracking_id=row.tracking_id,
        other_type=row.other_type,
        other_value=row.other_value,
        door=row.door,
        url=row.url,
        refused=OWNED_BY_ANOTHER if refused else None,
        of_other=row.kind == "alias" and _meant(row, timelines) == (row.other_type, row.other_value),
        earlier_elsewhere=any(step.from_at == row.occurred_at > BEGINNING for step in steps),
    )


def _sentence(link: CustomerLink) -> str:
    user = f"{link.type} {link.value}"
    visitor = f"visitor {link.tracking_id}"
    match link.kind:
        case "identify":
            said = f"{visitor} was identified as {user}"
        case "track":
            said = f"{visitor} sent an event as {user}"
        case "alias":
            known = f"{link.other_type} {link.other_value}" if link.of_other else visitor
            said = f"{user} was named a further id of {known}"
        case "same":
            said = f"{user} and {link.other_type} {link.other_value} came in one message"
        case _:
            said = f"{user} was first seen, without a browser"
    where = f" on {link.url}" if link.url else ""
    return f"{link.since:%Y-%m-%d %H:%M:%S} UTC: {said} ({link.cause}{where}){_effect(link)}."


def _effect(link: CustomerLink) -> str:
    if not link.active:
        return "; this was undone"
    if link.refused:
        return "; refused, since they belong to different customers"
    if link.earlier_elsewhere:
        return "; from then on its events are this customer's, earlier ones stay where they were"
    return ""
