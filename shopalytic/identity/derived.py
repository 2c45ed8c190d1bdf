"""The tables made out of the ledger: whose an id is (`identity`), the refused links (`conflict`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Identity
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.overrides import write_overrides
from shopalytic.identity.refusals import write_conflicts
from shopalytic.identity.rules import BEGINNING, Customers, Id, Step, Timeline
from shopalytic.identity.statements import chunks

IDENTITY = Identity.__table__.c


def read_owners(db: Session, project_id: int, ids: Iterable[Id]) -> dict[Id, Timeline]:
    """Timelines of those that have one, ascending; a visitor without is its own customer."""
    by_type: dict[str, list[str]] = {}
    for id_type, id_value in ids:
        by_type.setdefault(id_type, []).append(id_value)
    found: dict[Id, list[Step]] = {}
    columns = (IDENTITY.id_value, IDENTITY.from_at, IDENTITY.customer_id, IDENTITY.since)
    for id_type, values in by_type.items():
        in_type = select(*columns).where(IDENTITY.project_id == project_id, IDENTITY.id_type == id_type)
        for some in chunks(values):
            rows = db.execute(in_type.where(IDENTITY.id_value.in_(some))).all()
            for id_value, from_at, customer_id, since in rows:
                found.setdefault((id_type, id_value), []).append(Step(from_at, customer_id, since))
    return {each: tuple(sorted(steps)) for each, steps in found.items()}


def replace_derived(db: Session, project_id: int, customers: Customers) -> None:
    """Make the tables say what the fold says, and write overrides for rows that were stored otherwise.

    customers: of a part of the ledger that is closed under shared ids. What is the same is not written again.
    """
    timelines = customers.timelines
    before = read_owners(db, project_id, {*timelines, *customers.nobodys})
    changed = {each: timeline for each, timeline in timelines.items() if before.get(each) != timeline}
    gone = [each for each in customers.nobodys if each in before]
    _write_identity(db, project_id, changed, [*gone, *(each for each in changed if each in before)])
    own = {each: (Step(BEGINNING, origin_id(project_id, *each), BEGINNING),) for each in gone}
    moved = {
        origin_id(project_id, *each): timeline
        for each, timeline in (changed | own).items()
        if _may_have_rows(each, before) and _owners(timeline) != _stored_under(project_id, each, before)
    }
    write_overrides(db, project_id, moved)
    write_conflicts(db, project_id, customers)


def _may_have_rows(each: Id, before: Mapping[Id, Timeline]) -> bool:
    """A visitor's rows need no entry; a hard id's are stored only after its first entry made it an identity."""
    return each[0] == VISITOR or each in before


def _stored_under(project_id: int, each: Id, before: Mapping[Id, Timeline]) -> list[tuple[datetime, UUID]]:
    if each in before:
        return _owners(before[each])
    return [(BEGINNING, origin_id(project_id, *each))]


def _owners(timeline: Timeline) -> list[tuple[datetime, UUID]]:
    return [(from_at, customer_id) for from_at, customer_id, _ in timeline]


def _write_identity(db: Session, project_id: int, changed: Mapping[Id, Timeline], outdated: list[Id]) -> None:
    table: Any = Identity.__table__
    if outdated:
        remove = delete(table).where(
            IDENTITY.project_id == project_id,
            IDENTITY.id_type == bindparam("old_type"),
            IDENTITY.id_value == bindparam("old_value"),
        )
        _run_many(db, remove, [{"old_type": one[0], "old_value": one[1]} for one in outdated])
    rows = [
        {
            "project_id": project_id,
            "id_type": id_type,
            "id_value": id_value,
            "from_at": step.from_at,
            "customer_id": step.customer_id,
            "since": step.since,
        }
        for (id_type, id_value), timeline in changed.items()
        for step in timeline
    ]
    if rows:
        _run_many(db, insert(table), rows)


def _run_many(db: Session, statement: Any, rows: list[dict[str, Any]]) -> None:
    """On the connection itself: the session would look for the model's rows in memory, one by one."""
    db.connection().execute(statement, rows)
