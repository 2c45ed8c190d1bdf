from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store

REACH = timedelta(days=30)
"""How far back a violation's first message is looked for: all of a project would be read for it otherwise."""


class ViolationCount(msgspec.Struct, frozen=True):
    """One violation of one event. violation: `kind:property`, with `[]` for any line of an array.

    messages, paths (different pages), libraries (what sent them, at most ten): of the span asked for. first_at: UTC text,
    at most REACH before now. message_id, path, last_at: of the last of them.
    """

    event: str
    violation: str
    messages: int
    first_at: str
    last_at: str
    message_id: str
    path: str
    paths: int
    libraries: list[str]


def violations(
    store: Store, project: Project, *, now: datetime, span: timedelta, limit: int = 100
) -> list[ViolationCount]:
    """What was wrong with the events received in the last `span`, bots' too, the most frequent first."""
    return store.rows(
        ViolationCount,
        read_sql("violations"),
        project=project.project_id,
        since=sql_instant(now - span),
        reach=sql_instant(now - max(span, REACH)),
        limit=limit,
    )
