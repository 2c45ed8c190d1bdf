from __future__ import annotations

from datetime import datetime

from shopalytic.events.event import Event
from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


def new_events(
    store: Store, project: Project, *, stored_since: datetime, event: str = "", limit: int = 50
) -> list[Event]:
    """What came into the store since then, newest occurrence first, late events and bots' too.

    `stored_at` is set a moment before the insert: whoever polls asks again for some seconds that he has seen.
    Of more than `limit`, those stored last.
    """
    return store.rows(
        Event,
        read_sql("new_events"),
        project=project.project_id,
        since=sql_instant(stored_since),
        event=event,
        limit=limit,
    )
