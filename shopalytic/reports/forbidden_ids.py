from __future__ import annotations

from datetime import datetime

import msgspec

from shopalytic.events.violations import Violation
from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.reports.violations import REACH
from shopalytic.store import Store


class ForbiddenIdCount(msgspec.Struct, frozen=True):
    """One value that identifies nobody, in one place. place: `user_id`, `user_id.email`, `tracking_id`, `previous_id`.

    value: as it was sent; '' where it was not kept. first_at, last_at: UTC texts. last_page: '' where no page sent it.
    names: of up to ten events; doors: up to ten.
    """

    value: str
    place: str
    events: int
    first_at: str
    last_at: str
    last_page: str
    names: list[str]
    doors: list[str]


def forbidden_ids(
    store: Store, project: Project, *, now: datetime, limit: int = 50
) -> list[ForbiddenIdCount]:
    """Of the events received in the last REACH, bots' too, the most frequent first. Events that no id was left to are
    not among them: those are in quarantine.
    """
    violation = Violation.FORBIDDEN_ID.at("")
    return store.rows(
        ForbiddenIdCount,
        read_sql("forbidden_ids"),
        project=project.project_id,
        since=sql_instant(now - REACH),
        violation=violation,
        length=len(violation),
        limit=limit,
    )
