"""docs/examples/ga4.js in Chromium: a shop that already tells Google tells Shopalytic too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_message
from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import snippet

pytestmark = pytest.mark.browser
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "ga4.js"
NOW_MS = 1_800_000_000_000
GTAG = "window.dataLayer = window.dataLayer || []; function gtag() { dataLayer.push(arguments); }"
CUP = {"item_id": "22196", "item_name": "A white cup", "price": 9.95, "quantity": 2, "item_brand": "Kiln",
       "item_category": "Kitchen", "item_category2": "Cups"}  # fmt: skip
SAUCER = {"item_id": "22197", "item_name": "A saucer", "price": 0.1, "quantity": 3}


class Shop:
    """A page with the snippet, Google's stub and the example; `before` is what it told before the example came."""

    def __init__(
        self, collector: Collector, new_page: PageFactory, before: str = "", options: str = ""
    ) -> None:
        self.collector = collector
        self.page = new_page()
        collector.add_page(
            "/",
            f"<!doctype html><link rel=icon href=data:,><script>{snippet(collector, options)};{GTAG};{before}</script>"
            f"<script>{EXAMPLE.read_text()}</script>",
        )
        self.page.goto(collector.url("/", "shop.test"))

    def gtag(self, *arguments: Any) -> None:
        self.page.evaluate(f"gtag({', '.join(json.dumps(each) for each in arguments)})")

    def push(self, entry: Any) -> None:
        self.page.evaluate("entry => dataLayer.push(entry)", entry)

    def stored(self, *names: str) -> list[Parsed]:
        """The first message of each name as the worker reads it; waits for them."""
        self.collector.wait_for(lambda: all(self.collector.named(name) for name in names), self.page)
        return [as_stored(self.collector.named(name)[0]) for name in names]


def as_stored(message: dict[str, Any]) -> Parsed:
    raw = msgspec.Raw(json.dumps(message).encode())
    parsed = parse_message(Envelope(project_id=1, received_at=NOW_MS, message=raw), NOW_MS)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def test_a_shops_whole_journey_is_forwarded_without_a_violation(
    collector: Collector, new_page: PageFactory
) -> None:
    shop = Shop(collector, new_page)
    shop.page.evaluate("document.cookie = '_ga=GA1.1.123.456; path=/'")
    for name in ("view_item", "add_to_cart", "remove_from_cart"):
        shop.gtag("event", name, {"currency": "EUR", "value": 19.9, "items": [CUP]})
    shop.gtag("event", "begin_checkout", {"currency": "EUR", "value": 19.9, "items": [CUP]})
    shop.gtag("event", "add_payment_info", {"payment_type": "card"})
    shop.gtag("event", "search", {"search_term": "cups"})
    bought = {"transaction_id": "T-1", "value": 20.2, "tax": 2, "shipping": 5, "currency": "EUR", "coupon": "MAY",
              "items": [CUP, SAUCER]}  # fmt: skip
    shop.gtag("event", "purchase", bought)
    shop.gtag("event", "refund", {"transaction_id": "T-1", "currency": "EUR", "items": [SAUCER]})
    names = ("product_view", "cart_add", "cart_modify", "checkout", "payment", "search", "order", "refund")
    events = [parsed.event for parsed in shop.stored(*names)]
    assert [event.violations for event in events] == [[]] * len(names)
    view, add, modify, checkout, payment, search, order, refund = events
    assert (view.sku, view.product_name, view.price, view.currency) == ("22196", "A white cup", "9.95", "EUR")
    assert view.properties["categories"] == ["Kitchen", "Cups"]
    assert (add.cart_id, add.qty, add.price) == ("ga-123.456", 2, "9.95")
    assert (modify.cart_id, modify.qty, modify.properties["quantity"]) == ("ga-123.456", 0, 2)
    assert checkout.properties["line_items"][0]["sku"] == "22196"
    assert (payment.properties["payment_type"], search.properties["query"]) == ("card", "cups")
    assert (order.order_id, order.total, order.subtotal, order.total_tax, order.total_shipping) == (
        "T-1", "27.2", "20.2", "2", "5",
    )  # fmt: skip
    assert (order.line_skus, order.line_qtys, order.line_prices) == (
        ["22196", "22197"],
        [2, 3],
        ["9.95", "0.1"],
    )
    assert (order.currency, order.properties["coupon"]) == ("EUR", "MAY")
    assert (refund.order_id, refund.refund_type, refund.total, refund.subtotal) == (
        "T-1",
        "partial",
        "0.3",
        "0.3",
    )


