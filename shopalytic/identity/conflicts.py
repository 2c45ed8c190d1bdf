"""What waits for somebody's decision: links that the rules refused. The same one said again and again is one case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, func, or_, select, update
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

    conflict_id: of that one; any other of the same case finds the case too, while its link is refused. owner_id: whose
    the id is; asked_id: who was said to have it too. decision: `left`, `never` or empty.
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
        return self.last_at, self.conflict_id

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
    ranked = _ranked(project_id, _filters(is_open, reason, text))
    query = _only_newest(ranked)
    if before is not None:
        at, number = before
        is_after = (ranked.c.occurred_at == at) & (ranked.c.id < number)
        query = query.where(or_(ranked.c.occurred_at < at, is_after))
    query = query.order_by(ranked.c.occurred_at.desc(), ranked.c.id.desc()).limit(limit)
    return _with_messages(db, project_id, db.execute(query).all())


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
    same = [_same(CONFLICT.decision, row.decision), *_of_question(row)]
    [case] = _with_messages(db, project_id, db.execute(_only_newest(_ranked(project_id, same))).all())
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


def _ranked(project_id: int, conditions: Iterable[ColumnElement[bool]]) -> Any:
    """The refused links, each with its place in its case and what the case comes to."""
    case = (*QUESTION, CONFLICT.decision)
    newest = (CONFLICT.occurred_at.desc(), CONFLICT.id.desc())
    return (
        select(
            *Conflict.__table__.c,
            func.row_number().over(partition_by=case, order_by=newest).label("place"),
            func.count().over(partition_by=case).label("times"),
            func.min(CONFLICT.occurred_at).over(partition_by=case).label("first_at"),
        )
        .where(CONFLICT.project_id == project_id, *conditions)
        .subquery()
    )


def _only_newest(ranked: Any) -> Any:
    return select(ranked).where(ranked.c.place == 1)


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
