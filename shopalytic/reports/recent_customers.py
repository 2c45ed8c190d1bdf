from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from shopalytic.reports.paging import EARLIEST
from shopalytic.reports.period import sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.recent_events import SPANS
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class RecentCustomer(msgspec.Struct, frozen=True):
    """user_ids: the hard ids of the newest row that has some; {} for one not identified in the span looked at."""

    customer_id: UUID
    last_seen: str
    user_ids: dict[str, str]
    orders: int
    revenue: Decimal


def recent_customers(
    store: Store, project: Project, *, now: datetime, limit: int = 50
) -> list[RecentCustomer]:
    """The customers seen last, newest first, anonymous visitors too; `revenue` is exact, not rounded."""
    for span in SPANS:
        rows = store.rows(
            RecentCustomer,
            read_sql("recent_customers"),
            project=project.project_id,
            currency=project.currency,
            since=sql_instant(now - span) if span else EARLIEST,
            limit=limit,
        )
        if len(rows) >= limit:
            break
    return rows
