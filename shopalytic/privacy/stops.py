"""Tracking somebody no more, and again. The dropping itself is in `pipeline.stopped`."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, select, true, update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import StopKey, StoppedId, TrackingStop
from shopalytic.errors import NotFound
from shopalytic.identity.ids import EMAIL, VISITOR, sort_user_ids
from shopalytic.identity.rules import Id
from shopalytic.identity.statements import chunks, hold_identity, insert_into
from shopalytic.identity.stops import EFFECTIVE_AFTER, digest_id
from shopalytic.identity.strip import Holdings, read_holdings
from shopalytic.parts import Parts
from shopalytic.privacy.record import NO_CUSTOMER
from shopalytic.reports.customer_summary import find_customer_summary
from shopalytic.reports.project import Project

STOPPED = StoppedId.__table__.c
NO_STOP = "This project has no such stop."


class Change(msgspec.Struct, frozen=True):
    """What stopping or resuming does. ids: that it is about; [] where all was so before. shared: browsers that others
    use too, which go on. at: from when on, by when messages are received; None where nothing changes, or was only
    asked for. stop_id: '' likewise, and for a resumption.
    """

    ids: list[Id]
    shared: list[str]
    at: datetime | None = None
    stop_id: str = ""


class StopRecord(msgspec.Struct, frozen=True):
    """One stop as it is listed. ids: how many it was about. resumed: how many of them are tracked again, or will be."""

    stop_id: str
    asked_at: datetime
    asked_by: str
    effective_at: datetime
    ids: int
    resumed: int

    @property
    def is_over(self) -> bool:
        return self.resumed == self.ids


def stop_tracking(
    parts: Parts, project: Project, customer_id: UUID, *, by: str, is_dry_run: bool = False
) -> Change:
    """Have messages with any of the customer's ids dropped, a minute from now on. What is stopped already stays so.

    by: `user:<id>`, `key:<id>` or `command`. Raises NotFound, Unavailable.
    """
    ids, shared = _ids_of(parts, project, customer_id)
    if is_dry_run:
        with reading(parts.sessions) as db:
            known = find_stopped(db, project.project_id, ids)
        return Change([each for each in ids if each not in known], shared)
    with parts.sessions.begin() as db:
        # Two who ask at once stop each id once.
        hold_identity(db, project.project_id)
        # Only now: who has waited long would name a moment that workers have passed.
        at = datetime.now(UTC) + EFFECTIVE_AFTER
        known = find_stopped(db, project.project_id, ids)
        new = [each for each in ids if each not in known]
        if not new:
            return Change([], shared)
        stop = TrackingStop(id=str(uuid.uuid4()), project_id=project.project_id, asked_by=by)
        db.add(stop)
        key = _make_key(db, project.project_id)
        db.add_all(
            StoppedId(
                project_id=project.project_id, stop_id=stop.id, id_type=each[0],
                digest=digest_id(key, each), effective_at=at,
            )
            for each in new
        )  # fmt: skip
    return Change(new, shared, at, stop.id)


def resume_tracking(
    parts: Parts, project: Project, customer_id: UUID, *, by: str, is_dry_run: bool = False
) -> Change:
    """Have messages with the customer's ids taken again, a minute from now on. Raises NotFound, Unavailable."""
    ids, shared = _ids_of(parts, project, customer_id)
    with parts.sessions.begin() as db:
        hold_identity(db, project.project_id)
        at = datetime.now(UTC) + EFFECTIVE_AFTER
        known = list(find_stopped(db, project.project_id, ids))
        if is_dry_run or not known:
            return Change(known, shared)
        key = _make_key(db, project.project_id)
        _end(db, project.project_id, [digest_id(key, each) for each in known], at, by)
    return Change(known, shared, at)


