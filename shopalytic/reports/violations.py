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

    messages, dropped (those of them that are not stored), pages (the five most frequent), page_count, libraries, doors and
    reasons (why they were dropped): of the span asked for. first_at, last_at: UTC texts; the first at most REACH before
    now. stored_samples: message ids, the newest first; dropped_samples: with what is told of each.
    """

    event: str
    violation: str
    messages: int
    dropped: int
    first_at: str
    last_at: str
    pages: list[str]
    page_count: int
    libraries: list[str]
    doors: list[str]
    reasons: list[str]
    stored_samples: list[str]
    dropped_samples: list[tuple[str, str]]

    @property
    def kind(self) -> str:
        return self.violation.partition(":")[0]


def violations(
    store: Store, project: Project, *, now: datetime, span: timedelta, limit: int = 100
) -> list[ViolationCount]:
    """What was wrong with the messages received in the last `span`, bots' too, the most frequent first."""
    return store.rows(
        ViolationCount,
        read_sql("violations"),
        project=project.project_id,
        since=sql_instant(now - span),
        reach=sql_instant(now - max(span, REACH)),
        limit=limit,
    )
