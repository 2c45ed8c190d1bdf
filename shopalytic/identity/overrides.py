"""Overrides: how rows that are stored already are read as somebody else's, from the next second on.

An outbox. They are written in the transaction that changes who is who, and sent to the store afterwards: a crash in
between sends them later. The store keeps the highest version of each origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Override
from shopalytic.identity.rules import Timeline
from shopalytic.identity.statements import chunks, insert_into

END_TEXT = "2299-12-31 23:59:59.999"
"""The latest instant that the store's columns hold."""

OVERRIDE = Override.__table__.c


class PendingOverride(msgspec.Struct, frozen=True):
    """timeline: (from, to, customer id), both instants inclusive UTC texts to the millisecond; no gaps.

    An empty one says that the rows themselves are right.
    """

    version: int
    project_id: int
    origin_id: UUID
    timeline: list[tuple[str, str, str]]


def write_overrides(db: Session, project_id: int, timelines: Mapping[UUID, Timeline]) -> None:
    """Put whole timelines, by origin, into the outbox. Versions rise in the order of the project's changes."""
    rows = [
        {
            "project_id": project_id,
            "origin_id": origin,
            "timeline": [[instant_text(step.from_at), str(step.customer_id)] for step in timeline],
            "sent_at": None,
        }
        for origin, timeline in timelines.items()
    ]
    if rows:
        db.execute(insert_into(db, Override), rows)


def pending_overrides(
    db: Session, project_ids: Iterable[int] | None = None, most: int | None = None
) -> list[PendingOverride]:
    """Those not sent yet, oldest first, of all projects if none are named. Sending one twice, or an old one late, does
    no harm.
    """
    query = (
        select(OVERRIDE.version, OVERRIDE.project_id, OVERRIDE.origin_id, OVERRIDE.timeline)
        .where(OVERRIDE.sent_at.is_(None))
        .order_by(OVERRIDE.version)
        .limit(most)
    )
    if project_ids is not None:
        query = query.where(OVERRIDE.project_id.in_(list(project_ids)))
    rows = db.execute(query)
    return [
        PendingOverride(version, project, origin, closed(steps)) for version, project, origin, steps in rows
    ]


def pending_projects(db: Session, most: int) -> list[int]:
    """Projects with overrides that are not sent yet, ascending."""
    query = select(OVERRIDE.project_id).where(OVERRIDE.sent_at.is_(None)).distinct()
    return list(db.scalars(query.order_by(OVERRIDE.project_id).limit(most)))


def mark_overrides_sent(db: Session, versions: Iterable[int]) -> None:
    """Call once the store has taken them."""
    sent_at = datetime.now(UTC)
    for some in chunks(versions):
        db.execute(
            update(Override)
            .where(OVERRIDE.version.in_(some))
            .values(sent_at=sent_at)
            .execution_options(synchronize_session=False)
        )


def forget_overrides(db: Session, versions: Iterable[int]) -> None:
    """Call once the store has taken them, for those that leave nothing to be folded into rows."""
    for some in chunks(versions):
        db.execute(
            delete(Override).where(OVERRIDE.version.in_(some)).execution_options(synchronize_session=False)
        )


def closed(steps: list[list[str]]) -> list[tuple[str, str, str]]:
    """Give each step its end: the store's ranges are closed at both ends, to the millisecond. [] stays []."""
    if not steps:
        return []
    ends = [instant_text(_parse_instant(from_text) - timedelta(milliseconds=1)) for from_text, _ in steps[1:]]
    return [
        (from_text, to_text, customer_id)
        for (from_text, customer_id), to_text in zip(steps, [*ends, END_TEXT], strict=True)
    ]


def instant_text(instant: datetime) -> str:
    """`2026-01-31 12:00:00.123`, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{instant.microsecond // 1000:03d}"


def _parse_instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
