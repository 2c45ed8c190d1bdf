"""How long a project keeps its events: what would go, and the deleting.

What is older than the project says goes by whole months: those of the event tables' partitions, which all projects share.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Project
from shopalytic.errors import ConfigurationError, NotFound
from shopalytic.events.event import DropReason
from shopalytic.parts import Parts
from shopalytic.privacy.quarantine import Row, drop_rows
from shopalytic.reports.period import sql_instant
from shopalytic.store import Store
from shopalytic.stream.hold import hold_partitions, renew

log = structlog.get_logger(__name__)

PROJECT = Project.__table__.c

MONTHS_MAX = 120
GRACE = timedelta(days=1)
"""Between saving and the first deletion: a slip can be taken back meanwhile."""
TURN_SECONDS = 30.0
"""How long one run goes on beginning another month; messages wait meanwhile."""
QUARANTINED_AT_ONCE = 1000
TABLES = {"events": "occurred_at", "dropped": "received_at"}
"""Each with what its partitions are months of."""


class Expected(msgspec.Struct, frozen=True):
    """What a retention deletes: all that happened before `before`. orders: as reports count them. oldest: the store's
    text, '' where nothing goes.
    """

    before: datetime
    events: int
    orders: int
    oldest: str


class _Counted(msgspec.Struct):
    events: int
    orders: int
    oldest: str


class _Month(msgspec.Struct):
    month: int
    projects: list[int]


class _Number(msgspec.Struct):
    number: int


def parse_months(months: int | None) -> int | None:
    """Raises ConfigurationError; None: for ever."""
    if months is not None and not 1 <= months <= MONTHS_MAX:
        raise ConfigurationError(
            f"Events are kept for 1 to {MONTHS_MAX} months, or for ever.", at="retention_months"
        )
    return months


def find_cutoff(months: int, now: datetime) -> datetime:
    """The first instant that is kept: the beginning of the month, in UTC, in which it was so many months ago. So
    whatever is deleted is older than that, and what is kept at most a month older.
    """
    moved = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 - months
    return datetime(moved // 12, moved % 12 + 1, 1, tzinfo=UTC)


def forecast_retention(store: Store, project_id: int, months: int, now: datetime) -> Expected:
    """What would be deleted of the project by now. Raises Unavailable."""
    before = find_cutoff(months, now)
    [found] = store.rows(
        _Counted,
        "SELECT count() AS events, uniqExactIf(if(order_id = '', message_id, order_id), event = 'order') AS orders, "
        "if(count() = 0, '', toString(min(occurred_at))) AS oldest FROM {{events}} "
        "WHERE project_id = {project:UInt32} AND occurred_at < {before:DateTime64(3, 'UTC')}",
        project=project_id, before=sql_instant(before),
    )  # fmt: skip
    return Expected(before, found.events, found.orders, found.oldest)


def set_retention(db: Session, project_id: int, months: int | None, now: datetime) -> None:
    """Deleting begins GRACE later. The same again changes nothing. Raises ConfigurationError, NotFound."""
    project = db.get(Project, project_id)
    if project is None:
        raise NotFound(f"There is no project {project_id}.")
    months = parse_months(months)
    if project.retention_months != months:
        project.retention_months = months
        project.retention_set_at = now


def delete_expired(parts: Parts, now: datetime, *, clock: Callable[[], float] = time.monotonic) -> bool:
    """Delete what projects do not keep any more; True once nothing of it is left. False: its turn was over, or messages
    were just being stored; the next run goes on.

    A repeat, or two at once, changes nothing. Raises Unavailable, StoreRefused.
    """
    with reading(parts.sessions) as db:
        cutoffs = _cutoffs(db, now)
    if not cutoffs:
        return True
    ends_at = clock() + TURN_SECONDS
    for table, column in TABLES.items():
        for month in _months(parts.store, table, column, cutoffs):
            if clock() > ends_at or not _is_unchanged(parts, cutoffs, now):
                return False
            if not _delete_month(parts, table, column, month, cutoffs, now):
                return False
    for project_id, before in cutoffs.items():
        _drop_quarantined(parts, project_id, before)
    with parts.sessions.begin() as db:
        _note(db, cutoffs)
    return True


def _cutoffs(db: Session, now: datetime) -> dict[int, datetime]:
    """By project. Those saved within GRACE are not among them."""
    rows = db.execute(
        select(PROJECT.id, PROJECT.retention_months).where(
            PROJECT.retention_months.is_not(None), PROJECT.retention_set_at <= now - GRACE
        )
    )
    return {row.id: find_cutoff(row.retention_months, now) for row in rows}


def _months(store: Store, table: str, column: str, cutoffs: Mapping[int, datetime]) -> list[_Month]:
    """Partitions with rows to delete, the oldest first, each with the projects that have some."""
    return store.rows(
        _Month,
        f"SELECT toYYYYMM({column}) AS month, groupUniqArray(project_id) AS projects FROM {{{{{table}}}}} "
        f"WHERE {_any_of(cutoffs, column)} GROUP BY month ORDER BY month",
    )


def _is_unchanged(parts: Parts, cutoffs: Mapping[int, datetime], now: datetime) -> bool:
    """False where a project has chosen to keep more, or less, since."""
    with reading(parts.sessions) as db:
        return _cutoffs(db, now) == cutoffs


def _delete_month(
    parts: Parts, table: str, column: str, month: _Month, cutoffs: Mapping[int, datetime], now: datetime
) -> bool:
    """The whole partition where nobody keeps any of it, else the rows of those who do not. False: messages were just
    being stored, or somebody has chosen otherwise.
    """
    own = {project_id: cutoffs[project_id] for project_id in month.projects}
    local = f"{{{{local('{table}')}}}} {{{{on_cluster}}}}"
    if not _is_shared(parts.store, table, column, month, own):
        # While nothing is between the stream and the store: else an old message of somebody who keeps it could be stored
        # after the look, and go with the partition. A batch that was claimed may be stored at any moment.
        with hold_partitions(parts.stream) as held:
            renew(held)
            if any(partition.has_batch() for partition in held) or not _is_unchanged(parts, cutoffs, now):
                return False
            if not _is_shared(parts.store, table, column, month, own):
                renew(held)
                # A server refuses to drop more than 50 GB unless told so.
                parts.store.command(
                    f"ALTER TABLE {local} DROP PARTITION {month.month:d} "
                    "SETTINGS max_partition_size_to_drop = 0"
                )
                log.info("dropped a month of events that nobody keeps", table=table, month=month.month)
                return True
    parts.store.command(f"DELETE FROM {local} IN PARTITION {month.month:d} WHERE {_any_of(own, column)}")
    parts.store.command(
        f"ALTER TABLE {local} APPLY DELETED MASK IN PARTITION {month.month:d} SETTINGS mutations_sync = 0"
    )
    return True


def _is_shared(store: Store, table: str, column: str, month: _Month, own: Mapping[int, datetime]) -> bool:
    [found] = store.rows(
        _Number,
        f"SELECT count() AS number FROM (SELECT 1 FROM {{{{{table}}}}} "
        f"WHERE toYYYYMM({column}) = {month.month:d} AND NOT ({_any_of(own, column)}) LIMIT 1)",
    )
    return found.number > 0


def _any_of(cutoffs: Mapping[int, datetime], column: str) -> str:
    """SQL condition on the rows to delete."""
    return " OR ".join(
        f"(project_id IN ({', '.join(f'{project_id:d}' for project_id in sorted(projects))}) "
        f"AND {column} < '{sql_instant(before)}')"
        for before, projects in _grouped(cutoffs)
    )


def _drop_quarantined(parts: Parts, project_id: int, before: datetime) -> None:
    """They count as dropped from then on, so that the counters still add up."""
    while True:
        found: list[Row] = parts.store.rows(
            Row,
            "SELECT lower(hex(MD5(envelope))) AS id, envelope FROM {{quarantine}} "
            "WHERE project_id = {project:UInt32} AND received_at < {before:DateTime64(3, 'UTC')} "
            "ORDER BY received_at LIMIT {limit:UInt32}",
            project=project_id, before=sql_instant(before), limit=QUARANTINED_AT_ONCE,
        )  # fmt: skip
        drop_rows(parts.store, parts.stream, project_id, found, DropReason.EXPIRED)
        if len(found) < QUARANTINED_AT_ONCE:
            return


def _note(db: Session, cutoffs: Mapping[int, datetime]) -> None:
    for before, projects in _grouped(cutoffs):
        db.execute(
            update(Project)
            .where(
                PROJECT.id.in_(projects),
                or_(PROJECT.events_deleted_before.is_(None), PROJECT.events_deleted_before < before),
            )
            .values(events_deleted_before=before)
            .execution_options(synchronize_session=False)
        )


def _grouped(cutoffs: Mapping[int, datetime]) -> Iterable[tuple[datetime, list[int]]]:
    by_cutoff: dict[datetime, list[int]] = {}
    for project_id, before in cutoffs.items():
        by_cutoff.setdefault(before, []).append(project_id)
    return sorted(by_cutoff.items())
