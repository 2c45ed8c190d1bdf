from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class CustomerSummary(msgspec.Struct, frozen=True):
    """What one customer came to. Times are UTC texts as the store gives them; `revenue` is exact, not rounded.

    tracking_id: one of the browsers; the only one of a visitor who never said who he is.
    """

    customer_id: UUID
    first_seen: str
    last_seen: str
    events: int
    tracking_id: str
    orders: int
    revenue: Decimal


def customer_summaries(
    store: Store, project: Project, origins: Sequence[UUID]
) -> dict[UUID, CustomerSummary]:
    """Each customer who owns a row of these origins; one who has no events yet is missing."""
    rows = store.rows(
        CustomerSummary,
        read_sql("customer_summary"),
        project=project.project_id,
        currency=project.currency,
        origins=[str(origin) for origin in origins],
    )
    return {row.customer_id: row for row in rows}


def find_customer_summary(
    store: Store, project: Project, customer_id: UUID, origins: Sequence[UUID]
) -> CustomerSummary | None:
    """None where the customer has no events."""
    return customer_summaries(store, project, origins).get(customer_id)
