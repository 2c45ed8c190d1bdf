from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shopalytic.events.event import Event
from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


def events_by_id(
    store: Store, project: Project, message_ids: Sequence[str], *, received_since: datetime
) -> list[Event]:
    """The events of these messages that are stored and were received since then, in no order."""
    if not message_ids:
        return []
    return store.rows(
        Event,
        read_sql("events_by_id"),
        project=project.project_id,
        since=sql_instant(received_since),
        ids=list(message_ids),
    )
