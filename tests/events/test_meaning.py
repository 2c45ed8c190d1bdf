"""What a message's values mean together. Amounts are small enough to add up in the head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shopalytic.events.parse import Parsed
from tests.events.conftest import RECEIVED_MS

Read = Callable[..., Parsed]
Marks = Callable[..., list[str]]

HOUR_SECONDS = 3600
NOW = RECEIVED_MS // 1000
"""2023-11-14 22:13:20 UTC, in seconds."""

PAIR = {"sku": "A", "price": "10.00", "qty": 2}
ORDER = {"order_id": "1", "cart_id": "1", "total": "20.00", "subtotal": "20.00", "line_items": [PAIR]}
ALL_TOLD = {"total_tax": "0", "total_shipping": "0"}
REFUND = {
    "order_id": "1", "refund_type": "partial", "total_refund": "20.00", "subtotal_refund": "20.00", "line_items": [PAIR],
}  # fmt: skip
CART = {"cart_id": "1", "sku": "A", "price": "10.00", "qty": 1}
SHIPMENT = {"order_id": "1", "shipment_id": "1", "carrier": "ups"}


@pytest.fixture
def marks(read: Read) -> Marks:
    def marks(event: str, properties: dict[str, Any], /, **envelope: Any) -> list[str]:
        return read({"event": event, "properties": properties}, **envelope).event.violations

    return marks


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({}, id="nothing but goods"),
        pytest.param({"total": "27", **ALL_TOLD, "total_tax": 4, "total_shipping": "3"}, id="tax and shipping on top"),
        pytest.param({"total": "23", "total_tax": 4, "total_shipping": "3"}, id="prices with tax"),
        pytest.param({"subtotal": "24", "total": "24", "total_tax": 4}, id="prices without tax, their sum with it"),
        pytest.param({"subtotal": "16", "total": "20", "total_tax": 4}, id="prices with tax, their sum without it"),
        pytest.param({"total": "24.80"}, id="tax that was not told"),
        pytest.param({"total": "28.80", "total_tax": "4.80"}, id="shipping that was not told"),
        pytest.param(
            {"total": "18", "total_discount": 2, "discounts": [{"code": "X", "value": 2}], **ALL_TOLD},
            id="a discount off the total",
        ),
        pytest.param(
            {"subtotal": 18, "total": 18, "total_discount": 2, "discounts": [{"code": "X", "value": 2}], **ALL_TOLD},
            id="a discount off the subtotal already",
        ),
        pytest.param({"subtotal": "20.02", "total": "20.03", **ALL_TOLD}, id="roundings"),
        pytest.param(
            {"total": 0, "subtotal": 0, "line_items": [PAIR | {"price": 0}], **ALL_TOLD}, id="everything free"
        ),
        pytest.param({"total": "4.95", "subtotal": 0, "line_items": [PAIR | {"price": 0}]}, id="free but for shipping"),
        pytest.param({"total_discount": 0}, id="a discount of nothing"),
        pytest.param({"discounts": []}, id="no discounts"),
        pytest.param({"total": "twenty"}, id="a total that is none"),
        pytest.param({"subtotal": "7", "line_items": [PAIR, 5], "total": "7"}, id="a line that is none"),
    ],
)  # fmt: skip
def test_amounts_that_add_up_however_a_shop_reckons_are_not_marked(
    told: dict[str, Any], marks: Marks
) -> None:
    assert [each for each in marks("order", ORDER | told) if "add_up" in each or "discount" in each] == []


def test_net_prices_rounded_to_cents_are_not_marked(marks: Marks) -> None:
    """100 pieces at 0.0333 each, told as 0.03, are 3.33 together: half a cent each may be off, and no more."""
    line = {"sku": "A", "price": "0.03", "qty": 100}
    assert marks("order", ORDER | {"line_items": [line], "subtotal": "3.33", "total": "3.33"}) == []
    assert marks("order", ORDER | {"line_items": [line], "subtotal": "3.52", "total": "3.52"}) == [
        "does_not_add_up:subtotal"
    ]


def test_a_currency_without_decimals_is_rounded_to_whole_ones(marks: Marks) -> None:
    told = {"line_items": [PAIR | {"price": "10"}], "subtotal": "22", "total": "22", **ALL_TOLD}
    assert marks("order", ORDER | told | {"currency": "JPY"}) == []
    assert marks("order", ORDER | told | {"currency": "EUR"}) == ["does_not_add_up:subtotal"]


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        pytest.param({"subtotal": "21", "total": "21"}, ["does_not_add_up:subtotal"], id="subtotal"),
        pytest.param({"total": "21", **ALL_TOLD}, ["does_not_add_up:total"], id="total"),
        pytest.param({"total": "19", **ALL_TOLD}, ["does_not_add_up:total"], id="total too small"),
        pytest.param({"total": "19"}, ["does_not_add_up:total"], id="a discount that was not told"),
        pytest.param({"total": "2000"}, ["does_not_add_up:total"], id="cents"),
        pytest.param({"total": "40"}, ["does_not_add_up:total"], id="as much again for tax and shipping"),
        pytest.param({"total": "26", "total_tax": 4, "total_shipping": 3}, ["does_not_add_up:total"], id="parts"),
        pytest.param({"total": "18", "total_discount": "2"}, ["missing:discounts"], id="discount without discounts"),
        pytest.param(
            {"total": "18", "total_discount": "2", "discounts": [{"code": "X", "value": 1}]},
            ["does_not_add_up:total_discount"],
            id="discounts",
        ),
        pytest.param(
            {"total": "18", "total_discount": "2", "discounts": [{"code": c, "value": 1} for c in "XY"]}, [], id="two of them"
        ),
    ],
)  # fmt: skip
def test_amounts_of_an_order_that_do_not_add_up_are_named(
    told: dict[str, Any], wanted: list[str], marks: Marks
) -> None:
    assert marks("order", ORDER | told) == wanted


def test_a_shop_systems_own_amounts_are_not_judged(marks: Marks) -> None:
    """Its fees and automatic discounts have no property here."""
    assert marks("order", ORDER | {"total": "25", "total_discount": 1, **ALL_TOLD}, door="webhook") == []


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, []),
        ({"total_refund": "23", "tax_refund": "2", "shipping_refund": "1"}, []),
        ({"total_refund": "17", "tax_refund": 0, "shipping_refund": 0, "discount_refund": "3"}, []),
        ({"total_refund": "25", "tax_refund": "2", "shipping_refund": "1"}, ["does_not_add_up:total_refund"]),
        ({"subtotal_refund": "10", "total_refund": "10"}, ["does_not_add_up:subtotal_refund"]),
        ({"line_items": None}, ["missing:line_items"]),
        ({"line_items": []}, ["empty:line_items"]),
        ({"refund_type": "full", "line_items": None}, []),
    ],
)
def test_amounts_of_a_refund_that_do_not_add_up_are_named(
    told: dict[str, Any], wanted: list[str], marks: Marks
) -> None:
    assert marks("refund", REFUND | told) == wanted


@pytest.mark.parametrize(
    ("event", "properties", "wanted"),
    [
        ("cart_add", CART | {"price": "-1"}, ["negative:price"]),
        ("cart_add", CART | {"price": "-0.00"}, []),
        ("cart_add", CART | {"qty": -1}, ["negative:qty"]),
        ("cart_modify", CART | {"qty": -1}, ["negative:qty"]),
        ("cart_modify", CART | {"qty": 0}, []),
        ("product_view", {"sku": "A", "name": "Mug", "price": -5}, ["negative:price"]),
        ("order", ORDER | {"line_items": [PAIR, PAIR | {"qty": -2}], "subtotal": 0, "total": 0}, ["negative:line_items[1].qty"]),
        ("order", ORDER | {"line_items": [PAIR | {"cost": -1}]}, ["negative:line_items[0].cost"]),
        (
            "order",
            ORDER | {"line_items": [PAIR | {"price": "-10"}], "subtotal": -20, "total": -20},
            ["negative:line_items[0].price", "negative:total", "negative:subtotal"],
        ),
        (
            "order",
            ORDER | {"total": 18, "total_discount": -2, "discounts": [{"code": "X", "value": -2}]},
            ["negative:total_discount"],
        ),
        ("refund", {"order_id": "1", "refund_type": "full", "total_refund": "-20"}, ["negative:total_refund"]),
        ("wish", {"price": -1, "total": -1}, []),
    ],
)  # fmt: skip
def test_what_is_less_than_nothing_is_named(
    event: str, properties: dict[str, Any], wanted: list[str], marks: Marks
) -> None:
    assert marks(event, properties) == wanted


@pytest.mark.parametrize(
    ("shipped", "delivered", "wanted"),
    [
        (NOW - 9, NOW - 5, []),
        (NOW - 5, NOW - 9, ["out_of_order:date_delivered"]),
        ("2023-11-13", "2023-11-13", []),
        ("2023-11-13", "2023-11-12", ["out_of_order:date_delivered"]),
        ("2023-11-13T15:00:00Z", "2023-11-13", []),
        ("2023-11-13T15:00:00Z", "2023-11-11", ["out_of_order:date_delivered"]),
        ("2023-11-13", "2023-11-12T23:30:00Z", []),
        ("2023-11-13", "2023-11-12T01:00:00Z", ["out_of_order:date_delivered"]),
        ("soon", NOW - 9, ["not_a_timestamp:date_shipped"]),
        (NOW - 9, NOW + HOUR_SECONDS, ["in_the_future:date_delivered"]),
    ],
)
def test_a_parcel_is_not_delivered_before_it_is_sent(
    shipped: Any, delivered: Any, wanted: list[str], marks: Marks
) -> None:
    dates = {"date_shipped": shipped, "date_delivered": delivered}
    assert marks("shipment_update", SHIPMENT | dates) == wanted
    assert marks("shipment", SHIPMENT | dates) == wanted


@pytest.mark.parametrize(
    ("date", "wanted"),
    [
        (NOW + 4 * 60, []),
        (NOW + HOUR_SECONDS, ["in_the_future:order_date"]),
        ("2023-11-15T08:13:20", ["in_the_future:order_date"]),
        ("2023-11-15", []),
        ("2023-11-16", ["in_the_future:order_date"]),
        ("9999-01-01", ["out_of_range:order_date"]),
    ],
)
def test_an_order_of_the_future_is_named_but_a_day_that_has_begun_somewhere_is_not(
    date: Any, wanted: list[str], marks: Marks
) -> None:
    assert marks("order", ORDER | {"order_date": date}) == wanted


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "wanted"),
    [
        (NOW + HOUR_SECONDS, None, ["in_the_future:timestamp"]),
        (NOW + 60, None, []),
        (NOW + HOUR_SECONDS, NOW + HOUR_SECONDS + 5, []),
        (NOW + 2 * HOUR_SECONDS, NOW + HOUR_SECONDS, ["in_the_future:timestamp"]),
        (NOW - HOUR_SECONDS, None, []),
    ],
    ids=["ahead", "fast clock", "wrong clock that says so", "after it was sent", "past"],
)
def test_an_event_of_the_future_happened_on_arrival_and_is_named(
    timestamp: int, sent_at: int | None, wanted: list[str], read: Read
) -> None:
    sent = {} if sent_at is None else {"sent_at": sent_at}
    parsed = read({"event": "wish", "timestamp": timestamp, **sent})
    assert parsed.event.violations == wanted
    if wanted:
        assert parsed.event.occurred_at == parsed.event.received_at


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ({"city": "Leeds", "zipcode": "LS1 1AA", "country": "GBR"}, []),
        ({"city": "Leeds", "zipcode": 12345, "country": "DEU", "state": ""}, []),
        ({"city": "Central", "country": "HKG"}, []),
        ({"city": "Leeds", "zipcode": "", "country": "GBR"}, ["empty:billing.zipcode"]),
        ({"zipcode": "LS1 1AA", "country": "GBR"}, ["missing:billing.city"]),
        ({"city": "Leeds", "country": "GBR"}, ["missing:billing.zipcode"]),
        ({"city": "Leeds", "zipcode": "LS1 1AA"}, ["missing:billing.country"]),
        ({"city": True, "zipcode": "LS1 1AA", "country": "GBR"}, ["not_a_text:billing.city"]),
        ({}, ["empty:billing"]),
    ],
)
def test_an_address_names_what_it_lacks(address: dict[str, Any], wanted: list[str], marks: Marks) -> None:
    assert marks("order", ORDER | {"billing": address}) == wanted


def test_a_removed_item_that_was_told_as_added_needs_no_price(marks: Marks) -> None:
    assert marks("cart_add", {"cart_id": "1", "sku": "A", "qty": 0}) == ["renamed:cart_add"]
