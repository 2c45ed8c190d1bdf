from __future__ import annotations

import msgspec

from shopalytic.reports.paging import Cursor, pack_cursor, parse_cursor
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class Quarantined(msgspec.Struct, frozen=True):
    """One message set aside. event, message_id: '' where it could not be read that far. received_at: UTC text.
    envelope: the stream's entry, whole."""

    id: str
    received_at: str
    reason: str
    detail: str
    event: str
    message_id: str
    envelope: str


class QuarantinePage(msgspec.Struct, frozen=True):
    """Messages, the last received first. next: cursor of what follows, None at the end."""

    messages: list[Quarantined]
    next: str | None


def quarantined(
    store: Store, project: Project, *, reason: str = "", limit: int = 50, cursor: str = ""
) -> QuarantinePage:
    """What waits to be mended; `reason` '' means any. Raises ValueError for a cursor that is none."""
    after = parse_cursor(cursor)
    found = store.rows(
        Quarantined,
        read_sql("quarantined"),
        project=project.project_id,
        before=after.occurred_at,
        before_id=after.message_id,
        reason=reason,
        limit=limit + 1,
    )
    page = found[:limit]
    more = len(found) > limit
    return QuarantinePage(page, pack_cursor(Cursor(page[-1].received_at, page[-1].id)) if more else None)
