"""Segment's e-commerce events by our names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shopalytic.collector.segment.commerce import EVENTS, LINE_ITEM, PERSON, RENAMES
from shopalytic.collector.segment.door import BATCHES, CALLS, MEASUREMENTS
from shopalytic.collector.segment.translate import APPS, CONTEXT
from shopalytic.events.event import Event
from shopalytic.events.properties import event_properties, name_sent
from tests.collector.conftest import Shop

PAGE = (Path(__file__).parents[3] / "docs/segment.md").read_text()
PRODUCT = {"product_id": "22196", "name": "Cup", "price": 4.95}
ORDER = {
    "order_id": "o-1", "cart_id": "c-1", "total": 27.5, "subtotal": 22.5, "tax": 3, "shipping": 2,
    "currency": "EUR", "products": [PRODUCT | {"price": 11.25, "quantity": 2, "category": "Home"}],
}  # fmt: skip


def track(shop: Shop, name: str, properties: dict[str, Any]) -> Event:
    body = {"writeKey": shop.token, "anonymousId": "v", "event": name, "properties": properties}
    assert shop.post("/v1/track", body).status_code == 200
    return shop.stream.parsed()[-1].event


@pytest.mark.parametrize(("name", "meant"), EVENTS.items())
def test_an_event_has_our_name_and_shows_its_own(shop: Shop, name: str, meant: str) -> None:
    for spelt in (name, name.lower()):
        event = track(shop, spelt, {})
        assert (event.event, name_sent(event)) == (meant, spelt)


def test_a_product_view_fits_the_catalogue(shop: Shop) -> None:
    event = track(shop, "Product Viewed", PRODUCT | {"category": "Home"})
    assert (event.sku, event.product_name, event.price) == ("22196", "Cup", "4.95")
    assert event_properties(event)["categories"] == ["Home"]
    assert event.violations == []


def test_a_sku_beside_the_product_id_goes_first(shop: Shop) -> None:
    event = track(shop, "Product Viewed", PRODUCT | {"sku": "G-32"})
    assert event.sku == "G-32"
    assert event_properties(event)["product_id"] == "22196"


def test_an_added_product_fits_the_catalogue(shop: Shop) -> None:
    event = track(shop, "Product Added", PRODUCT | {"cart_id": "c-1", "quantity": 3})
    assert (event.cart_id, event.sku, event.qty) == ("c-1", "22196", 3)
    assert event.violations == []


def test_a_removed_product_is_a_cart_item_of_which_none_is_left(shop: Shop) -> None:
    event = track(shop, "Product Removed", PRODUCT | {"cart_id": "c-1", "quantity": 3})
    assert (event.qty, event.violations) == (0, [])
    assert event_properties(event)["quantity"] == 3


def test_a_completed_order_fits_the_catalogue(shop: Shop) -> None:
    event = track(shop, "Order Completed", ORDER | {"discount": 2.5, "coupon": "MAY"})
    assert (event.order_id, event.total, event.subtotal) == ("o-1", "27.5", "22.5")
    assert (event.total_tax, event.total_shipping, event.total_discount) == ("3", "2", "2.5")
    assert (event.line_skus, event.line_qtys, event.line_prices) == (["22196"], [2], ["11.25"])
    assert event_properties(event)["discounts"] == [{"code": "MAY", "value": 2.5}]
    assert event_properties(event)["line_items"][0]["category"] == "Home"
    assert event.violations == []


def test_revenue_stands_for_a_total_that_is_missing(shop: Shop) -> None:
    without = {name: value for name, value in ORDER.items() if name not in ("total", "subtotal")}
    event = track(shop, "Order Completed", without | {"revenue": "22.50"})
    assert (event.total, event.subtotal) == ("27.50", "22.50")
    assert event_properties(event)["revenue"] == "22.50"


@pytest.mark.parametrize(
    ("amounts", "total", "subtotal"),
    [
        # Segment's own example: its revenue is before the discount, its subtotal after it.
        ({"total": 27.5, "subtotal": 22.5, "revenue": 25, "discount": 2.5}, "27.5", "22.5"),
        ({"subtotal": 22.5, "revenue": 25, "discount": 2.5}, "27.5", "22.5"),
        ({"revenue": 25, "discount": 2.5}, "27.5", "25"),
        ({"revenue": 22.5, "discount": 2.5}, "27.5", "22.5"),
        ({"revenue": 22.5}, "27.5", "22.5"),
        ({"value": 27.5}, "27.5", None),
        ({"value": 22.5, "revenue": 22.5}, "27.5", "22.5"),
    ],
)
def test_what_was_paid_is_found_in_what_segment_has(
    shop: Shop, amounts: dict[str, Any], total: str, subtotal: str | None
) -> None:
    products = [PRODUCT | {"price": 19, "quantity": 1}, PRODUCT | {"price": 3, "quantity": 2}]
    sent = {"order_id": "o-1", "cart_id": "c-1", "tax": 2, "shipping": 3, "products": products} | amounts
    event = track(shop, "Order Completed", sent)
    assert (event.total, event.subtotal) == (total, subtotal)


def test_a_product_without_a_quantity_is_one(shop: Shop) -> None:
    event = track(shop, "Order Completed", ORDER | {"products": [PRODUCT]})
    assert event.line_qtys == [1]
    assert track(shop, "Product Added", PRODUCT | {"cart_id": "c-1"}).qty == 1


def test_a_refund_of_products_gives_back_what_they_cost(shop: Shop) -> None:
    products = [PRODUCT | {"quantity": 2}]
    event = track(shop, "Order Refunded", {"order_id": "o-1", "products": products, "tax": 1, "shipping": 2})
    assert (event.refund_type, event.total, event.subtotal) == ("partial", "12.90", "9.90")
    assert event.violations == []


def test_a_refund_below_zero_gives_back_and_takes_nothing(shop: Shop) -> None:
    event = track(shop, "Order Refunded", {"order_id": "o-1", "total": "-27.50"})
    assert (event.total, event.violations) == ("27.50", [])


def test_a_total_of_zero_is_a_total(shop: Shop) -> None:
    event = track(shop, "Order Completed", ORDER | {"total": 0, "revenue": 5})
    assert event.total == "0"


def test_missing_names_are_violations_and_no_loss(shop: Shop) -> None:
    event = track(shop, "Order Completed", {"order_id": "o-1", "revenue": "much"})
    assert {"missing:total", "missing:line_items", "missing:cart_id"} <= set(event.violations)
    assert event_properties(event)["revenue"] == "much"


def test_odd_products_are_kept(shop: Shop) -> None:
    event = track(shop, "Order Completed", ORDER | {"products": [7, None, PRODUCT]})
    assert event_properties(event)["line_items"][:2] == [7, None]


def test_an_address_is_no_shipping_cost(shop: Shop) -> None:
    event = track(shop, "Order Completed", ORDER | {"shipping": {"city": "Graz"}})
    assert event_properties(event)["shipping"] == {"city": "Graz"}
    assert event.total_shipping is None


def test_a_refund_with_products_is_partial_and_one_without_is_full(shop: Shop) -> None:
    event = track(shop, "Order Refunded", {"order_id": "o-1", "total": 27.5})
    assert (event.refund_type, event.total, event.violations) == ("full", "27.5", [])
    event = track(shop, "Order Refunded", ORDER)
    assert (event.refund_type, event.total, event.total_shipping) == ("partial", "27.5", "2")
    assert (event.line_skus, event.violations) == (["22196"], [])


def test_a_sign_up_fits_the_catalogue(shop: Shop) -> None:
    sent = {"email": "jon@shop.example", "firstName": "Jon", "lastName": "Snow"}
    assert track(shop, "Signed Up", sent).violations == []


def documented(title: str) -> set[str]:
    """The names in the first column of the table under the heading."""
    section = re.search(rf"\n## {title}\n(.*?)(\n## |\Z)", PAGE, re.DOTALL)
    assert section is not None, title
    rows = [line.split("|")[1:-1] for line in section[1].splitlines() if line.startswith("| `")]
    return {f"{row[0].strip()} → {row[1].strip()}" for row in rows}


def test_the_page_lists_the_calls() -> None:
    for name in (*CALLS, *BATCHES, MEASUREMENTS):
        assert re.search(rf"`/v1/{name}`|`{name}`", PAGE), name


def test_the_page_lists_the_events_and_no_others() -> None:
    assert documented("E-commerce events") == {f"`{name}` → `{meant}`" for name, meant in EVENTS.items()}


def test_the_page_lists_the_properties_and_no_others() -> None:
    wanted = {f"`{old}` → `{new}`" for names in RENAMES.values() for old, new in names.items()}
    wanted |= {f"`{old}` → `{new}`" for names in (PERSON, LINE_ITEM) for old, new in names.items()}
    assert documented("E-commerce properties") == wanted


def test_the_page_lists_the_context_and_the_libraries_of_apps() -> None:
    assert {f"`context.{old}` → `context.{new}`" for old, new in CONTEXT.items()} <= documented("Fields")
    for name in APPS:
        assert f"`{name}`" in PAGE, name
