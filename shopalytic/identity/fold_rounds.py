"""The database's side of folding overrides into the rows; `pipeline.fold` tells the whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shopalytic.accounts.models import FoldRound, Override
from shopalytic.identity.overrides import write_overrides
from shopalytic.identity.statements import chunks, hold_identity

OVERRIDE = Override.__table__.c

ROUND_OVERRIDES_MAX = 100_000
"""The others wait for the next round."""


def find_round(db: Session) -> FoldRound | None:
    """The one that is not done; None where there is none."""
    return db.scalar(select(FoldRound).where(FoldRound.done_at.is_(None)).order_by(FoldRound.id).limit(1))


def begin_round(
    db: Session, now: datetime, *, below_project: int, least: int = 1, longest: timedelta = timedelta(0)
) -> FoldRound | None:
    """Choose the overrides that the store has, of projects with lower numbers; None where there are none.

    Nor where there are fewer than `least`, and none was sent longer ago than `longest`: looking at all rows costs more than
    a few overrides do. Of two at once, each gets others. The caller commits before it looks at the stream: `ends` must
    be of later.
    """
    at_rest = (
        OVERRIDE.fold_round_id.is_(None),
        OVERRIDE.sent_at.is_not(None),
        OVERRIDE.project_id < below_project,
    )
    count, oldest = db.execute(select(func.count(), func.min(OVERRIDE.sent_at)).where(*at_rest)).one()
    if not count or (count < least and oldest > now - longest):
        return None
    made = FoldRound(begun_at=now, ends=None, months=None, folded=0, done_at=None)
    db.add(made)
    db.flush()
    chosen = select(OVERRIDE.version).where(*at_rest).order_by(OVERRIDE.version).limit(ROUND_OVERRIDES_MAX)
    marked: Any = db.execute(
        _quiet(
            update(Override)
            .where(OVERRIDE.version.in_(chosen), OVERRIDE.fold_round_id.is_(None))
            .values(fold_round_id=made.id)
        )
    )
    if not marked.rowcount:
        db.delete(made)
        return None
    return made


def save_round(db: Session, round_id: int, **values: Any) -> None:
    db.execute(_quiet(update(FoldRound).where(FoldRound.id == round_id).values(**values)))


def forget_rounds(db: Session, before: datetime) -> None:
    """Delete those that were done before that."""
    db.execute(_quiet(delete(FoldRound).where(FoldRound.done_at < before)))


def projects_of_round(db: Session, round_id: int) -> list[int]:
    """Those with overrides of the round that are still to be taken out, ascending."""
    found = db.scalars(select(OVERRIDE.project_id).where(OVERRIDE.fold_round_id == round_id).distinct())
    return sorted(found)


def take_out(db: Session, round_id: int, project_id: int, most: int) -> tuple[int, int]:
    """Take overrides of the round out of force, up to `most`: (how many were looked at, how many went).

    Call it once the rows say what they say. One that a later override of its origin has replaced since needs
    nothing. The others get an empty timeline in the outbox, which replaces them in the store: its version is higher
    than theirs and lower than any later one's, since the project's lock is held. Whoever erases the person
    holds that lock too, and takes the origin's overrides away: what is gone from here by then comes back nowhere.
    """
    hold_identity(db, project_id)
    rows = db.execute(
        select(OVERRIDE.version, OVERRIDE.origin_id, OVERRIDE.timeline)
        .where(OVERRIDE.fold_round_id == round_id, OVERRIDE.project_id == project_id)
        .order_by(OVERRIDE.version)
        .limit(most)
    ).all()
    newest = _newest(db, project_id, [row.origin_id for row in rows])
    spent = [row.origin_id for row in rows if newest[row.origin_id] == row.version and row.timeline]
    for versions in chunks(row.version for row in rows):
        db.execute(_quiet(delete(Override).where(OVERRIDE.version.in_(versions))))
    write_overrides(db, project_id, dict.fromkeys(spent, ()))
    db.execute(
        _quiet(
            update(FoldRound)
            .where(FoldRound.id == round_id)
            .values(folded=FoldRound.__table__.c.folded + len(spent))
        )
    )
    return len(rows), len(spent)


def _newest(db: Session, project_id: int, origins: Sequence[UUID]) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for some in chunks(origins):
        versions = db.execute(
            select(OVERRIDE.origin_id, func.max(OVERRIDE.version))
            .where(OVERRIDE.project_id == project_id, OVERRIDE.origin_id.in_(some))
            .group_by(OVERRIDE.origin_id)
        )
        found.update((origin, version) for origin, version in versions)
    return found


def _quiet(statement: Any) -> Any:
    """The session has none of these rows in memory."""
    return statement.execution_options(synchronize_session=False)