def resume_stop(
    sessions: sessionmaker[Session], project_id: int, stop_id: str, *, by: str
) -> datetime | None:
    """The same for all ids of one stop, whoever they are, be it that the person was forgotten since.

    None where all of it was resumed before. Raises NotFound.
    """
    with sessions.begin() as db:
        at = datetime.now(UTC) + EFFECTIVE_AFTER
        stop = db.get(TrackingStop, stop_id)
        if stop is None or stop.project_id != project_id:
            raise NotFound(NO_STOP, at="stop_id")
        ended = db.execute(
            update(StoppedId)
            .where(STOPPED.stop_id == stop_id, STOPPED.ends_at.is_(None))
            .values(ends_at=at, ended_by=by)
            .returning(STOPPED.id)
            .execution_options(synchronize_session=False)
        ).all()
    return at if ended else None


def find_stopped(db: Session, project_id: int, ids: Sequence[Id]) -> dict[Id, datetime]:
    """Those of the ids that are stopped and not resumed, each with from when on."""
    key = db.scalar(select(StopKey.key).where(StopKey.project_id == project_id))
    if key is None:
        return {}
    by_digest = {digest_id(key, each): each for each in ids}
    found: dict[Id, datetime] = {}
    for some in chunks(by_digest):
        rows = select(STOPPED.digest, func.min(STOPPED.effective_at).label("effective_at")).where(
            STOPPED.project_id == project_id, STOPPED.digest.in_(some), STOPPED.ends_at.is_(None)
        )
        for row in db.execute(rows.group_by(STOPPED.digest)):
            found[by_digest[row.digest]] = row.effective_at
    return found


def list_stops(
    sessions: sessionmaker[Session], project_id: int, *, limit: int = 200, only: str = ""
) -> list[StopRecord]:
    """Newest first. only: the id of the one that is asked for."""
    query = (
        select(
            TrackingStop.id,
            TrackingStop.asked_at,
            TrackingStop.asked_by,
            func.min(STOPPED.effective_at),
            func.count(STOPPED.id),
            func.count(STOPPED.ends_at),
        )
        .join(StoppedId, STOPPED.stop_id == TrackingStop.id)
        .where(TrackingStop.project_id == project_id, TrackingStop.id == only if only else true())
        .group_by(TrackingStop.id, TrackingStop.asked_at, TrackingStop.asked_by)
        .order_by(TrackingStop.asked_at.desc(), TrackingStop.id)
    )
    with reading(sessions) as db:
        return [StopRecord(*row) for row in db.execute(query.limit(limit))]


def _ids_of(parts: Parts, project: Project, customer_id: UUID) -> tuple[list[Id], list[str]]:
    """All ids of the customer's alone, with the addresses that were said of him; and browsers that others use too."""
    with reading(parts.sessions) as db:
        holdings = read_holdings(db, project.project_id, customer_id)
    ids = [*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)]
    if not ids:
        origins = list(dict.fromkeys([customer_id, *(span.origin_id for span in holdings.spans)]))
        seen = find_customer_summary(parts.store, project, customer_id, origins)
        if seen is None:
            raise NotFound(NO_CUSTOMER, at="customer_id")
        ids = [(VISITOR, seen.tracking_id)] if seen.tracking_id else []
    return list(dict.fromkeys([*ids, *_addresses(holdings)])), holdings.shared


def _addresses(holdings: Holdings) -> list[Id]:
    found = [sort_user_ids({EMAIL: text})[0] for text in holdings.said if "@" in text]
    return [each for ids in found for each in ids.items()]


def _make_key(db: Session, project_id: int) -> str:
    """The project's, made at its first stop. The caller holds the project's identities."""
    db.execute(
        insert_into(db, StopKey).on_conflict_do_nothing(),
        [{"project_id": project_id, "key": secrets.token_hex(32)}],
    )
    return db.scalars(select(StopKey.key).where(StopKey.project_id == project_id)).one()


def _end(db: Session, project_id: int, digests: Sequence[str], at: datetime, by: str) -> None:
    for some in chunks(digests):
        db.execute(
            update(StoppedId)
            .where(STOPPED.project_id == project_id, STOPPED.digest.in_(some), STOPPED.ends_at.is_(None))
            .values(ends_at=at, ended_by=by)
            .execution_options(synchronize_session=False)
        )
