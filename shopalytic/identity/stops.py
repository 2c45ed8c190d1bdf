"""Who is tracked no more: look-ups by digests, kept in memory for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import StopKey, StoppedId
from shopalytic.errors import DatabaseUnavailable
from shopalytic.identity.rules import Id

STOPPED = StoppedId.__table__.c

REREAD_SECONDS = 30.0
EFFECTIVE_AFTER = timedelta(seconds=60)
"""What is received later is judged by a change of this moment. Twice as long as what a worker has in memory may be old:
however late a batch is worked on or repeated, each message is judged the same.
"""


@dataclass(frozen=True)
class ProjectStops:
    """The stops of one project, of all times, resumed ones too. spans: digest → [from, to) in UTC milliseconds."""

    key: str
    spans: dict[str, list[tuple[int, int | None]]]
    types: frozenset[str]
    """Of ids that were ever stopped."""

    def covers(self, ids: Iterable[Id], received_at_ms: int) -> bool:
        """Whether a message with one of the ids, received then, is dropped."""
        return any(
            from_ms <= received_at_ms and (to_ms is None or received_at_ms < to_ms)
            for each in ids
            if each[0] in self.types
            for from_ms, to_ms in self.spans.get(digest_id(self.key, each), ())
        )


@dataclass
class _Known:
    """stamp: changes whenever a stop is added or ended."""

    read_at: float
    stamp: tuple[int, int] = (0, 0)
    stops: ProjectStops | None = field(default=None)


class Stops:
    """Reads a project's stops at the first question, and again when they are REREAD_SECONDS old and have changed.

    One per worker process.
    """

    def __init__(self, sessions: sessionmaker[Session], *, now: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._now = now
        self._known: dict[int, _Known] = {}

    def find(self, project_id: int) -> ProjectStops | None:
        """None where nobody of the project was ever stopped. Raises DatabaseUnavailable."""
        known = self._known.get(project_id)
        now = self._now()
        if known is None or now - known.read_at > REREAD_SECONDS:
            try:
                with reading(self._sessions) as db:
                    known = self._known[project_id] = _read(db, project_id, known, now)
            except SQLAlchemyError as error:
                raise DatabaseUnavailable("The database with the stopped persons does not answer.") from error
        return known.stops


def digest_id(key: str, each: Id) -> str:
    """Comparable by whoever has the project's key alone."""
    text = f"{each[0]}\x1f{each[1]}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=32, key=key.encode()).hexdigest()


def read_stops(db: Session, project_id: int) -> ProjectStops | None:
    key = db.scalar(select(StopKey.key).where(StopKey.project_id == project_id))
    if key is None:
        return None
    spans: dict[str, list[tuple[int, int | None]]] = {}
    types = set()
    columns = (STOPPED.digest, STOPPED.id_type, STOPPED.effective_at, STOPPED.ends_at)
    for row in db.execute(select(*columns).where(STOPPED.project_id == project_id)):
        spans.setdefault(row.digest, []).append(
            (_milliseconds(row.effective_at), _milliseconds(row.ends_at) if row.ends_at else None)
        )
        types.add(row.id_type)
    return ProjectStops(key, spans, frozenset(types))


def _read(db: Session, project_id: int, known: _Known | None, now: float) -> _Known:
    newest, ended = db.execute(
        select(func.max(STOPPED.id), func.count(STOPPED.ends_at)).where(STOPPED.project_id == project_id)
    ).one()
    stamp = (newest or 0, ended)
    if known is not None and known.stamp == stamp:
        return _Known(now, stamp, known.stops)
    return _Known(now, stamp, read_stops(db, project_id) if newest else None)


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
