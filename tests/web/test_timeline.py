"""How events are told: in few words, by session, in the project's time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shopalytic.web.dashboard.formats import duration, local, money, percent
from shopalytic.web.dashboard.timeline import (
    customer_name,
    make_lines,
    split_by_session,
    summarise,
)
from tests.factories import make_event, make_order, make_refund

SPACE = "\N{NO-BREAK SPACE}"


def sessions_of(*events: tuple[str, str], has_more: bool = False) -> list[tuple[str, int, bool]]:
    """events: (session id, minute), newest first. Gives (session id, number of lines, is_cut)."""
    made = [make_event(session_id=session, at=f"2026-01-15 12:{minute}:00") for session, minute in events]
    lines = make_lines(made, "UTC", "EUR")
    found = split_by_session(lines, has_more=has_more)
    return [(session.session_id, len(session.lines), session.is_cut) for session in found]


def test_two_devices_at_the_same_time_are_two_sessions() -> None:
    assert sessions_of(("phone", "09"), ("desk", "08"), ("phone", "07")) == [
        ("phone", 2, False),
        ("desk", 1, False),
    ]


def test_a_session_that_may_go_on_does_not_pretend_to_be_whole() -> None:
    assert sessions_of(("b", "09"), ("a", "08"), has_more=True) == [("b", 1, False), ("a", 1, True)]


def test_events_without_a_session_stay_together_where_they_follow_one_another() -> None:
    assert [count for _, count, _ in sessions_of(("", "09"), ("", "08"), ("a", "07"), ("", "06"))] == [
        2,
        1,
        1,
    ]


def test_no_events_are_no_sessions() -> None:
    assert sessions_of() == []


def test_events_of_other_days_carry_their_day() -> None:
    events = [make_event(at="2026-07-02 00:30:00"), make_event(at="2026-07-01 23:30:00")]
    today = local("2026-07-02 12:00:00.000", "America/New_York").date()
    days = [line.day for line in make_lines(events, "America/New_York", "EUR", today=today)]
    assert days == ["1 Jul", "1 Jul"]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (make_order(order_id="1001", total="1234.50"), "№ 1001 · £1,234.50"),
        (make_order(order_id="1001", total=None), "№ 1001"),
        (make_order(order_id="1001", total="5", currency="EUR"), "№ 1001 · €5.00"),
        (make_refund(order_id="1001", refund_type="partial", amount="2.50"), "№ 1001 · £2.50"),
        (make_refund(order_id="1001", refund_type="partial", amount="half of it"), "№ 1001 · half of it"),
        (make_refund(order_id="1001", properties={"total_refund": {"gbp": 2}}), '№ 1001 · {"gbp": 2}'),
        (make_refund(order_id="1001", properties={"total_refund": ["NaN"]}), '№ 1001 · ["NaN"]'),
        (make_refund(order_id="1001", properties={"total_refund": "NaN"}), "№ 1001 · NaN"),
        (make_event(event="cart_add", sku="22196", qty=2, price="4.95"), "2 × 22196 · £4.95"),
        (make_event(event="cart_modify", sku="22196", qty=0), "0 × 22196"),
        (make_event(event="product_view", sku="22196", product_name="Mug"), "Mug"),
        (make_event(title="", path="/cart"), "/cart"),
        (make_event(event="identify", user_ids={"user_id": "42"}), "as 42"),
        (make_event(event="search", properties={"query": "mug"}), "mug"),
        (make_event(event="ping"), ""),
    ],
)
def test_an_event_is_told_in_a_few_words(event: Any, says: str) -> None:
    assert summarise(event, "GBP") == says


@pytest.mark.parametrize(
    ("properties", "ids", "name"),
    [
        ({"first_name": "Anna", "last_name": "Keller"}, [("user_id", "42")], "Anna Keller"),
        ({"first_name": " ", "email": "anna@mail.example"}, [("user_id", "42")], "anna@mail.example"),
        ({"first_name": 7, "name": None}, [("user_id", "42"), ("tracking_id", "abcdefgh")], "42"),
        ({}, [("card", "c1"), ("email", "anna@mail.example")], "anna@mail.example"),
        ({}, [("tracking_id", "abcdefgh")], "Visitor cdefgh"),
        ({}, [], "Nobody known"),
    ],
)
def test_a_customer_is_called_by_the_best_that_is_known(
    properties: dict[str, Any], ids: list[tuple[str, str]], name: str
) -> None:
    assert customer_name(properties, ids) == name


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("93029.47", "GBP", "£93,029.47"),
        ("1234.5", "SEK", f"1,234.50{SPACE}SEK"),
        ("1234.5", "JPY", "¥1,235"),
        ("-2.005", "EUR", "−€2.01"),
        (None, "EUR", "–"),
    ],
)
def test_money_is_written_in_its_currency(amount: str | None, currency: str, text: str) -> None:
    assert money(Decimal(amount) if amount else None, currency) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, "–"), (0.0, f"0.0{SPACE}%"), (0.0042, f"0.42{SPACE}%"), (0.225, f"22.5{SPACE}%")],
)
def test_small_shares_are_not_shown_as_nothing(rate: float | None, text: str) -> None:
    assert percent(rate) == text


@pytest.mark.parametrize(("seconds", "text"), [(59, "59 s"), (60, "1 min"), (3900, "1 h 05 min")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text.replace(" ", SPACE)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"utm_source": "news", "utm_campaign": "may", "referrer_domain": "mail.example"}, "via news / may"),
        ({"referrer_domain": "google.com", "channel": "organic"}, "via google.com"),
        ({"channel": "direct"}, "came directly"),
        ({}, ""),
    ],
)
def test_a_session_tells_how_the_visitor_came(fields: dict[str, Any], says: str) -> None:
    (session,) = split_by_session(make_lines([make_event(**fields)], "UTC", "EUR"), has_more=False)
    assert session.origin == says


def test_an_event_that_a_door_renamed_shows_the_name_that_it_came_by() -> None:
    renamed = make_event(event="order", properties={"_event": "Order Completed"})
    (line, plain) = make_lines([renamed, make_event(event="order")], "UTC", "EUR")
    assert ("Sent as", "Order Completed") in line.facts
    assert "Sent as" not in dict(plain.facts)
