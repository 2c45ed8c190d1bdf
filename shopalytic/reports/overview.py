"""The shop at a glance: who came, who ordered, what it brought. Made of `traffic`, `sales` and `refunds`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.refunds import Refunds, refunds
from shopalytic.reports.sales import Sales, sales
from shopalytic.reports.traffic import Traffic, traffic
from shopalytic.store import Store


class OverviewFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a day or of a whole period. Distinct counts of days do not add up to the period's."""

    visitors: Annotated[int, Meta(description="Browsers seen, without bots.")]
    sessions: Annotated[int, Meta(description="Sessions with an event in it, without bots.")]
    customers: Annotated[int, Meta(description="Customers who ordered; each guest is one.")]
    named_customers: Annotated[int, Meta(description="Of those, the ones whom the shop knows by an id.")]
    orders: Annotated[int, Meta(description="Orders placed, each order id once.")]
    units: Annotated[int, Meta(description="Pieces in these orders.")]
    revenue: Annotated[Decimal, Meta(description="Sum of the orders' totals, in the project's currency.")]
    refunds: Annotated[Decimal, Meta(description="Money given back, on the day it was.")]
    net_revenue: Annotated[Decimal, Meta(description="Revenue less refunds.")]
    average_order: Annotated[Decimal | None, Meta(description="Revenue per order; null without orders.")]
    conversion_rate: Annotated[
        float | None, Meta(description="Share of sessions with an order, 0 to 1; null without sessions.")
    ]
    orders_in_other_currency: Annotated[
        int, Meta(description="Orders whose money is not in `revenue`, being in another currency.")
    ]
    events: Annotated[int, Meta(description="Events of every kind, without bots.")]
    page_views: Annotated[int, Meta(description="`page_view` events, without bots.")]
    product_views: Annotated[int, Meta(description="`product_view` events, without bots.")]
    cart_adds: Annotated[int, Meta(description="`cart_add` events, without bots.")]
    bot_events: Annotated[int, Meta(description="Events of bots.")]


class OverviewDay(OverviewFigures, frozen=True, kw_only=True):
    day: Annotated[date, Meta(description="Day in the project's time zone.")]


class Overview(msgspec.Struct, frozen=True):
    """`totals` of the whole period, and a row for each of its days, also for those without events."""

    totals: OverviewFigures
    rows: list[OverviewDay]


def overview(store: Store, project: Project, period: Period) -> Overview:
    """Money in it is exact: round it with `in_currency` where it is shown. Source: docs/metrics.md."""
    visits = traffic(store, project, period)
    orders = sales(store, project, period)
    given_back = refunds(store, project, period)
    sum_given_back = sum((row.refunds for row in given_back.values()), Decimal(0))
    totals = figures(visits.get(None, Traffic()), orders.get(None, Sales()), sum_given_back)
    days = []
    for day in period.days():
        key = day.isoformat()
        row = figures(
            visits.get(key, Traffic()), orders.get(key, Sales()), given_back.get(key, Refunds(key)).refunds
        )
        days.append(OverviewDay(day=day, **msgspec.structs.asdict(row)))
    return Overview(totals, days)


def figures(visits: Traffic, orders: Sales, given_back: Decimal) -> OverviewFigures:
    """What follows from the three of the same day or period."""
    paid = orders.orders_in_currency
    return OverviewFigures(
        visitors=visits.visitors,
        sessions=visits.sessions,
        customers=orders.customers,
        named_customers=orders.named_customers,
        orders=orders.orders,
        units=orders.units,
        revenue=orders.revenue,
        refunds=given_back,
        net_revenue=orders.revenue - given_back,
        average_order=orders.revenue / paid if paid else None,
        conversion_rate=orders.sessions_with_order / visits.sessions if visits.sessions else None,
        orders_in_other_currency=orders.orders - paid,
        events=visits.events,
        page_views=visits.page_views,
        product_views=visits.product_views,
        cart_adds=visits.cart_adds,
        bot_events=visits.bot_events,
    )
