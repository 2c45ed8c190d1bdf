"""Who brought how much: the customers of a period, the best first."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store

MOST_CUSTOMERS = 1000


class CustomerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one customer, or of all of them."""

    orders: Annotated[int, Meta(description="Orders placed, each order id once.")] = 0
    revenue: Annotated[Decimal, Meta(description="Sum of the orders' totals, in the project's currency.")] = (
        Decimal(0)
    )
    refunds: Annotated[Decimal, Meta(description="Money given back in the period.")] = Decimal(0)
    net_revenue: Annotated[Decimal, Meta(description="Revenue less refunds.")] = Decimal(0)
    orders_in_other_currency: Annotated[
        int, Meta(description="Orders whose money is not in `revenue`, being in another currency.")
    ] = 0


class CustomerRevenue(CustomerFigures, frozen=True, kw_only=True):
    customer_id: Annotated[str, Meta(description="Whose orders they are, as is known today.")]


class CustomersFigures(CustomerFigures, frozen=True, kw_only=True):
    customers: Annotated[int, Meta(description="Customers who ordered; each guest is one.")] = 0


class RevenueByCustomer(msgspec.Struct, frozen=True):
    """`totals` of all customers; `rows` of up to MOST_CUSTOMERS of those who ordered or got money back, by revenue."""

    totals: CustomersFigures
    rows: list[CustomerRevenue]


class _Row(msgspec.Struct):
    customer_id: str | None
    customers: int
    orders: int
    revenue: Decimal
    refunds: Decimal
    orders_in_other_currency: int


def revenue_by_customer(
    store: Store, project: Project, period: Period, most: int = MOST_CUSTOMERS
) -> RevenueByCustomer:
    """Money in it is exact: round it with `in_currency` where it is shown. Source: docs/metrics.md."""
    totals = CustomersFigures()
    rows = []
    for row in store.rows(
        _Row,
        read_sql("revenue_by_customer"),
        project=project.project_id,
        currency=project.currency,
        limit=most + 1,
        **period.bounds(),
    ):
        figures: dict[str, Any] = {
            "orders": row.orders,
            "revenue": row.revenue,
            "refunds": row.refunds,
            "net_revenue": row.revenue - row.refunds,
            "orders_in_other_currency": row.orders_in_other_currency,
        }
        if row.customer_id is None:
            totals = CustomersFigures(customers=row.customers, **figures)
        else:
            rows.append(CustomerRevenue(customer_id=row.customer_id, **figures))
    return RevenueByCustomer(totals, rows)
