"""The main path with nothing replaced: the demo shop in Chromium, all processes, and the read API."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from benchmarks.system import System, running_system
from tests.browser.chromium import PageFactory

PATIENCE_SECONDS = 30


class Shop:
    """The whole system, and its demo shop's project as the API shows it."""

    def __init__(self, system: System, secret_key: str) -> None:
        self.system = system
        self.address = f"http://127.0.0.1:{system.port + 1}"
        self._secret_key = secret_key

    def get(self, path: str) -> Any:
        return self.system.get(f"/api/v1{path}", self._secret_key)

    def events_of(self, customer_id: str) -> list[dict[str, Any]]:
        """All of a customer's events, oldest first."""
        events = self.get(f"/customers/{customer_id}/events?limit=1000")["events"]
        return list(reversed(events))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("whole")
    # The history is tested by itself; here it would only be in the way.
    (folder / "demo-history.json").write_text("{}")
    with running_system(folder, "--demo") as system:
        key = system.run("project", "add-key", "Demo shop", "secret", "--json")
        yield Shop(system, key.get("secret_key") or key["key"])


def wait_for(answer: Callable[[], Any]) -> Any:
    """The first answer that is neither empty nor an HTTP error."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if found := answer():
                return found
        except OSError as error:
            if time.monotonic() > ends_at:
                raise
            problem: object = error
        else:
            problem = "nothing"
        if time.monotonic() > ends_at:
            raise TimeoutError(f"still {problem}")
        time.sleep(0.05)


def register(page: Page, shop: Shop, email: str) -> None:
    page.goto(f"{shop.address}/register")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Example")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("secret1")
    page.click("#register")
    expect(page.get_by_text("Hello, Ada")).to_be_visible()


def buy(page: Page, shop: Shop, sku: str) -> str:
    """Buys one piece; returns the order's id."""
    page.goto(f"{shop.address}/product/{sku}")
    page.click("#add-to-cart")
    page.click("#go-to-checkout")
    page.click("#place-order")
    return str(page.inner_text("#order-id"))


def tracking_id_of(page: Page) -> str:
    return str(page.evaluate("new Promise(done => shopalytic.getTrackingId(done))"))


def test_two_browsers_of_one_customer_are_one_with_what_was_done_before(
    shop: Shop, new_page: PageFactory
) -> None:
    first = new_page(new_page.new_context())
    first.goto(shop.address)
    first.goto(f"{shop.address}/product/22632")
    visitor = tracking_id_of(first)
    register(first, shop, "ada@shop.example")
    order_id = buy(first, shop, "22865")
    first.click("#sign-out")

    second = new_page(new_page.new_context())
    second.goto(f"{shop.address}/product/22423")
    other_visitor = tracking_id_of(second)
    second.goto(f"{shop.address}/sign-in")
    second.get_by_label("E-mail").fill("ada@shop.example")
    second.get_by_label("Password").fill("secret1")
    second.click("#sign-in")
    expect(second.get_by_text("Hello, Ada")).to_be_visible()

    assert visitor != other_visitor
    customer = wait_for(lambda: shop.get(f"/customers?id={other_visitor}"))
    wait_for(
        lambda: (
            {visitor, other_visitor}
            <= {each["value"] for each in shop.get(f"/customers?id={visitor}")["ids"]}
        )
    )
    customer = shop.get(f"/customers?id={visitor}")
    assert customer["customer_id"] == shop.get(f"/customers?id={other_visitor}")["customer_id"]
    assert customer["properties"]["email"] == "ada@shop.example"
    assert customer["orders"] == 1
    wait_for(lambda: len({event["tracking_id"] for event in shop.events_of(customer["customer_id"])}) == 2)

    events = shop.events_of(customer["customer_id"])
    names = [event["event"] for event in events]
    assert names.index("product_view") < names.index("identify"), (
        "what was done before the registration is there"
    )
    assert {"page_view", "product_view", "account_register", "cart_add", "order"} <= set(names)
    assert [event["properties"]["order_id"] for event in events if event["event"] == "order"] == [order_id]
    assert [event["tracking_id"] for event in events if event["properties"].get("sku") == "22423"] == [
        other_visitor
    ]
    why = shop.get(f"/customers/{customer['customer_id']}/identity")
    told = " ".join(why["sentences"])
    assert visitor in told and other_visitor in told, told
    assert all(link["active"] for link in why["links"])


