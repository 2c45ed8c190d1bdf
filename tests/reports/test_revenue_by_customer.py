"""Every number here can be counted by hand from the rows that the test inserts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from shopalytic.events.event import Event
from shopalytic.reports.overview import overview
from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.revenue_by_customer import CustomersFigures, RevenueByCustomer, revenue_by_customer
from shopalytic.store import Store
from tests.factories import insert_events, make_event, make_order, make_refund, override_owner, some_uuid

JANUARY = Period.of_days(date(2026, 1, 1), date(2026, 1, 31), "UTC")


class Ask:
    """Inserts rows of this test's project and asks who brought what in January."""

    def __init__(self, store: Store, project_id: int) -> None:
        self.store = store
        self.project = Project(project_id, "UTC", "EUR")

    def insert(self, *events: Event) -> None:
        for event in events:
            event.project_id = self.project.project_id
        insert_events(self.store, events)

    def answer(self, most: int = 1000) -> RevenueByCustomer:
        return revenue_by_customer(self.store, self.project, JANUARY, most)

    def rows(self, *events: Event) -> list[tuple[str, int, Decimal, Decimal]]:
        self.insert(*events)
        return [(row.customer_id, row.orders, row.revenue, row.refunds) for row in self.answer().rows]


@pytest.fixture
def ask(store: Store, project_id: int) -> Ask:
    return Ask(store, project_id)


def who(name: str) -> str:
    return str(some_uuid(name))


def test_the_best_customer_comes_first(ask: Ask) -> None:
    assert ask.rows(
        make_order(order_id="1", visitor="anna", total="10.10"),
        make_order(order_id="2", visitor="ben", total="25"),
        make_order(order_id="3", visitor="anna", total="5"),
        make_event(visitor="cleo"),
    ) == [(who("ben"), 1, Decimal(25), 0), (who("anna"), 2, Decimal("15.1"), 0)]


def test_nobody_ordered(ask: Ask) -> None:
    assert ask.answer() == RevenueByCustomer(CustomersFigures(), [])


def test_orders_are_those_of_whoever_it_is_today(ask: Ask) -> None:
    ask.insert(
        make_order(order_id="1", visitor="anna", total="10"),
        make_order(order_id="2", visitor="ben", total="7"),
    )
    override_owner(ask.store, ask.project.project_id, origin="anna", owner="ben")
    assert ask.rows() == [(who("ben"), 2, Decimal(17), 0)]


def test_an_order_stored_twice_counts_once_and_one_of_another_month_does_not(ask: Ask) -> None:
    assert ask.rows(
        make_order(order_id="1", visitor="anna", total="10", at="2026-01-10 10:00:00"),
        make_order(order_id="1", visitor="ben", total="10", at="2026-01-10 10:00:01"),
        make_order(order_id="2", visitor="anna", total="3", at="2026-02-01 00:00:00"),
    ) == [(who("anna"), 1, Decimal(10), 0)]


def test_a_refund_is_the_customers_who_ordered_whoever_told_it(ask: Ask) -> None:
    assert ask.rows(
        make_order(order_id="1", visitor="anna", total="10", at="2025-12-20 10:00:00"),
        make_refund(order_id="1", visitor="", customer="the shop's server", amount="4"),
    ) == [(who("anna"), 0, Decimal(0), Decimal(4))]


def test_a_refund_of_an_order_that_is_not_known_is_the_customers_who_told_it(ask: Ask) -> None:
    assert ask.rows(make_refund(order_id="gone", visitor="anna", amount="4")) == [
        (who("anna"), 0, Decimal(0), Decimal(4))
    ]


def test_orders_in_another_currency_are_counted_apart(ask: Ask) -> None:
    ask.insert(
        make_order(order_id="1", visitor="anna", total="10", currency="EUR"),
        make_order(order_id="2", visitor="anna", total="99", currency="USD"),
    )
    [row] = ask.answer().rows
    assert (row.orders, row.revenue, row.orders_in_other_currency) == (2, Decimal(10), 1)


def test_the_totals_are_of_all_customers_and_those_of_the_overview(ask: Ask) -> None:
    ask.insert(
        *(
            make_order(order_id=str(n), visitor=f"v{n}", total=str(n), at=f"2026-01-{n:02} 10:00:00")
            for n in range(1, 9)
        ),
        make_order(order_id="us", visitor="v1", total="50", currency="USD"),
        make_refund(order_id="3", visitor="v3"),
        make_refund(order_id="3", visitor="v3", at="2026-01-16 10:00:00"),
        make_refund(order_id="8", visitor="v8", refund_type="partial", amount="2.50"),
    )
    answer = ask.answer(most=2)
    whole = overview(ask.store, ask.project, JANUARY).totals
    assert [row.customer_id for row in answer.rows] == [who("v8"), who("v7")]
    assert answer.totals == CustomersFigures(
        customers=8, orders=9, revenue=Decimal(36), refunds=Decimal("5.5"), net_revenue=Decimal("30.5"),
        orders_in_other_currency=1,
    )  # fmt: skip
    same = ("customers", "orders", "revenue", "refunds", "net_revenue", "orders_in_other_currency")
    assert {name: getattr(answer.totals, name) for name in same} == {
        name: getattr(whole, name) for name in same
    }
