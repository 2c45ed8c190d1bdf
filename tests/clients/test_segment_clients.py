"""Segment's own clients against a whole Shopalytic: every call of each, and what arrived."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from segment.analytics.client import Client

from benchmarks.system import System
from tests.browser.chromium import CHROMIUM_ARGS, find_chromium
from tests.clients.conftest import FOLDER, SERVED

SEGMENT_PAGE = Path(__file__).parents[2] / "docs" / "segment.md"
DEADLINE_SECONDS = 60
ORDER = {
    "total": 30.25, "subtotal": 25, "tax": 3.25, "shipping": 2, "currency": "EUR", "cart_id": "c",
    "products": [{"product_id": "22196", "name": "Cup", "price": 12.5, "quantity": 2}],
}  # fmt: skip
CALLS = {"page_view", "screen_view", "identify", "group", "alias", "cart_add", "order"}


def events_of(system: System, library: str) -> dict[str, dict[str, Any]]:
    """By name, those that the library sent; the test sends one of each."""
    system.wait_until_stored(patience_seconds=DEADLINE_SECONDS)
    events = system.get("/api/v1/events?limit=1000")["events"]
    found = [event for event in events if event["library"].split("/")[0] == library]
    assert len({event["event"] for event in found}) == len(found)
    return {event["event"]: event for event in found}


def customer_of(system: System, value: str) -> dict[str, Any]:
    customer: dict[str, Any] = system.get(f"/api/v1/customers?id={value}")
    return customer


@contextmanager
def python_client(system: System, **options: Any) -> Iterator[Client]:
    errors: list[Any] = []

    def note(error: Exception, batch: list[Any]) -> None:
        errors.append((error, batch))

    client = Client(system.project["token"], host=system.address, on_error=note, max_retries=0, **options)
    yield client
    client.flush()
    client.join()
    assert errors == []


def test_every_call_of_the_python_client_arrives(system: System) -> None:
    with python_client(system, gzip=True) as client:
        client.page(anonymous_id="py-visitor", name="Home", properties={"url": "https://shop.example/py"})
        client.track(
            anonymous_id="py-visitor", event="Product Added",
            properties={"product_id": "22196", "price": "4.95", "quantity": 2, "cart_id": "c"},
        )  # fmt: skip
        client.identify(
            "py-user", {"firstName": "Pia", "email": "pia@shop.example"}, anonymous_id="py-visitor"
        )
        client.screen("py-user", name="Basket")
        client.group("py-user", "py-group", {"name": "Initech"})
        client.alias("py-visitor", "py-further-id")
        client.track("py-user", "Order Completed", ORDER | {"order_id": "py-order"})

    events = events_of(system, "analytics-python")
    assert set(events) == CALLS
    assert {event["door"] for event in events.values()} == {"segment"}
    assert events["page_view"]["url"] == "https://shop.example/py"
    assert events["cart_add"]["properties"] == {"sku": "22196", "price": "4.95", "qty": 2, "cart_id": "c"}
    assert (events["cart_add"]["event_sent"], events["cart_add"]["violations"]) == ("Product Added", [])
    assert events["group"]["properties"] == {"group_id": "py-group", "name": "Initech"}
    assert events["screen_view"]["properties"] == {"name": "Basket"}
    order = events["order"]
    assert (order["event_sent"], order["violations"]) == ("Order Completed", [])
    assert order["properties"]["total"] == "30.25"
    assert order["properties"]["line_items"] == [{"sku": "22196", "name": "Cup", "price": "12.5", "qty": 2}]
    assert (order["device"], order["is_bot"], order["user_ids"]) == ("", False, {"user_id": "py-user"})

    customer = customer_of(system, "py-user")
    assert {event["customer_id"] for event in events.values()} == {customer["customer_id"]}
    assert customer_of(system, "py-further-id")["customer_id"] == customer["customer_id"]
    assert customer["properties"] == {"first_name": "Pia", "email": "pia@shop.example"}
    assert (customer["orders"], customer["revenue"]) == (1, "30.25")


def test_an_alias_between_two_user_ids_makes_them_one_customer(system: System) -> None:
    with python_client(system) as client:
        client.track("renamed-old", "Signed In")
        client.alias("renamed-old", "renamed-new")
        client.track("renamed-new", "Order Completed", ORDER | {"order_id": "renamed-order"})
    system.wait_until_stored(patience_seconds=DEADLINE_SECONDS)
    customer = customer_of(system, "renamed-old")
    assert customer["customer_id"] == customer_of(system, "renamed-new")["customer_id"]
    assert {(one["type"], one["value"]) for one in customer["ids"]} == {
        ("user_id", "renamed-old"), ("user_id", "renamed-new"),
    }  # fmt: skip
    assert customer["orders"] == 1


def test_every_call_of_the_node_client_arrives(system: System, node_modules: Path) -> None:
    environment = os.environ | {"HOST": system.address, "TOKEN": system.project["token"]}
    done = subprocess.run(
        ["node", "segment.mjs"], cwd=FOLDER, env=environment, capture_output=True, check=True
    )
    answers = json.loads(done.stdout)
    assert answers["errors"] == []
    assert set(answers["statuses"]) == {200}

    events = events_of(system, "@segment")
    assert set(events) == CALLS
    assert events["cart_add"]["properties"] == {"sku": "N-1", "price": "4.95", "qty": 2, "cart_id": "n-c"}
    order = events["order"]
    assert (order["properties"]["order_id"], order["device"], order["is_bot"]) == (
        "node-order",
        "mobile",
        False,
    )
    customer = customer_of(system, "node-user")
    assert {event["customer_id"] for event in events.values()} == {customer["customer_id"]}
    assert {one["value"] for one in customer["ids"]} == {"node-user", "node-further-id", "node-visitor"}
    assert customer["properties"] == {"first_name": "Nora"}


@pytest.fixture(scope="module")
def new_page() -> Iterator[Callable[[], Page]]:
    """Pages without any network but this machine's; each fails the test on an error of the page."""
    path = find_chromium()
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no Chromium: install one, or set SHOPALYTIC_CHROMIUM to its path")
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)

        def make() -> Page:
            page = browser.new_context(locale="de-AT").new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda it: problems.append(it.text) if it.type == "error" else None)
            return page

        yield make
        browser.close()
    assert problems == []


