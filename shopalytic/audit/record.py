"""Checks: begun, taken in turns by whoever works on them, and what they found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Erasure, IdentityCheck, Project
from shopalytic.errors import Rejected
from shopalytic.identity.audit import newest_entry
from shopalytic.identity.statements import hold_identity

CHECK = IdentityCheck.__table__.c

FIRST_STEP = "links"
DONE = "done"
AT_HOUR = 3
"""In the project's own time zone: the hour at which the fewest shops sell."""
HELD_FOR = timedelta(minutes=10)
"""A worker that died is replaced after it; one that lives says so after each piece."""
WAITS_FOR = timedelta(minutes=1)
CHECKS_KEPT = 30
SAMPLES_KEPT = 50
ROWS_WRONG = "rows_wrong"
ROWS_UNEXPLAINED = "rows_unexplained"


class Sample(msgspec.Struct, frozen=True):
    """One difference, without the id that it is about: its type, its origin, and whose it is by the ledger (`customer_id`)
    and as it is kept or read (`found_id`); None where that is nobody.

    rows: how many, of `rows_wrong` and `rows_unexplained`.
    """

    kind: str
    id_type: str
    origin_id: UUID
    customer_id: UUID | None = None
    found_id: UUID | None = None
    rows: int = 0


class Begun(NamedTuple):
    """is_repeat: it was under way already."""

    check: IdentityCheck
    is_repeat: bool


class TurnLost(Exception):
    """Somebody else has taken the check over; nothing of this turn was kept."""


@dataclass
class Work:
    """One check in the hands of one worker."""

    check_id: int
    project_id: int
    mends: bool
    turn: int
    step: str
    plan: dict[str, Any]
    customers: int
    entries: int
    rows: int
    differences: int
    mended: int
    samples: list[Sample] = field(default_factory=list)

    def tell(self, found: Iterable[Sample], *, left: int) -> None:
        """found: differences that are really there; left: how many of them still are, after mending."""
        listed = list(found)
        self.differences += len(listed)
        self.mended += len(listed) - left
        self.samples += listed[: max(0, SAMPLES_KEPT - len(self.samples))]


def begin(sessions: sessionmaker[Session], project_id: int, *, asked_by: str, mends: bool = False) -> Begun:
    """Record that the project is to be checked; while a check is under way, that one is given.

    Raises Rejected where that one does not mend, and this one shall.
    """
    # Not under the lock: it may take a while.
    with reading(sessions) as db:
        until = newest_entry(db, project_id)
    with sessions.begin() as db:
        # Two who ask at once begin one check.
        hold_identity(db, project_id)
        running = db.scalars(
            select(IdentityCheck).where(CHECK.project_id == project_id, CHECK.done_at.is_(None)).limit(1)
        ).first()
        if running is not None:
            if mends and not running.mends:
                raise Rejected("A check is under way; mend when it is done.")
            return Begun(running, True)
        check = IdentityCheck(
            project_id=project_id,
            asked_by=asked_by,
            mends=mends,
            step=FIRST_STEP,
            plan={"until": until},
            held_until=datetime.now(UTC) + WAITS_FOR,
            customers=0, entries=0, rows=0, differences=0, mended=0, samples=[], turn=0,
        )  # fmt: skip
        db.add(check)
        return Begun(check, False)


def begin_due(sessions: sessionmaker[Session], now: datetime) -> list[IdentityCheck]:
    """Begin the checks of the projects that had none since their last night began; a night without power is made up."""
    with reading(sessions) as db:
        latest = dict(
            db.execute(select(CHECK.project_id, func.max(CHECK.started_at)).group_by(CHECK.project_id)).all()
        )
        projects = db.execute(select(Project.id, Project.time_zone, Project.created_at)).all()
    due = [
        project_id
        for project_id, time_zone, created_at in projects
        if max(latest.get(project_id, created_at), created_at) < last_night(now, time_zone)
    ]
    begun = [begin(sessions, project_id, asked_by="schedule") for project_id in due]
    return [one.check for one in begun if not one.is_repeat]


def last_night(now: datetime, time_zone: str) -> datetime:
    """When it was last AT_HOUR o'clock there."""
    local = now.astimezone(ZoneInfo(time_zone))
    night = local.replace(hour=AT_HOUR, minute=0, second=0, microsecond=0)
    return night if night <= local else night - timedelta(days=1)


