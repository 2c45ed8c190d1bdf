"""What of an event names a person."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopalytic.events import column
from shopalytic.events.event import Event
from shopalytic.events.personal import Known, is_personal, is_phone, strip_event, strip_properties, strip_url
from shopalytic.events.properties import event_properties
from tests.factories import make_event, make_order

KNOWN = Known(["4417-jon", "jon@shop.example", "Jon", "Snow"])
SURROGATE = "11111111-1111-4111-8111-111111111111"


def strip(event: Event) -> Event:
    return strip_event(event, SURROGATE, lambda text: f"x-{len(text)}", KNOWN)


@pytest.mark.parametrize(
    "name",
    ["email", "E-Mail", "firstName", "billing.last_name", "customer_name", "shipping_address_1_street",
     "user[phone]", "invoice city", "newsletter_email", "date_of_birth"],
)  # fmt: skip
def test_names_that_say_who_somebody_is(name: str) -> None:
    assert is_personal(name)


@pytest.mark.parametrize(
    "name",
    ["shipping_method", "delivery_time", "customer_group", "product_name", "category", "payment_type", "colour",
     "user_type", "name", "emails_sent"],
)  # fmt: skip
def test_names_that_do_not(name: str) -> None:
    assert not is_personal(name)


@pytest.mark.parametrize("text", ["+44 20 7946 0000", "0171/2345678", "(030) 901820", "0049 30 901820"])
def test_telephone_numbers(text: str) -> None:
    assert is_phone(text)


@pytest.mark.parametrize(
    "text", ["4006381333931", "2026-01-31", "12.50", "0", "007", "10:30", "1.5", "SKU 0123456789"]
)
def test_numbers_that_are_none(text: str) -> None:
    assert not is_phone(text)


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://shop.example/a/b?email=jon@shop.example#x", "https://shop.example/a/b"),
        ("https://jon:pw@shop.example/", "https://shop.example/"),
        ("https://shop.example/users/4417-jon/orders", "https://shop.example/users/anonymised/orders"),
        ("https://shop.example/u/jon%40shop.example", "https://shop.example/u/anonymised"),
        ("/cart?id=1", "/cart"),
        ("http://[bad", ""),
        ("", ""),
    ],
)
def test_addresses_lose_what_names_the_person(url: str, left: str) -> None:
    assert strip_url(url, KNOWN) == left


def test_properties_that_name_nobody_stay() -> None:
    sent: dict[str, Any] = {
        "colour": "blue", "count": 3, "ratio": 0.5, "tags": ["new", "jon@shop.example"], "gift": True,
        "billing": {"country": "GBR", "city": "York", "name": "Jon"}, "customer": {"tier": "gold"},
        "link": "https://shop.example/p?u=4417-jon", "by": "snow", "nested": {"deep": {"phone": "1", "kept": 1}},
    }  # fmt: skip
    assert strip_properties(sent, KNOWN) == {
        "colour": "blue", "count": 3, "ratio": 0.5, "tags": ["new"], "gift": True, "billing": {"country": "GBR"},
        "link": "https://shop.example/p", "nested": {"deep": {"kept": 1}},
    }  # fmt: skip


def test_money_articles_and_times_stay() -> None:
    order = make_order(order_id="17", total="12.50", user_ids={"user_id": "4417-jon"}, session_id="s")
    left = strip(order)
    assert (left.order_id, left.total, left.line_skus, left.occurred_at) == (
        order.order_id, order.total, order.line_skus, order.occurred_at,
    )  # fmt: skip
    assert (left.tracking_id, left.session_id, left.user_ids) == ("x-4", "x-1", {"user_id": "x-8"})
    assert left.customer_id == left.origin_id == SURROGATE


def test_what_an_identify_said_goes_as_a_whole() -> None:
    event = make_event(event="identify", properties={"shoe_size": 44, "first_name": "Jon"})
    assert event_properties(strip(event)) == {}


def test_what_had_no_column_in_the_context_goes_and_the_name_as_sent_stays() -> None:
    event = make_event(properties={column.CONTEXT: {"device": {"id": "abc"}}, column.EVENT: "Page", "a": 1})
    assert strip(event).properties == {column.EVENT: "Page", "a": 1}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["jon@shop.example", "4417-jon"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), values, max_size=4))
def test_nothing_that_names_the_person_is_left_of_any_properties(sent: dict[str, Any]) -> None:
    left = strip(make_event(properties=column.split(sent)))
    assert "jon@shop.example" not in str(left.properties)
    assert "4417-jon" not in str(left.properties)
    assert column.merge(strip(left).properties) == column.merge(left.properties)
