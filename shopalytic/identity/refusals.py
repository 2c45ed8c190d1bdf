"""The refused links as a table: whom each is about, and what somebody has decided of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Conflict, Link
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.rules import NO_ID, Customers, Id, Refused, Timeline, owner_at
from shopalytic.identity.sightings import meant_by
from shopalytic.identity.statements import chunks, insert_into

CONFLICT = Conflict.__table__.c
LINK = Link.__table__.c
NOT_DECIDED = {"decision": "", "decided_by": "", "decided_at": None}

RefusalKey = tuple[str, str, str, str]
"""(message id, kind, type, value)"""
Question = tuple[str, Id, "Parties"]
"""(reason, the id, whom it is about): the same refusal said again and again is one question."""


class Parties(NamedTuple):
    """owner: whose the id is. asked: who was said to have it too. None: the ledger does not know the id."""

    owner: UUID | None
    asked: UUID | None


def write_conflicts(db: Session, project_id: int, customers: Customers) -> None:
    """Make the table say what the fold refuses. Rows stay as long as it refuses the same, with what was decided of them.

    What is refused anew is decided already where the same question was: who left a conflict is not asked again each
    time that a page repeats it.
    """
    wanted = {_key(one): one for one in customers.refused}
    known = list(_known(db, project_id, [*customers.timelines, *customers.nobodys]))
    stale = [row.id for row in known if _row_key(row) not in wanted]
    table: Any = Conflict.__table__
    for ids in chunks(stale):
        db.execute(delete(table).where(CONFLICT.id.in_(ids)))
    kept = [row for row in known if _row_key(row) in wanted]
    told = {_row_key(row) for row in kept}
    new = {key: one for key, one in wanted.items() if key not in told}
    decided = _refresh(db, kept, wanted, customers.timelines)
    if new:
        _add(db, project_id, new, decided, customers.timelines)


def parties_of(one: Any, of_id: Id, other: Id, timelines: Mapping[Id, Timeline]) -> Parties:
    """one: what has `kind`, `tracking_id` and `occurred_at` of the refused link.

    Of a sign-in, or of a merge of visitors, it is the visitor's earlier history that was not to move: of whoever it was
    at first.
    """
    about = other if other != NO_ID else (VISITOR, one.tracking_id)
    if one.kind == "alias" and other != NO_ID:
        about = meant_by(other, one.tracking_id, timelines, one.occurred_at)

    def owner(each: Id) -> UUID | None:
        if each not in timelines:
            return None
        is_first = each[0] == VISITOR and one.kind != "alias"
        return timelines[each][0].customer_id if is_first else owner_at(timelines[each], one.occurred_at)

    return Parties(owner(of_id), owner(about))


def _key(one: Refused) -> RefusalKey:
    return one.message_id, one.kind, *one.id


def _row_key(row: Any) -> RefusalKey:
    return row.message_id, row.kind, row.id_type, row.id_value


def _known(db: Session, project_id: int, ids: Iterable[Id]) -> Iterator[Any]:
    by_type: dict[str, list[str]] = {}
    for id_type, id_value in ids:
        by_type.setdefault(id_type, []).append(id_value)
    table: Any = Conflict.__table__
    for id_type, values in by_type.items():
        for some in chunks(values):
            yield from db.execute(
                select(table).where(
                    CONFLICT.project_id == project_id,
                    CONFLICT.id_type == id_type,
                    CONFLICT.id_value.in_(some),
                )
            )


def _refresh(
    db: Session,
    kept: Iterable[Any],
    wanted: Mapping[RefusalKey, Refused],
    timelines: Mapping[Id, Timeline],
) -> dict[Question, dict[str, Any]]:
    """Who the two customers are may have changed, and the reason: then it is another question than was decided.

    Gives what is decided of which question.
    """
    changes: list[dict[str, Any]] = []
    decided: dict[Question, dict[str, Any]] = {}
    for row in kept:
        of_id = row.id_type, row.id_value
        reason = wanted[_row_key(row)].reason
        found = parties_of(row, of_id, (row.other_type, row.other_value), timelines)
        mark = {name: getattr(row, name) for name in NOT_DECIDED} if reason == row.reason else NOT_DECIDED
        if mark["decision"]:
            decided[reason, of_id, found] = mark
        if (reason, *found) != (row.reason, row.owner_id, row.asked_id):
            now = {"reason": reason, "owner_id": found.owner, "asked_id": found.asked}
            changes.append({"row_id": row.id, **now, **mark})
    if changes:
        table: Any = Conflict.__table__
        change = update(table).where(CONFLICT.id == bindparam("row_id"))
        # On the connection itself: the session would look for the model's rows in memory, one by one.
        db.connection().execute(change, changes)
    return decided


def _add(
    db: Session,
    project_id: int,
    new: Mapping[RefusalKey, Refused],
    decided: Mapping[Question, dict[str, Any]],
    timelines: Mapping[Id, Timeline],
) -> None:
    others = _others(db, project_id, new)
    rows = []
    for key, one in new.items():
        other = others.get(key, NO_ID)
        found = parties_of(one, one.id, other, timelines)
        rows.append(
            {
                "project_id": project_id,
                "message_id": one.message_id,
                "kind": one.kind,
                "id_type": one.id[0],
                "id_value": one.id[1],
                "tracking_id": one.tracking_id,
                "other_type": other[0],
                "other_value": other[1],
                "reason": one.reason,
                "occurred_at": one.occurred_at,
                "owner_id": found.owner,
                "asked_id": found.asked,
                **decided.get((one.reason, one.id, found), NOT_DECIDED),
            }
        )
    db.execute(insert_into(db, Conflict).on_conflict_do_nothing(), rows)


def _others(db: Session, project_id: int, new: Iterable[RefusalKey]) -> dict[RefusalKey, Id]:
    """The other id of each entry that was refused, where it has one. Of `same` the refused one may be either."""
    wanted = set(new)
    found: dict[RefusalKey, Id] = {}
    columns = (LINK.message_id, LINK.kind, LINK.id_type, LINK.id_value, LINK.other_type, LINK.other_value)
    for some in chunks({message_id for message_id, *_ in wanted}):
        for row in db.execute(
            select(*columns).where(LINK.project_id == project_id, LINK.message_id.in_(some))
        ):
            one, other = (row.id_type, row.id_value), (row.other_type, row.other_value)
            for each, partner in ((other, one), (one, other)):
                key = (row.message_id, row.kind, *each)
                if key in wanted and other != NO_ID:
                    found[key] = partner
    return found