def use_browser_library(
    system: System, page: Page, shop_url: str, script: str, strategy: str = ""
) -> list[str]:
    """Run the script with the library on the shop's page; gives the addresses that were asked."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    token = system.project["token"]
    page.goto(f"{shop_url}/thanks?utm_source=news#host={system.address}&writeKey={token}&strategy={strategy}")
    page.evaluate(f"async () => {{ {script} }}")
    return asked


@pytest.mark.browser
@pytest.mark.parametrize("strategy", ["", "batching"])
def test_every_call_of_the_browser_library_arrives(
    system: System, shop_url: str, new_page: Callable[[], Page], strategy: str
) -> None:
    name = strategy or "standard"
    sent = set(before(system))
    asked = use_browser_library(
        system,
        new_page(),
        shop_url,
        f"""
        await analytics.page("Home");
        await analytics.track("Product Added", {{product_id: "B-1", price: 4.95, quantity: 2, cart_id: "b"}});
        await analytics.alias("{name}-further-id");
        await analytics.identify("{name}-user", {{firstName: "Bea"}});
        await analytics.screen("Basket");
        await analytics.group("{name}-group", {{name: "Initech"}});
        await analytics.track("Order Completed", {{order_id: "{name}-order", total: 30.25}});
        """,
        strategy,
    )
    events = wait_for_new(system, sent, len(CALLS))
    assert set(events) == CALLS
    assert {event["library"].split("/")[0] for event in events.values()} == {"analytics.js"}
    assert len({event["tracking_id"] for event in events.values()}) == 1
    view = events["page_view"]
    assert view["url"].startswith(f"{shop_url}/thanks?utm_source=news")
    assert (view["channel"], view["device"], view["browser"]) != ("", "", "")
    assert events["cart_add"]["properties"]["sku"] == "B-1"
    customer = customer_of(system, f"{name}-user")
    assert {event["customer_id"] for event in events.values()} == {customer["customer_id"]}
    assert customer_of(system, f"{name}-further-id")["customer_id"] == customer["customer_id"]
    assert customer["properties"] == {"first_name": "Bea"}
    # Nothing goes anywhere else: neither for settings nor for measurements.
    assert all(address.startswith((shop_url, system.address, "data:")) for address in asked), asked
    assert any(address.endswith("/settings") for address in asked)


@pytest.mark.browser
def test_the_browser_library_works_from_the_shops_own_server(
    system: System, shop_url: str, new_page: Callable[[], Page], tmp_path: Path
) -> None:
    """The page is the one of docs/segment.md, with this system's address and token."""
    [html] = re.findall(r"```html\n(.*?)```", SEGMENT_PAGE.read_text(), re.DOTALL)
    html = html.replace("<token>", system.project["token"]).replace(
        "https://stats.shop.example", system.address
    )
    icon = '<!doctype html><link rel="icon" href="data:,">'
    sent, page, asked = set(before(system)), new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    SERVED["/own.html"] = tmp_path / "own.html"
    SERVED["/own.html"].write_text(icon + html)
    page.goto(f"{shop_url}/own.html")
    page.wait_for_function("!!analytics.track")
    page.evaluate(
        "analytics.track('Product Added', {product_id: 'S-1', price: 4.95, quantity: 2, cart_id: 's'})"
    )
    events = wait_for_new(system, sent, 2)
    assert set(events) == {"page_view", "cart_add"}
    assert events["cart_add"]["properties"]["sku"] == "S-1"
    assert all(address.startswith((shop_url, system.address)) for address in asked), asked