def take(sessions: sessionmaker[Session], check_id: int, turn: int | None = None) -> Work | None:
    """turn: the one that was queued; None: take it unless somebody holds it. None where it is another's, or done."""
    now = datetime.now(UTC)
    is_free = CHECK.held_until.is_(None) | (CHECK.held_until < now) if turn is None else CHECK.turn == turn
    with sessions.begin() as db:
        taken = db.execute(
            update(IdentityCheck)
            .where(CHECK.id == check_id, CHECK.done_at.is_(None), is_free)
            .values(turn=CHECK.turn + 1, held_until=now + HELD_FOR)
            .returning(*CHECK)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    if taken is None:
        return None
    return Work(
        check_id, taken.project_id, taken.mends, taken.turn, taken.step, dict(taken.plan), taken.customers,
        taken.entries, taken.rows, taken.differences, taken.mended, msgspec.convert(taken.samples, list[Sample]),
    )  # fmt: skip


def save(sessions: sessionmaker[Session], work: Work) -> None:
    """Keep how far it is. What a crash undoes is the piece after it, which is then looked at again.

    Raises TurnLost.
    """
    now = datetime.now(UTC)
    is_done = work.step == DONE
    with sessions.begin() as db:
        kept = db.execute(
            update(IdentityCheck)
            .where(CHECK.id == work.check_id, CHECK.turn == work.turn)
            .values(
                step=work.step,
                plan={} if is_done else work.plan,
                done_at=now if is_done else None,
                held_until=None if is_done else now + HELD_FOR,
                customers=work.customers,
                entries=work.entries,
                rows=work.rows,
                differences=work.differences,
                mended=work.mended,
                samples=msgspec.to_builtins(work.samples),
            )
            .returning(CHECK.id)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if kept is None:
            raise TurnLost
        if is_done:
            _drop_old(db, work.project_id)


def put_off(sessions: sessionmaker[Session], work: Work) -> None:
    """Let go of it for a minute, as far as it was kept."""
    with sessions.begin() as db:
        db.execute(
            update(IdentityCheck)
            .where(CHECK.id == work.check_id, CHECK.turn == work.turn)
            .values(held_until=datetime.now(UTC) + WAITS_FOR)
            .execution_options(synchronize_session=False)
        )


def unfinished(sessions: sessionmaker[Session]) -> list[tuple[int, int]]:
    """(check id, turn) of those that nobody works on now."""
    now = datetime.now(UTC)
    with reading(sessions) as db:
        rows = db.execute(
            select(CHECK.id, CHECK.turn)
            .where(CHECK.done_at.is_(None), CHECK.held_until.is_(None) | (CHECK.held_until < now))
            .order_by(CHECK.id)
        )
        return [(row.id, row.turn) for row in rows]


def find_check(sessions: sessionmaker[Session], check_id: int) -> IdentityCheck | None:
    with reading(sessions) as db:
        return db.get(IdentityCheck, check_id)


def find_latest(
    sessions: sessionmaker[Session], project_id: int
) -> tuple[IdentityCheck | None, IdentityCheck | None]:
    """(the newest that is done, the one that is under way)."""
    of_project = select(IdentityCheck).where(CHECK.project_id == project_id)
    with reading(sessions) as db:
        done = db.scalars(
            of_project.where(CHECK.done_at.is_not(None))
            .order_by(CHECK.started_at.desc(), CHECK.id.desc())
            .limit(1)
        ).first()
        running = db.scalars(of_project.where(CHECK.done_at.is_(None)).limit(1)).first()
    return done, running


def samples_of(check: IdentityCheck) -> list[Sample]:
    return msgspec.convert(check.samples, list[Sample])


def is_erasing(db: Session, project_id: int) -> bool:
    """While somebody is being erased, rows stand under an owner whom the ledger does not know any more."""
    erasing = select(Erasure.id).where(Erasure.project_id == project_id, Erasure.done_at.is_(None))
    return db.scalars(erasing.limit(1)).first() is not None


def _drop_old(db: Session, project_id: int) -> None:
    of_project = select(CHECK.id).where(CHECK.project_id == project_id)
    kept = db.scalars(of_project.order_by(CHECK.id.desc()).limit(CHECKS_KEPT)).all()
    db.execute(
        delete(IdentityCheck)
        .where(CHECK.project_id == project_id, CHECK.id < min(kept))
        .execution_options(synchronize_session=False)
    )
