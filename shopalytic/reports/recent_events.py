from __future__ import annotations

from datetime import datetime, timedelta

from shopalytic.events.event import Event
from shopalytic.reports.paging import EARLIEST, EventPage, make_page, parse_cursor
from shopalytic.reports.period import parse_sql_instant, sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store

SPANS = (timedelta(days=1), timedelta(days=30), None)
"""How far back to look, in turn, until a page is full: sorting a day costs a fraction of sorting everything."""


def recent_events(
    store: Store,
    project: Project,
    *,
    now: datetime,
    event: str = "",
    since: datetime | None = None,
    limit: int = 100,
    cursor: str = "",
) -> EventPage:
    """A project's events, newest first, bots' too; `event` '' means any, `since` is included.

    Each `customer_id` is who the customer is today. Raises ValueError for a cursor that is none.
    """
    after = parse_cursor(cursor)
    least = sql_instant(since) if since else EARLIEST
    newest = min(parse_sql_instant(after.occurred_at), now + timedelta(days=1))
    for span in SPANS:
        reach = max(least, sql_instant(newest - span)) if span else least
        events = store.rows(
            Event,
            read_sql("recent_events"),
            project=project.project_id,
            since=reach,
            before=after.occurred_at,
            before_message=after.message_id,
            event=event,
            limit=limit + 1,
        )
        if len(events) > limit or reach == least:
            break
    return make_page(events, limit)
