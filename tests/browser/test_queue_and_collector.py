"""The tag's queue and the real collector: whatever the network does, every event is stored once, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.system import System, running_system
from tests.browser.chromium import PageFactory, running_browser
from tests.browser.relay import Fault, Relay
from tests.browser.shop_pages import TOKEN, settle, shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"
STORED = "Object.keys(localStorage).filter(key => key.startsWith('_sha.q.')).length"
# Pauses between tries are a fiftieth; the clock, from which events take their time, is left alone.
FAST = (
    "var later = setTimeout; window.setTimeout = (f, ms) => later(f, ms > 100 && ms != 10000 ? ms / 50 : ms);"
)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("queue") / "data") as system:
        yield system


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    with running_browser(request.param) as browser:
        yield browser


@pytest.fixture
def relay(system: System) -> Iterator[Relay]:
    relay = Relay(system.port)
    yield relay
    relay.stop()
    assert not [request.path for request in relay.requests if request.method == "OPTIONS"]


class Shop:
    """A project of its own, so that its counters are the test's."""

    def __init__(self, system: System, relay: Relay, name: str) -> None:
        self.relay = relay
        self._system = system
        self._project = system.run("project", "create", name, "--json")

    def open(self, page: Page, options: str = "", before: str = "") -> None:
        html = shop_page(self.relay, options).replace(TOKEN, self._project["token"])
        html = html.replace("<head>", f"<head><script>{before}</script>")
        self.relay.add_page("/", html)
        page.goto(self.relay.url("/", HOST))

    def counters(self) -> dict[str, Any]:
        """Once nothing waits any more."""
        key = self._project["secret_key"]
        return self.relay.wait_for(
            lambda: (found := self._system.get("/api/v1/counters", key))["waiting"] == 0 and found
        )

    def stored(self, event: str = "wish") -> list[dict[str, Any]]:
        """All stored events of that name, oldest first, as the API reads them back."""
        events: list[dict[str, Any]] = []
        cursor = ""
        while cursor is not None:
            answer = self._system.get(
                f"/api/v1/events?limit=200&event={event}{cursor}", self._project["secret_key"]
            )
            events += answer["events"]
            cursor = f"&cursor={answer['next']}" if answer["next"] else None
        return events[::-1]

    def expect_counters(self, accepted: int, stored: int) -> None:
        counters = self.counters()
        assert counters["accepted"] == accepted
        assert counters["stored"] == stored
        assert counters["duplicate"] == accepted - stored
        assert counters["quarantined"] == 0 and not any(counters["dropped"].values())


@pytest.fixture
def shop(system: System, relay: Relay, request: pytest.FixtureRequest) -> Shop:
    return Shop(system, relay, request.node.name[-40:])


def numbers(events: list[dict[str, Any]]) -> list[int]:
    """The events' `i` in the order in which the page tracked them, which their ids keep.

    `occurred_at` keeps it to within the time a request takes: each request's clock is corrected by itself.
    """
    ordered = sorted(events, key=lambda event: event["message_id"])
    moments = [datetime.fromisoformat(event["occurred_at"]) for event in ordered]
    assert all(after > before - timedelta(seconds=1) for before, after in pairwise(moments))
    return [event["properties"]["i"] for event in ordered]


def pass_leases(page: Page, relay: Relay) -> None:
    """As if half a minute had passed since the last attempts; moving the clock would move the events' times too."""
    relay.add_page("/blank", "<!doctype html>")
    page.goto(relay.url("/blank", HOST))
    page.evaluate(
        "for (const key of Object.keys(localStorage)) if (key.startsWith('_sha.q.'))"
        " localStorage[key] = (localStorage[key].slice(0, 13) - 31000) + localStorage[key].slice(13)"
    )


