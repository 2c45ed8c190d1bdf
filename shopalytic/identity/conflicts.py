"""What waits for somebody's decision: links that the rules refused. The same one said again and again is one case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Conflict, Link
from shopalytic.errors import NotFound
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.rules import Id
from shopalytic.identity.statements import chunks, hold_identity

CONFLICT = Conflict.__table__.c
LINK = Link.__table__.c
LEFT = "left"
NEVER = "never"
COUNTED = 1000
"""Refused links that the number of open cases is found from, so that finding it costs the same on every page."""
QUESTION = (CONFLICT.reason, CONFLICT.id_type, CONFLICT.id_value, CONFLICT.owner_id, CONFLICT.asked_id)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One refused link, told of as it was said last.

    conflict_id: of that one; any other of the same case finds the case too, while its link is refused. newest_id: of the
    one that was recorded last. owner_id: whose the id is; asked_id: who was said to have it too. decision: `left`,
    `never` or empty.
    cause, door, url: of the message; empty where the entry is gone.
    """

    conflict_id: int
    reason: str
    id: Id
    other: Id
    kind: str
    tracking_id: str
    message_id: str
    last_at: datetime
    first_at: datetime
    times: int
    newest_id: int
    owner_id: UUID | None
    asked_id: UUID | None
    decision: str
    decided_by: str
    decided_at: datetime | None
    cause: str = ""
    door: str = ""
    url: str = ""

    @property
    def is_open(self) -> bool:
        return not self.decision

    @property
    def place(self) -> tuple[datetime, int]:
        """Where it stands in the list."""
        return self.last_at, self.newest_id

    @property
    def customers(self) -> list[UUID]:
        """Whom it is about: the owner first; two, unless the ledger lost one."""
        return list(dict.fromkeys(one for one in (self.owner_id, self.asked_id) if one is not None))

    @property
    def ids(self) -> dict[str, Id]:
        """The ids that the message named, by what each is of the case: `id`, `other`, `browser`."""
        named = {"id": self.id, "other": self.other, "browser": (VISITOR, self.tracking_id)}
        return {name: each for name, each in named.items() if each[1] and (name == "id" or each != self.id)}


def list_cases(
    db: Session,
    project_id: int,
    *,
    is_open: bool = True,
    reason: str = "",
    text: str = "",
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Case]:
    """Said last, first. text: how an id or a browser's id begins. before: the `place` of the last one known.

    Costs a look at all refused links that the filters leave.
    """
    return _read(db, project_id, _filters(is_open, reason, text), before, limit)


def count_reasons(db: Session, project_id: int, *, is_open: bool = True) -> dict[str, int]:
    """How many cases there are of each reason, the most frequent first."""
    cases = (
        select(*QUESTION)
        .where(CONFLICT.project_id == project_id, *_filters(is_open, "", ""))
        .distinct()
        .subquery()
    )
    query = select(cases.c.reason, func.count()).group_by(cases.c.reason)
    counted = sorted(db.execute(query).all(), key=lambda row: (-row[1], row[0]))
    return {row[0]: row[1] for row in counted}


def count_open(db: Session, project_id: int) -> int:
    """Cases that nobody has decided, as far as the first COUNTED refused links tell. Cheap: one look at an index."""
    some = (
        select(*QUESTION)
        .where(CONFLICT.project_id == project_id, CONFLICT.decision == "")
        .limit(COUNTED)
        .subquery()
    )
    return db.scalar(select(func.count()).select_from(select(some).distinct().subquery())) or 0


def get_case(db: Session, project_id: int, conflict_id: int) -> Case:
    """Raises NotFound where the link is not refused any more, or never was."""
    row = db.get(Conflict, conflict_id) if 0 < conflict_id < 2**63 else None
    if row is None or row.project_id != project_id:
        raise NotFound(
            "There is no such conflict. Where it was there before, the link is not refused any more.",
            at="conflict_id",
        )
    [case] = _read(db, project_id, [_same(CONFLICT.decision, row.decision), *_of_question(row)])
    return case


def decide_case(db: Session, project_id: int, case: Case, decision: str, by: str) -> int:
    """Mark the case as decided: what is refused again for the same reason, of the same two, is so as well.

    Gives how many refused links it was; decided already, it stays as it is, and gives 0. The caller commits. by:
    `user:<id>` or `key:<id>`.
    """
    hold_identity(db, project_id)
    return _mark(
        db, project_id, [CONFLICT.decision == "", *_of_case(case)], (decision, by, datetime.now(UTC))
    )


def decide_id(db: Session, project_id: int, each: Id, decision: str, by: str) -> int:
    """The same for all open cases about an id."""
    hold_identity(db, project_id)
    about = [CONFLICT.decision == "", CONFLICT.id_type == each[0], CONFLICT.id_value == each[1]]
    return _mark(db, project_id, about, (decision, by, datetime.now(UTC)))


