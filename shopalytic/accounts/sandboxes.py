"""Sandboxes: data of a project's own beside the real ones.

Everything that works on a project works on its sandbox by number alone, the *sandbox's id*, which is no project's. So
the ledger, the orders, the queue's counters and the store's rows are kept apart by what keeps projects apart.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Base, Sandbox

SANDBOX_IDS_FROM = 500_000_000
"""Above every project's number, and below what an entry of the queue may name."""
KEPT = timedelta(days=7)
"""A sandbox is emptied so long after it was opened."""


def is_sandbox(project_id: int) -> bool:
    return project_id > SANDBOX_IDS_FROM


def find_sandbox(db: Session, project_id: int) -> int | None:
    """The id of the project's sandbox; None where nothing was ever sent to it, or nothing since it was emptied."""
    id = db.scalar(select(Sandbox.id).where(Sandbox.project_id == project_id, Sandbox.closed_at.is_(None)))
    return None if id is None else SANDBOX_IDS_FROM + id


def find_sandboxed(db: Session, sandbox_id: int) -> int | None:
    """The project whose sandbox this is or was; None where it is none."""
    return db.scalar(select(Sandbox.project_id).where(Sandbox.id == sandbox_id - SANDBOX_IDS_FROM))


def open_sandbox(sessions: sessionmaker[Session], project_id: int) -> int:
    """The id of the project's sandbox, made where there is none. Two at once get the same."""
    with reading(sessions) as db:
        known = find_sandbox(db, project_id)
    if known is not None:
        return known
    try:
        with sessions.begin() as db:
            db.add(Sandbox(project_id=project_id))
    except IntegrityError:
        pass  # another one was faster
    with reading(sessions) as db:
        made = find_sandbox(db, project_id)
    return made if made is not None else open_sandbox(sessions, project_id)


def close_sandbox(db: Session, project_id: int) -> int | None:
    """Empty the project's sandbox: from now on nothing that was sent to it is known. None where there is none."""
    known = find_sandbox(db, project_id)
    if known is not None:
        row = Sandbox.id == known - SANDBOX_IDS_FROM
        db.execute(
            update(Sandbox).where(row, Sandbox.closed_at.is_(None)).values(closed_at=datetime.now(UTC))
        )
    return known


def close_old_sandboxes(db: Session, now: datetime) -> None:
    """Close those that were opened longer ago than KEPT."""
    db.execute(
        update(Sandbox)
        .where(Sandbox.closed_at.is_(None), Sandbox.opened_at < now - KEPT)
        .values(closed_at=now)
    )


def list_closed(db: Session, *, before: datetime) -> list[int]:
    """Ids of the sandboxes closed before then whose data are still to be deleted."""
    found = db.scalars(select(Sandbox.id).where(Sandbox.closed_at < before).order_by(Sandbox.id))
    return [SANDBOX_IDS_FROM + id for id in found]


def delete_rows(db: Session, sandbox_id: int) -> None:
    """All that the relational tables have of a sandbox, but its own row. Raises ValueError for a project's id."""
    if not is_sandbox(sandbox_id):
        raise ValueError(f"{sandbox_id} is no sandbox")
    for table in Base.metadata.sorted_tables:
        if "project_id" in table.columns and table.name != Sandbox.__tablename__:
            db.execute(delete(table).where(table.columns.project_id == sandbox_id))


def forget_sandbox(db: Session, sandbox_id: int) -> None:
    """Delete the row itself: the last step, so that a deletion that was cut short is repeated."""
    db.execute(delete(Sandbox).where(Sandbox.id == sandbox_id - SANDBOX_IDS_FROM))