def test_two_hundred_events_of_two_tabs_tracked_offline_are_stored_once_and_in_order(
    shop: Shop, relay: Relay, new_page: PageFactory
) -> None:
    context = new_page.new_context()
    tabs = {"one": context.new_page(), "two": context.new_page()}
    for tab in tabs.values():
        shop.open(tab)
        settle(tab)
    online = len({message["message_id"] for message in relay.messages})
    context.set_offline(True)
    for tens in range(10):
        for name, tab in tabs.items():
            tab.evaluate(
                "([tab, first]) => { for (let i = first; i < first + 10; i++) shopalytic.track('wish', {tab, i}) }",
                [name, tens * 10],
            )
    tabs["one"].wait_for_function(f"{STORED} == 200")
    waits = context.new_page()
    for tab in tabs.values():
        tab.close()
    context.set_offline(False)
    assert not [message for message in relay.messages if message["event"] == "wish"]

    pass_leases(waits, relay)
    shop.open(waits)
    relay.wait_for(lambda: waits.evaluate(STORED) == 0, waits)
    # The page that came back counts its own view.
    shop.expect_counters(accepted=sum(relay.taken), stored=online + 200 + 1)
    stored = shop.stored()
    assert len(stored) == len({event["message_id"] for event in stored}) == 200
    assert {event["tracking_id"] for event in stored} == {relay.messages[0]["tracking_id"]}
    for name in tabs:
        assert numbers([event for event in stored if event["properties"]["tab"] == name]) == list(range(100))


STORM = [
    Fault(500),
    Fault(429, headers={"Retry-After": "40"}),
    Fault(413),
    Fault(0),
    Fault(0, is_taken=True),
    Fault(500, is_taken=True),
    # As a proxy in front answers: no leave to read it.
    Fault(502, headers={"Access-Control-Allow-Origin": "null"}),
    Fault(408),
    Fault(503, headers={"Retry-After": "5"}, is_taken=True),
    Fault(413),
    Fault(504),
]


def test_a_server_that_refuses_and_cuts_connections_and_recovers_stores_all_once(
    shop: Shop, relay: Relay, new_page: PageFactory
) -> None:
    page = new_page()
    relay.faults = list(STORM)
    shop.open(page, before=FAST)
    page.wait_for_function("new Promise(done => shopalytic.ready(() => done(true)))")
    for tens in range(6):
        page.evaluate(
            "first => { for (let i = first; i < first + 10; i++) shopalytic.track('wish', {i});"
            " shopalytic.track('order', {order_id: 'o' + first, total: '9.90'}) }",
            tens * 10,
        )
        page.wait_for_timeout(50)
    relay.wait_for(lambda: page.evaluate(STORED) == 0, page)
    assert relay.faults == []
    ids = {message["message_id"] for message in relay.messages}
    shop.expect_counters(accepted=sum(relay.taken), stored=len(ids))
    assert numbers(shop.stored()) == list(range(60))
    assert sorted(event["properties"]["order_id"] for event in shop.stored("order")) == [
        f"o{tens * 10}" for tens in range(6)
    ]
    assert sum(relay.taken) > len(ids), "answers that were lost made the tag send again"


def test_a_page_left_while_the_server_is_down_is_delivered_by_the_next_one(
    shop: Shop, relay: Relay, new_page: PageFactory
) -> None:
    page = new_page()
    relay.faults = [Fault(503), Fault(0), Fault(503, is_taken=True), Fault(500), Fault(500)]
    shop.open(page, "{flush_mode: 'page_close'}")
    page.wait_for_function("new Promise(done => shopalytic.getTrackingId(done))")
    page.evaluate(
        "for (let i = 0; i < 30; i++) shopalytic.track('wish', {i, text: 'x'.repeat(2000)});"
        "shopalytic.track('order', {order_id: 'o1', total: '9.90'})"
    )
    page.goto("about:blank")
    relay.wait_for(lambda: len(relay.posts) >= 3)
    relay.faults = []
    pass_leases(page, relay)
    shop.open(page)
    relay.wait_for(lambda: page.evaluate(STORED) == 0, page)
    ids = {message["message_id"] for message in relay.messages}
    shop.expect_counters(accepted=sum(relay.taken), stored=len(ids))
    assert numbers(shop.stored()) == list(range(30))
    assert [event["properties"]["order_id"] for event in shop.stored("order")] == ["o1"]
