from __future__ import annotations

from decimal import Decimal

import msgspec

from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class Refunds(msgspec.Struct, frozen=True):
    """What was refunded on one local day; exact, not rounded."""

    day: str
    refund_count: int = 0
    refunds: Decimal = Decimal(0)


def refunds(store: Store, project: Project, period: Period) -> dict[str, Refunds]:
    """By day as `2026-01-31`; days without refunds are missing. Source: docs/metrics.md."""
    rows = store.rows(
        Refunds,
        read_sql("refunds"),
        project=project.project_id,
        currency=project.currency,
        **period.bounds(),
    )
    return {row.day: row for row in rows}
