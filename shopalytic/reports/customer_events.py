from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shopalytic.events.event import Event
from shopalytic.reports.paging import EARLIEST, EventPage, make_page, parse_cursor
from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


def customer_events(
    store: Store,
    project: Project,
    customer_id: UUID,
    origins: Sequence[UUID],
    *,
    event: str = "",
    since: datetime | None = None,
    limit: int = 100,
    cursor: str = "",
) -> EventPage:
    """A customer's whole history, newest first, joined visitors' included; `event` '' means any.

    origins: all that the customer's ids may have been stored under, as `identity` gives them.
    Raises ValueError for a cursor that is none.
    """
    after = parse_cursor(cursor)
    events = store.rows(
        Event,
        read_sql("customer_events"),
        project=project.project_id,
        customer=str(customer_id),
        origins=[str(origin) for origin in origins],
        since=sql_instant(since) if since else EARLIEST,
        before=after.occurred_at,
        before_message=after.message_id,
        event=event,
        limit=limit + 1,
    )
    return make_page(events, limit)