def test_a_thank_you_page_opened_again_counts_one_order(shop: Shop, new_page: PageFactory) -> None:
    page = new_page(new_page.new_context())
    order_id = buy(page, shop, "21871")
    page.reload()
    page.reload()
    visitor = tracking_id_of(page)
    customer = wait_for(lambda: shop.get(f"/customers?id={visitor}"))
    seen = wait_for(lambda: [e for e in shop.events_of(customer["customer_id"]) if e["event"] == "order"])
    wait_for(lambda: shop.get("/counters")["dropped"].get("order_known", 0) >= 2)
    assert [event["properties"]["order_id"] for event in seen] == [order_id]
    assert shop.get(f"/customers?id={visitor}")["orders"] == 1


def test_the_2013_page_works_unchanged(shop: Shop, new_page: PageFactory) -> None:
    system = shop.system
    token = system.project["token"]
    html = f"""<!doctype html><title>A shop of 2013</title><script type="text/javascript">
      var shopalytic = shopalytic || []; (function(){{ var a = ['init', 'identify', 'track', 'alias'];
      shopalytic._q = shopalytic._q || [];
      for (var i = 0; i < a.length; i++) (function(m){{ shopalytic[m] = function(){{
        shopalytic._q.push([m].concat(Array.prototype.slice.call(arguments, 0))); }}; }})(a[i]);
      var s = document.createElement('script'); s.type = 'text/javascript'; s.async = true;
      s.src = '{system.address}/shopalytic.v1.js';
      var x = document.getElementsByTagName('script')[0]; x.parentNode.insertBefore(s, x); }})();
      shopalytic.init('{token}');
      shopalytic.identify('jon@shop.example');
      shopalytic.track('page_view');
      shopalytic.track('order', {{order_id: 'O2013', cart_id: 'c', total: 12.5, subtotal: '12.50',
        line_items: [{{sku: 'A', price: '12.50', qty: '1'}}]}});
      shopalytic.alias('J-1');
    </script>"""
    context: BrowserContext = new_page.new_context()
    # Of the collector's own origin: Chromium asks before it lets a page that was not served by this machine call it.
    address = f"{system.address}/page-of-2013"
    context.route(address, lambda route: route.fulfill(body=html, content_type="text/html"))
    page = new_page(context)
    page.goto(address)
    wait_for(lambda: system.get("/api/v1/customers?id=J-1")["orders"] == 1)
    customer = system.get("/api/v1/customers?id=jon@shop.example")
    assert customer["customer_id"] == system.get("/api/v1/customers?id=J-1")["customer_id"]
    assert customer["revenue"] == "12.50"
    events = system.get(f"/api/v1/customers/{customer['customer_id']}/events?limit=100")["events"]
    assert sum(event["event"] == "page_view" for event in events) == 1


def test_what_the_sandbox_is_sent_is_processed_and_answered_and_stays_apart(shop: Shop) -> None:
    system = shop.system
    before = system.counters()
    order = {
        "order_id": "tried", "cart_id": "c", "total": "12.50", "subtotal": "12.50",
        "line_items": [{"sku": "A", "price": "12.50", "qty": 1}],
    }  # fmt: skip
    message = {"event": "order", "tracking_id": "tried", "sandbox": True, "properties": order}
    messages = [message | {"message_id": "tried-1"}, message | {"message_id": "tried-2"}]
    body = json.dumps({"token": system.project["token"], "events": messages}).encode()
    with urllib.request.urlopen(f"{system.address}/batch", body, timeout=30) as response:
        results = json.load(response)["results"]
    assert [(one["outcome"], one.get("reason")) for one in results] == [
        ("stored", None), ("dropped", "order_known"),
    ]  # fmt: skip
    in_sandbox = system.get("/api/v1/customers?id=tried&sandbox=true")
    assert (in_sandbox["orders"], in_sandbox["revenue"]) == (1, "12.50")
    assert system.get("/api/v1/counters?sandbox=true")["accepted"] == 2
    assert system.counters() == before
