from __future__ import annotations

from decimal import Decimal

import msgspec

from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class Sales(msgspec.Struct, frozen=True):
    """Orders of one local day, or (`day` None) of the whole period; `revenue` is exact, not rounded.

    orders_in_currency: the orders that `revenue` is of; the others came in another currency.
    sessions_with_order: of the sessions that `Traffic` counts, those with an order in them.
    """

    day: str | None = None
    orders: int = 0
    customers: int = 0
    named_customers: int = 0
    units: int = 0
    revenue: Decimal = Decimal(0)
    orders_in_currency: int = 0
    sessions_with_order: int = 0


def sales(store: Store, project: Project, period: Period) -> dict[str | None, Sales]:
    """By day as `2026-01-31`, the whole period under None; days without orders are missing.

    Source: docs/metrics.md. A bot's mark changes nothing here: a shop's server may look like a bot.
    """
    rows = store.rows(
        Sales,
        read_sql("sales"),
        project=project.project_id,
        currency=project.currency,
        **period.bounds(),
    )
    return {row.day: row for row in rows}
