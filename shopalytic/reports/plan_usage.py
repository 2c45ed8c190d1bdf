from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class PlanUsage(msgspec.Struct, frozen=True):
    """One event's name. events: stored ones; violating: those of them with violations. refused, set_aside: by the plan,
    none of them among `events`; a message that was replayed since still counts among `set_aside`."""

    event: str
    events: int = 0
    violating: int = 0
    refused: int = 0
    set_aside: int = 0


def plan_usage(
    store: Store, project: Project, *, now: datetime, span: timedelta, limit: int = 1000
) -> list[PlanUsage]:
    """What arrived in the last `span`, bots' too, the most frequent first."""
    return store.rows(
        PlanUsage,
        read_sql("plan_usage"),
        project=project.project_id,
        since=sql_instant(now - span),
        limit=limit,
    )
