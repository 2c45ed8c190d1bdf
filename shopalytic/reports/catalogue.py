"""Every report by the name under which the API gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from shopalytic.reports.money import in_currency
from shopalytic.reports.overview import OverviewDay, OverviewFigures, overview
from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.revenue_by_customer import CustomerRevenue, CustomersFigures, revenue_by_customer
from shopalytic.store import Store


class Report(msgspec.Struct, frozen=True):
    """ask: gives a struct with `totals` and `rows`, of the two types named here; their Decimals are exact."""

    name: str
    sentence: str
    ask: Callable[[Store, Project, Period], Any]
    row_type: type[msgspec.Struct]
    totals_type: type[msgspec.Struct]


REPORTS = {
    report.name: report
    for report in (
        Report(
            "overview",
            "Visitors, customers, orders and revenue, by day.",
            overview,
            OverviewDay,
            OverviewFigures,
        ),
        Report(
            "customers",
            "Orders, revenue and refunds of each customer, the best first.",
            revenue_by_customer,
            CustomerRevenue,
            CustomersFigures,
        ),
    )
}


def run_report(
    report: Report, store: Store, project: Project, period: Period
) -> tuple[list[msgspec.Struct], msgspec.Struct]:
    """(rows, totals) with money rounded to the project's currency."""
    answer = report.ask(store, project, period)
    rows: list[msgspec.Struct] = [in_currency(row, project.currency) for row in answer.rows]
    return rows, in_currency(answer.totals, project.currency)
