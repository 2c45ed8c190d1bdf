"""The code of docs/install/ as far as it runs without the platforms, and docs/webhooks.md against the doors."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from shopalytic.collector.hooks.door import PLATFORMS
from shopalytic.collector.hooks.reading import TRACKING_ID
from shopalytic.collector.hooks.woocommerce import PLACED
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_message
from shopalytic.events.properties import event_properties

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "install").glob("*.md"))
COOKIE = "1.v-1.1767225600000.s-1.1767225600000.1767225600000.3."
VARIANT = {"id": "1", "sku": "22196", "price": {"amount": 9.95}, "product": {"title": "A white cup"}}
CHECKOUT = {
    "order": {"id": "gid://shopify/Order/1001"}, "totalPrice": {"amount": 26.9}, "totalTax": {"amount": 2},
    "shippingLine": {"price": {"amount": 5}}, "currencyCode": "EUR", "billingAddress": None,
    "shippingAddress": {"city": "Wien", "zip": "1010", "province": None, "countryCode": "AT"},
    "lineItems": [{"title": "A white cup", "quantity": 2, "variant": VARIANT}],
}  # fmt: skip
PIXEL = """
const heard = {}, sent = [];
const analytics = {subscribe: (name, listen) => { heard[name] = listen; }};
const init = {data: {shop: {paymentSettings: {currencyCode: "EUR"}}}};
const browser = {cookie: {get: async (name) => COOKIES[name] || ""}};
globalThis.fetch = async (url, options) => { sent.push([url, JSON.parse(options.body)]); };
%s
(async () => {
  for (const [name, data] of EVENTS) {
    const place = {title: "A page", location: {href: "https://shop.example/p"}};
    await heard[name]({id: "e-" + name, clientId: "client-1", timestamp: "2026-01-31T12:00:00.000Z", data,
                       context: {document: place}});
  }
  console.log(JSON.stringify(sent));
})();
"""
GTM = """
const calls = [], window = {};
const shopalytic = {track: (event, properties) => { calls.push([event, properties]); }};
%s
console.log(JSON.stringify(calls));
"""


def code(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / "install" / page).read_text(), re.DOTALL)


def node(script: str) -> Any:
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def as_stored(message: dict[str, Any]) -> Parsed:
    raw = json.dumps(message).encode()
    parsed = parse_message(
        Envelope(project_id=1, received_at=1_800_000_000_000, message=raw),
        1_800_000_000_000,  # type: ignore[arg-type]
    )
    assert isinstance(parsed, Parsed), parsed
    return parsed


def pixel(cookies: dict[str, str], events: list[tuple[str, Any]]) -> list[Any]:
    [script] = code("shopify.md", "js")
    given = f"const COOKIES = {json.dumps(cookies)}, EVENTS = {json.dumps(events)};"
    return list(node(given + PIXEL % script))


def gtm(event: str, ecommerce: Any, term: str | None = None, *, prices_with_tax: bool = False) -> list[Any]:
    [html] = [block for block in code("google-tag-manager.md", "html") if "{{Event}}" in block]
    script = html.replace("<script>", "").replace("</script>", "")
    if prices_with_tax:
        script = script.replace("PRICES_WITH_TAX = false", "PRICES_WITH_TAX = true")
    for name, value in (("Event", event), ("ecommerce", ecommerce), ("search_term", term)):
        script = script.replace("{{" + name + "}}", json.dumps(value))
    return list(node(GTM % script))


def test_shopifys_pixel_tells_the_order_as_the_webhook_does() -> None:
    [(url, message)] = pixel(
        {"_sha": COOKIE, "cart": "c1-abc%3Fkey=x"}, [("checkout_completed", {"checkout": CHECKOUT})]
    )
    assert url == "https://stats.shop.example/track"
    event = as_stored(message).event
    assert (event.event, event.order_id, event.cart_id, event.tracking_id, event.session_id) == (
        "order", "1001", "c1-abc", "v-1", "s-1",
    )  # fmt: skip
    assert (event.total, event.subtotal, event.total_tax, event.total_shipping) == ("26.9", "19.90", "2", "5")
    assert (event.line_skus, event.line_qtys, event.line_prices) == (["22196"], [2], ["9.95"])
    assert event_properties(event)["shipping"] == {
        "city": "Wien",
        "zipcode": "1010",
        "state": None,
        "country": "AUT",
    }
    assert event.violations == []


def test_shopifys_pixel_tells_what_was_taken_off_an_order() -> None:
    checkout = CHECKOUT | {
        "discountsAmount": {"amount": 2.5}, "discountApplications": [{"title": "SPRING"}], "totalPrice": {"amount": 24.4}
    }  # fmt: skip
    [(_, message)] = pixel({}, [("checkout_completed", {"checkout": checkout})])
    event = as_stored(message).event
    assert (event.total, event.total_discount, event.violations) == ("24.4", "2.5", [])
    assert event_properties(event)["discounts"] == [{"code": "SPRING", "value": "2.5"}]


@pytest.mark.parametrize(
    "other", [{"currencyCode": "CAD"}, {"order": None}, {"transactions": [{"gateway": "bogus"}]}]
)
def test_shopifys_pixel_leaves_to_the_webhook_what_it_would_tell_otherwise(other: dict[str, Any]) -> None:
    assert pixel({"_sha": COOKIE}, [("checkout_completed", {"checkout": CHECKOUT | other})]) == []


def test_shopifys_pixel_tells_an_order_whose_product_is_gone() -> None:
    lines = [{"title": "A gift", "quantity": 1, "variant": None}, *CHECKOUT["lineItems"]]
    [(_, message)] = pixel({}, [("checkout_completed", {"checkout": CHECKOUT | {"lineItems": lines}})])
    assert as_stored(message).event.total == "26.9"


def test_shopifys_pixel_tells_what_leads_to_the_order() -> None:
    line = {"merchandise": VARIANT, "quantity": 2}
    told = pixel(
        {"_sha": COOKIE},
        [
            ("product_viewed", {"productVariant": VARIANT}), ("product_added_to_cart", {"cartLine": line}),
            ("checkout_started", {}), ("payment_info_submitted", {}),
        ],
    )  # fmt: skip
    events = [as_stored(message).event for _, message in told]
    assert [event.event for event in events] == ["product_view", "cart_add", "checkout", "payment"]
    assert [event.violations for event in events] == [[]] * 4


def test_shopifys_pixel_takes_shopifys_visitor_where_the_tag_has_none() -> None:
    [(_, message)] = pixel({}, [("checkout_started", {})])
    assert message["tracking_id"] == "client-1"


def test_shopifys_pixel_says_nothing_of_who_refused() -> None:
    assert pixel({"_sha": "0"}, [("checkout_completed", {"checkout": CHECKOUT})]) == []


CUP = {"item_id": "22196", "item_name": "A white cup", "price": 9.95, "quantity": 2}


@pytest.mark.parametrize("value", [19.9, 26.9])
def test_tag_managers_purchase_is_an_order_with_tax_and_shipping(value: float) -> None:
    data = {
        "transaction_id": "T1",
        "value": value,
        "tax": 2,
        "shipping": 5,
        "currency": "EUR",
        "items": [CUP],
    }
    [(name, properties)] = gtm("purchase", data)
    event = as_stored({"event": name, "tracking_id": "v", "properties": properties}).event
    assert (event.event, event.total, event.subtotal, event.order_id) == ("order", "26.90", "19.90", "T1")
    assert (event.line_skus, event.line_qtys, event.violations) == (["22196"], [2], [])


def test_tag_managers_purchase_with_prices_that_hold_the_tax_counts_it_once() -> None:
    data = {
        "transaction_id": "T1",
        "value": 19.9,
        "tax": 3.32,
        "shipping": 5,
        "currency": "EUR",
        "items": [CUP],
    }
    [(_, properties)] = gtm("purchase", data, prices_with_tax=True)
    assert properties["total"] == "24.90"


def test_tag_managers_purchase_of_something_without_a_price_keeps_its_total() -> None:
    items = [CUP, {"item_id": "gift"}]
    [(_, properties)] = gtm("purchase", {"transaction_id": "T1", "value": 26.9, "items": items})
    assert (properties["total"], properties["subtotal"]) == ("26.90", "19.90")


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("view_item", "product_view"), ("add_to_cart", "cart_add"), ("remove_from_cart", "cart_modify"),
        ("begin_checkout", "checkout"), ("add_payment_info", "payment"), ("search", "search"),
    ],
)  # fmt: skip
def test_tag_managers_events_are_ours(event: str, name: str) -> None:
    [(told, properties)] = gtm(event, {"items": [CUP]}, "cups")
    stored = as_stored({"event": told, "tracking_id": "v", "properties": properties}).event
    assert (stored.event, stored.violations) == (name, [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_could_not_be_tried(page: Path) -> None:
    assert "**What could not be tried here:**" in page.read_text()


@pytest.mark.parametrize("text", code("magento.md", "xml"))
def test_magentos_files_are_well_formed(text: str) -> None:
    assert ElementTree.fromstring(text).tag in ("page", "config")


def test_the_webhooks_page_names_every_platform_and_its_proof() -> None:
    page = (DOCS / "webhooks.md").read_text()
    for platform in PLATFORMS.values():
        assert f"`/hooks/{platform.name}/…`" in page
        assert f"`{platform.signature or 'Authorization: Bearer <signing secret>'}" in page
    assert f"`{TRACKING_ID}`" in page


def test_the_pages_name_the_topics_that_are_taken() -> None:
    shopify = (DOCS / "install" / "shopify.md").read_text()
    source = Path(__file__).parents[2] / "shopalytic" / "collector" / "hooks" / "shopify.py"
    taken = re.findall(r'"([a-z]+/[a-z]+)"', source.read_text())
    assert len(taken) == 7
    assert all(f"`{topic}`" in shopify for topic in taken)
    woocommerce = (DOCS / "install" / "woocommerce.md").read_text()
    assert all(f"`{status}`" in woocommerce for status in PLACED - {"refunded"})
