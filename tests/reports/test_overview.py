"""Every number here can be counted by hand from the rows that the test inserts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from shopalytic.events.event import Event
from shopalytic.reports.overview import Overview, OverviewFigures, overview
from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.store import Store
from tests.factories import insert_events, make_event, make_order, make_refund, override_owner


class Ask:
    """Inserts rows of this test's project and asks for January's overview."""

    def __init__(self, store: Store, project_id: int) -> None:
        self.store = store
        self.project_id = project_id

    def insert(self, *events: Event) -> None:
        for event in events:
            event.project_id = self.project_id
        insert_events(self.store, events)

    def overview(
        self,
        first: date = date(2026, 1, 1),
        last: date = date(2026, 1, 31),
        zone: str = "UTC",
        currency: str = "EUR",
    ) -> Overview:
        project = Project(self.project_id, zone, currency)
        return overview(self.store, project, Period.of_days(first, last, zone))

    def totals(self, *events: Event) -> OverviewFigures:
        self.insert(*events)
        return self.overview().totals


@pytest.fixture
def ask(store: Store, project_id: int) -> Ask:
    return Ask(store, project_id)


def test_a_month_of_a_small_shop(ask: Ask) -> None:
    totals = ask.totals(
        make_event(visitor="anna", session_id="a1", at="2026-01-10 10:00:00"),
        make_event(visitor="anna", session_id="a1", at="2026-01-10 10:05:00", event="product_view"),
        make_event(visitor="anna", session_id="a1", at="2026-01-10 10:06:00", event="cart_add"),
        make_order(
            visitor="anna", session_id="a1", at="2026-01-10 10:10:00", order_id="1", total="30.10",
            user_ids={"user_id": "anna@example.com"}, line_skus=["A", "B"], line_names=["", ""],
            line_qtys=[2, 3], line_prices=["1", "1"], line_costs=[None, None],
        ),
        make_event(visitor="anna", session_id="a2", at="2026-01-20 10:00:00"),
        make_event(visitor="ben", session_id="b1", at="2026-01-20 11:00:00"),
        make_order(visitor="ben", session_id="b1", at="2026-01-20 11:30:00", order_id="2", total="9.95"),
        make_event(visitor="cleo", session_id="c1", at="2026-01-21 11:00:00"),
        make_refund(visitor="ben", session_id="b1", at="2026-01-20 11:40:00", order_id="2"),
    )  # fmt: skip

    assert totals == OverviewFigures(
        visitors=3, sessions=4, customers=2, named_customers=1, orders=2, units=6,
        revenue=Decimal("40.05"), refunds=Decimal("9.95"), net_revenue=Decimal("30.10"),
        average_order=Decimal("20.025"), conversion_rate=0.5, orders_in_other_currency=0,
        events=9, page_views=4, product_views=1, cart_adds=1, bot_events=0,
    )  # fmt: skip


def test_a_period_without_events_has_zeros_for_every_day_and_no_averages(ask: Ask) -> None:
    answer = ask.overview(date(2026, 1, 1), date(2026, 1, 3))

    assert [row.day for row in answer.rows] == [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]
    for figures in (answer.totals, *answer.rows):
        assert (figures.visitors, figures.orders, figures.revenue) == (0, 0, 0)
        assert figures.average_order is None
        assert figures.conversion_rate is None


def test_only_the_periods_own_moments_count(ask: Ask) -> None:
    ask.insert(
        make_event(visitor="before", at="2025-12-31 23:59:59.999"),
        make_event(visitor="first", at="2026-01-01 00:00:00.000"),
        make_event(visitor="last", at="2026-01-31 23:59:59.999"),
        make_event(visitor="after", at="2026-02-01 00:00:00.000"),
    )

    assert ask.overview().totals.visitors == 2


def test_days_are_those_of_the_projects_time_zone(ask: Ask) -> None:
    ask.insert(
        make_order(order_id="late", visitor="anna", at="2026-01-15 23:30:00", total="5"),
        make_order(order_id="early", visitor="ben", at="2026-01-15 22:30:00", total="3"),
    )

    rows = {
        row.day.day: row
        for row in ask.overview(date(2026, 1, 15), date(2026, 1, 16), zone="Europe/Berlin").rows
    }

    assert (rows[15].orders, rows[15].revenue, rows[15].visitors) == (1, Decimal(3), 1)
    assert (rows[16].orders, rows[16].revenue, rows[16].visitors) == (1, Decimal(5), 1)


def test_the_hour_that_a_clock_change_repeats_is_of_the_same_day(ask: Ask) -> None:
    day = date(2026, 10, 25)
    ask.insert(*(make_event(visitor=f"v{hour}", at=f"2026-10-25 {hour:02}:30:00") for hour in range(24)))
    ask.insert(make_event(visitor="night", at="2026-10-24 22:30:00"))

    answer = ask.overview(day, day, zone="Europe/Berlin")

    # From 22:00 UTC of the 24th to 23:00 UTC of the 25th, 25 hours.
    assert answer.rows[0].visitors == 24
    assert answer.totals.visitors == 24


def test_a_visitor_of_two_days_is_one_visitor_of_the_period(ask: Ask) -> None:
    ask.insert(make_event(at="2026-01-10 10:00:00"), make_event(at="2026-01-11 10:00:00"))

    answer = ask.overview()

    assert answer.totals.visitors == 1
    assert sum(row.visitors for row in answer.rows) == 2


def test_two_visitors_who_happen_to_send_the_same_session_id_have_two_sessions(ask: Ask) -> None:
    totals = ask.totals(make_event(visitor="anna", session_id="1"), make_event(visitor="ben", session_id="1"))

    assert totals.sessions == 2


def test_bots_are_no_visitors_and_their_events_are_counted_apart(ask: Ask) -> None:
    totals = ask.totals(make_event(visitor="anna"), make_event(visitor="crawler", is_bot=True))

    assert (totals.visitors, totals.sessions, totals.events, totals.bot_events) == (1, 1, 1, 1)


def test_an_order_sent_by_what_looks_like_a_bot_counts_and_converts_the_browsers_session(ask: Ask) -> None:
    totals = ask.totals(
        make_event(visitor="anna", session_id="s"),
        make_order(order_id="1", visitor="anna", session_id="s", total="7", is_bot=True),
        make_event(visitor="ben"),
    )

    assert (totals.orders, totals.revenue, totals.customers) == (1, Decimal(7), 1)
    assert totals.conversion_rate == 0.5


def test_a_thank_you_page_opened_twice_counts_one_order(ask: Ask) -> None:
    totals = ask.totals(
        make_order(order_id="1", total="10", at="2026-01-10 10:00:00"),
        make_order(order_id="1", total="10", at="2026-01-11 10:00:00"),
    )

    assert (totals.orders, totals.units, totals.revenue) == (1, 1, Decimal(10))


def test_orders_without_an_id_are_not_taken_for_one(ask: Ask) -> None:
    totals = ask.totals(make_order(order_id="", total="1"), make_order(order_id="", total="2"))

    assert (totals.orders, totals.revenue) == (2, Decimal(3))


def test_an_order_without_a_usable_total_counts_but_brings_nothing(ask: Ask) -> None:
    totals = ask.totals(make_order(order_id="1", total=None), make_order(order_id="2", total="4"))

    assert (totals.orders, totals.revenue) == (2, Decimal(4))


def test_guests_are_customers_each_their_own_but_no_named_ones(ask: Ask) -> None:
    totals = ask.totals(
        make_order(order_id="1", visitor="guest:1", door="import"),
        make_order(order_id="2", visitor="guest:2", door="import"),
        make_order(order_id="3", visitor="", customer="jon", user_ids={"user_id": "jon"}, door="import"),
        make_order(order_id="4", visitor="", customer="jon", user_ids={"user_id": "jon"}, door="import"),
    )

    assert (totals.orders, totals.customers, totals.named_customers) == (4, 3, 1)


def test_an_order_read_from_a_file_is_nobodys_visit(ask: Ask) -> None:
    totals = ask.totals(make_order(order_id="1", visitor="guest:1", door="import"))

    assert (totals.visitors, totals.sessions, totals.conversion_rate) == (0, 0, None)


def test_a_customer_is_named_by_any_row_ever_not_only_by_the_order(ask: Ask) -> None:
    totals = ask.totals(
        make_order(order_id="1", visitor="anna", at="2026-01-10 10:00:00"),
        make_event(visitor="anna", at="2026-02-10 10:00:00", user_ids={"user_id": "anna"}),
    )

    assert (totals.customers, totals.named_customers) == (1, 1)


def test_two_devices_that_turned_out_to_be_one_customer_are_counted_as_one(ask: Ask) -> None:
    ask.insert(make_order(order_id="1", visitor="phone"), make_order(order_id="2", visitor="laptop"))
    assert ask.overview().totals.customers == 2

    override_owner(ask.store, ask.project_id, origin="phone", owner="laptop")

    assert ask.overview().totals.customers == 1


def test_money_in_another_currency_is_not_added_to_the_projects(ask: Ask) -> None:
    totals = ask.totals(
        make_order(order_id="1", total="10", currency="EUR"),
        make_order(order_id="2", total="20"),
        make_order(order_id="3", total="3000", currency="JPY"),
        make_refund(order_id="3", amount="500"),
        make_refund(order_id="2", amount="5", refund_type="partial"),
    )

    assert (totals.orders, totals.revenue, totals.orders_in_other_currency) == (3, Decimal(30), 1)
    assert totals.average_order == Decimal(15)
    assert totals.refunds == Decimal(5)


@pytest.mark.parametrize(
    ("refunds", "given_back"),
    [
        ([("partial", "5.05")], "5.05"),
        ([("partial", "5.05"), ("partial", "1")], "6.05"),
        ([("partial", None)], "0"),
        ([("full", None)], "20.10"),
        ([("full", "19.00")], "19"),
        ([("full", None), ("full", None)], "20.10"),
        ([("partial", "5.05"), ("full", None)], "20.10"),
        ([("partial", "30"), ("full", None)], "30"),
    ],
)
def test_a_refund_gives_back_its_amount_or_what_is_left_of_the_order(
    ask: Ask, refunds: list[tuple[str, str | None]], given_back: str
) -> None:
    ask.insert(make_order(order_id="1", total="20.10", at="2025-11-05 10:00:00"))

    totals = ask.totals(
        *(
            make_refund(order_id="1", refund_type=kind, amount=amount, at=f"2026-01-0{day} 10:00:00")
            for day, (kind, amount) in enumerate(refunds, start=1)
        )
    )

    assert totals.refunds == Decimal(given_back)
    assert totals.net_revenue == -Decimal(given_back)


def test_a_full_refund_repeated_in_a_later_month_gives_nothing_back_again(ask: Ask) -> None:
    totals = ask.totals(
        make_order(order_id="1", total="20", at="2025-11-05 10:00:00"),
        make_refund(order_id="1", at="2025-12-31 10:00:00"),
        make_refund(order_id="1", at="2026-01-02 10:00:00"),
    )

    assert totals.refunds == 0


def test_another_projects_rows_are_never_counted(ask: Ask) -> None:
    insert_events(ask.store, [make_order(project_id=ask.project_id + 2**30, order_id="1")])

    assert ask.overview().totals.orders == 0


def test_what_adds_up_over_days_adds_up_to_the_total(ask: Ask) -> None:
    ask.insert(
        *(
            make_order(order_id=str(n), total=f"{n}.{n:02}", at=f"2026-01-{1 + n % 31:02} 10:00:00")
            for n in range(40)
        ),
        *(make_refund(order_id=str(n), at=f"2026-01-{3 + n % 29:02} 10:00:00") for n in range(0, 40, 7)),
    )

    answer = ask.overview()

    for name in ("orders", "units", "revenue", "refunds", "net_revenue", "events"):
        assert sum(getattr(row, name) for row in answer.rows) == getattr(answer.totals, name)
    assert answer.totals.revenue == sum(Decimal(f"{n}.{n:02}") for n in range(40))


def test_one_customers_orders_on_two_days_make_one_customer(ask: Ask) -> None:
    ask.insert(
        make_order(order_id="1", at="2026-01-10 10:00:00"), make_order(order_id="2", at="2026-01-11 10:00:00")
    )

    answer = ask.overview()

    assert answer.totals.customers == 1
    assert [row.customers for row in answer.rows if row.customers] == [1, 1]