def before(system: System) -> list[str]:
    system.wait_until_stored(patience_seconds=DEADLINE_SECONDS)
    return [event["message_id"] for event in system.get("/api/v1/events?limit=1000")["events"]]


def wait_for_new(system: System, known: set[str], count: int) -> dict[str, dict[str, Any]]:
    """Events that were not there before, by name, once there are so many of them."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while True:
        events = system.get("/api/v1/events?limit=1000")["events"]
        found = [event for event in events if event["message_id"] not in known]
        if len(found) >= count:
            assert len(found) == count
            return {event["event"]: event for event in found}
        assert time.monotonic() < ends_at, [event["event"] for event in found]
        time.sleep(0.05)


def test_an_order_told_by_the_server_and_again_by_the_thank_you_page_counts_once(system: System) -> None:
    earlier = system.counters()
    orders = system.get("/api/v1/reports/overview")["totals"]["orders"]
    with python_client(system) as client:
        client.track("twice-user", "Order Completed", ORDER | {"order_id": "twice"})
    system.wait_until_stored(patience_seconds=DEADLINE_SECONDS)
    message = {
        "token": system.project["token"], "event": "order", "tracking_id": "twice-visitor", "message_id": "twice",
        "user_id": "twice-user", "properties": {"order_id": "twice", "total": "30.25", "cart_id": "c"},
    }  # fmt: skip
    data = json.dumps(message).encode()
    with urllib.request.urlopen(system.address + "/track", data, timeout=30) as answer:
        assert answer.status == 200
    later = system.wait_until_stored(patience_seconds=DEADLINE_SECONDS)
    assert later["dropped"].get("order_known", 0) == earlier["dropped"].get("order_known", 0) + 1
    assert system.get("/api/v1/reports/overview")["totals"]["orders"] == orders + 1
    customer = customer_of(system, "twice-user")
    assert (customer["orders"], customer["revenue"]) == (1, "30.25")


def test_the_python_client_is_told_of_a_wrong_key(system: System) -> None:
    logging.getLogger("segment").setLevel(logging.CRITICAL)
    errors: list[Any] = []
    client = Client(
        "wrong", host=system.address, max_retries=0, on_error=lambda error, batch: errors.append(error)
    )
    client.track("u", "x")
    client.flush()
    client.join()
    assert [(error.status, error.code) for error in errors] == [(401, "not_authorized")]
