from __future__ import annotations

from datetime import datetime, timedelta

from shopalytic.events.event import Event
from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


def newest_events(
    store: Store, project: Project, *, now: datetime, span: timedelta, each: int = 500, names: int = 100
) -> list[Event]:
    """The newest `each` events of the `names` most frequent names received in the last `span`, bots' too, in no order.

    Cost: names and times of all events of the span, the whole rows of those taken and of their neighbours on the disk.
    """
    return store.rows(
        Event,
        read_sql("newest_events"),
        project=project.project_id,
        since=sql_instant(now - span),
        each=each,
        names=names,
    )
