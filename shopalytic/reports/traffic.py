from __future__ import annotations

import msgspec

from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class Traffic(msgspec.Struct, frozen=True):
    """What happened on the shop's pages on one local day, or (`day` None) in the whole period."""

    day: str | None = None
    visitors: int = 0
    sessions: int = 0
    events: int = 0
    page_views: int = 0
    product_views: int = 0
    cart_adds: int = 0
    bot_events: int = 0


def traffic(store: Store, project: Project, period: Period) -> dict[str | None, Traffic]:
    """By day as `2026-01-31`, the whole period under None; days without events are missing.

    Source: docs/metrics.md. Bots count in `bot_events` alone.
    """
    rows = store.rows(Traffic, read_sql("traffic"), project=project.project_id, **period.bounds())
    return {row.day: row for row in rows}