def reopen_case(db: Session, project_id: int, case: Case) -> int:
    """Have it wait for a decision again. Gives how many refused links it was; 0 where it is open."""
    hold_identity(db, project_id)
    return _mark(db, project_id, [CONFLICT.decision != "", *_of_case(case)], ("", "", None))


def _mark(
    db: Session,
    project_id: int,
    conditions: Sequence[ColumnElement[bool]],
    mark: tuple[str, str, datetime | None],
) -> int:
    change = (
        update(Conflict)
        .where(CONFLICT.project_id == project_id, *conditions)
        .values(decision=mark[0], decided_by=mark[1], decided_at=mark[2])
        .returning(CONFLICT.id)
        .execution_options(synchronize_session=False)
    )
    return len(db.execute(change).all())


def _filters(is_open: bool, reason: str, text: str) -> list[ColumnElement[bool]]:
    found = [CONFLICT.decision == "" if is_open else CONFLICT.decision != ""]
    if reason:
        found.append(CONFLICT.reason == reason)
    text = text.replace("\0", "").strip()
    if text:
        columns = (CONFLICT.id_value, CONFLICT.tracking_id, CONFLICT.other_value)
        begins = {text, text.lower()}
        found.append(or_(*(column.startswith(one, autoescape=True) for column in columns for one in begins)))
    return found


def _of_question(row: Any) -> list[ColumnElement[bool]]:
    return [_same(column, getattr(row, column.name)) for column in QUESTION]


def _of_case(case: Case) -> list[ColumnElement[bool]]:
    values = (case.reason, *case.id, case.owner_id, case.asked_id)
    return [_same(column, value) for column, value in zip(QUESTION, values, strict=True)]


def _same(column: Any, value: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column.is_(None) if value is None else column == value
    return condition


def _read(
    db: Session,
    project_id: int,
    conditions: Iterable[ColumnElement[bool]],
    before: tuple[datetime, int] | None = None,
    limit: int | None = None,
) -> list[Case]:
    last_at, newest_id = func.max(CONFLICT.occurred_at), func.max(CONFLICT.id)
    case = (*QUESTION, CONFLICT.decision)
    grouped = (
        select(
            *case,
            func.count().label("times"),
            func.min(CONFLICT.occurred_at).label("first_at"),
            last_at.label("last_at"),
            newest_id.label("newest_id"),
        )
        .where(CONFLICT.project_id == project_id, *conditions)
        .group_by(*case)
        .order_by(last_at.desc(), newest_id.desc())
        .limit(limit)
    )
    if before is not None:
        at, number = before
        grouped = grouped.having(or_(last_at < at, and_(last_at == at, newest_id < number)))
    cases = grouped.subquery()
    # Each is told of as it was said last; of one instant, by the one that was recorded last.
    said_last = [cases.c[column.name].is_not_distinct_from(column) for column in case]
    rows = db.execute(
        select(*Conflict.__table__.c, cases.c.times, cases.c.first_at, cases.c.newest_id)
        .join(cases, and_(CONFLICT.occurred_at == cases.c.last_at, *said_last))
        .where(CONFLICT.project_id == project_id)
        .order_by(CONFLICT.id)
    ).all()
    newest = {row.newest_id: row for row in rows}
    ordered = sorted(newest.values(), key=lambda row: (row.occurred_at, row.newest_id), reverse=True)
    return _with_messages(db, project_id, ordered)


def _with_messages(db: Session, project_id: int, rows: Sequence[Any]) -> list[Case]:
    said = _said(db, project_id, {row.message_id for row in rows})
    cases = []
    for row in rows:
        one, other = (row.id_type, row.id_value), (row.other_type, row.other_value)
        link = said.get((row.message_id, row.kind, one)) or said.get((row.message_id, row.kind, other))
        cases.append(
            Case(
                conflict_id=row.id,
                reason=row.reason,
                id=one,
                other=other,
                kind=row.kind,
                tracking_id=row.tracking_id,
                message_id=row.message_id,
                last_at=row.occurred_at,
                first_at=row.first_at,
                times=row.times,
                newest_id=row.newest_id,
                owner_id=row.owner_id,
                asked_id=row.asked_id,
                decision=row.decision,
                decided_by=row.decided_by,
                decided_at=row.decided_at,
                cause=link.cause if link else "",
                door=link.door if link else "",
                url=link.url if link else "",
            )
        )
    return cases


def _said(db: Session, project_id: int, messages: Iterable[str]) -> dict[tuple[str, str, Id], Any]:
    found: dict[tuple[str, str, Id], Any] = {}
    columns = (LINK.message_id, LINK.kind, LINK.id_type, LINK.id_value, LINK.cause, LINK.door, LINK.url)
    for some in chunks(messages):
        for row in db.execute(
            select(*columns).where(LINK.project_id == project_id, LINK.message_id.in_(some))
        ):
            found[row.message_id, row.kind, (row.id_type, row.id_value)] = row
    return found