def test_what_the_data_layer_held_before_is_forwarded_and_google_still_gets_all(
    collector: Collector, new_page: PageFactory
) -> None:
    entry = {"event": "purchase", "ecommerce": {"transaction_id": "T-2", "value": 26.9, "tax": 2, "shipping": 5,
                                                "currency": "EUR", "items": [CUP]}}  # fmt: skip
    before = f"dataLayer.push({json.dumps(entry)}); dataLayer.push({{event: 'gtm.js'}});"
    shop = Shop(collector, new_page, before)
    shop.push({"ecommerce": None})
    shop.push({"event": "view_item_list", "ecommerce": {"item_list_id": "sale", "items": [CUP]}})
    order, listed = (parsed.event for parsed in shop.stored("order", "view_item_list"))
    # This shop's value is what was paid.
    assert (order.order_id, order.total, order.subtotal, order.violations) == ("T-2", "26.9", "19.9", [])
    assert listed.properties["item_list_id"] == "sale"
    assert shop.page.evaluate("dataLayer.length") == 4
    assert collector.named("gtm.js") == []


def test_googles_user_id_says_who_it_is(collector: Collector, new_page: PageFactory) -> None:
    shop = Shop(collector, new_page, "gtag('config', 'G-1', {user_id: '42'});")
    [first] = shop.stored("identify")
    assert first.user_ids == {"user_id": "42"}
    shop.gtag("set", {"user_id": "43"})
    collector.wait_for(lambda: len(collector.named("identify")) == 2, shop.page)
    assert as_stored(collector.named("identify")[1]).user_ids == {"user_id": "43"}


def test_googles_consent_is_the_tags(collector: Collector, new_page: PageFactory) -> None:
    shop = Shop(collector, new_page, "gtag('consent', 'default', {analytics_storage: 'denied'});",
                '{consent: "pending"}')  # fmt: skip
    shop.gtag("event", "view_item", {"currency": "EUR", "items": [CUP]})
    shop.page.wait_for_function("new Promise(done => shopalytic.ready(() => done(true)))")
    assert collector.messages == []
    shop.gtag("consent", "update", {"analytics_storage": "granted"})
    [view] = shop.stored("product_view")
    assert view.event.sku == "22196"


def test_a_sign_up_without_a_name_keeps_its_own(collector: Collector, new_page: PageFactory) -> None:
    shop = Shop(collector, new_page)
    shop.gtag("event", "sign_up", {"method": "mail"})
    whole = {"email": "jon@shop.example", "first_name": "Jon", "last_name": "Snow"}
    shop.gtag("event", "sign_up", {"method": "mail"} | whole)
    bare, register = (parsed.event for parsed in shop.stored("sign_up", "account_register"))
    assert (bare.properties["method"], register.violations) == ("mail", [])


def test_what_cannot_be_read_breaks_neither_the_page_nor_google(
    collector: Collector, new_page: PageFactory
) -> None:
    shop = Shop(collector, new_page)
    entries: list[Any] = [
        None,
        7,
        "text",
        [],
        {"event": 7},
        {"event": "purchase", "ecommerce": {"items": [None]}},
    ]
    for entry in entries:
        shop.push(entry)
    shop.page.evaluate("dataLayer.push(function () { this.reset(); })")
    shop.gtag("event", "view_item", {"items": "none"})
    shop.gtag("event", "view_item", {"items": [CUP]})
    [view] = shop.stored("product_view")
    assert view.event.sku == "22196"
    assert shop.page.evaluate("dataLayer.length") == 9
