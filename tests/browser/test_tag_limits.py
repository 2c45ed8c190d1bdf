"""What bounds the queue and its requests: how much, how long, how often."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import ConsoleMessage, Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Answer, Collector
from tests.browser.shop_pages import settle, shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"
STORED = "Object.keys(localStorage).filter(key => key.startsWith('_sha.q.')).length"
SETTLED = "new Promise(done => shopalytic.getTrackingId(done))"
TURN_MS = 200
MORNING = datetime(2026, 11, 20, 8, tzinfo=UTC)
REQUEST_BYTES_MAX = 16_500
KEEPALIVE_BYTES_MAX = 48 * 1024

# Beacons are noted and sent; the browser's own limit plays no part.
NOTED_BEACONS = """
var beacons = JSON.parse(localStorage.beacons || '[]');
navigator.sendBeacon = function (url, body) {
  beacons.push(body); localStorage.beacons = JSON.stringify(beacons); return true;
};
"""


def visit(collector: Collector, page: Page, options: str = "", before: str = "", calls: str = "") -> None:
    html = shop_page(collector, options, calls).replace("<head>", f"<head><script>{before}</script>")
    collector.add_page("/", html)
    page.goto(collector.url("/", HOST))


def test_beacons_go_in_pieces_with_orders_in_the_first_and_leave_room_for_others(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "{flush_mode: 'page_close'}", NOTED_BEACONS)
    page.wait_for_function(SETTLED)
    collector.answers = [Answer(503)]
    page.evaluate(
        "for (let i = 0; i < 30; i++) shopalytic.track('wish', {i, text: 'x'.repeat(3000)});"
        "shopalytic.track('order', {order_id: '1'}); shopalytic.track('refund', {order_id: '0'})"
    )
    collector.wait_for(lambda: len(collector.posts) == 1, page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    beacons = page.evaluate("beacons")
    assert len(beacons) == 3
    assert max(len(body) for body in beacons) < REQUEST_BYTES_MAX
    assert sum(len(body) for body in beacons) < KEEPALIVE_BYTES_MAX
    sent = [[message["event"] for message in json.loads(body)["events"]] for body in beacons]
    assert sent[0][:2] == ["order", "refund"]
    # The rest stays stored, and so does what was sent: a beacon has no answer.
    assert page.evaluate(STORED) == 35


def test_what_a_browser_held_for_a_week_is_given_up_and_its_number_told(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    put = (
        "[6, 8, 9].forEach(function (days) { var ms = Date.now() - days * 86400000,"
        " hex = ms.toString(16).padStart(12, '0'),"
        " id = hex.slice(0, 8) + '-' + hex.slice(8) + '-7000-8000-000000000000';"
        " localStorage['_sha.q.' + id] = ms + JSON.stringify({type: 'track', event: 'old', message_id: id, days: days}); });"
    )
    visit(collector, page, before=put)
    [old] = collector.wait_for_event("old", page=page)
    assert old["days"] == 6
    assert collector.posts[0].body["dropped"] == 2
    collector.wait_for(lambda: page.evaluate(STORED) == 0, page)


class Pauses:
    """A page whose clock stands still unless the test turns it, and a collector that answers `answers`, then 200."""

    def __init__(self, collector: Collector, page: Page, answers: list[Answer]) -> None:
        self._collector = collector
        self._page = page
        self._heard = 0
        collector.answers = answers
        page.on("console", self._hear)
        page.clock.install(time=MORNING)
        page.clock.pause_at(MORNING + timedelta(seconds=1))
        visit(collector, page, "{debug: true}")
        collector.wait_for(self._start, page)

    def _hear(self, message: ConsoleMessage) -> None:
        self._heard += "answered" in message.text

    def _start(self) -> bool:
        """Turns the clock in small steps: a pause begins with an answer, whenever that comes."""
        if not self._heard:
            self._page.clock.run_for(TURN_MS)
        return bool(self._heard)

    def expect_next_try(self, after_ms: int, before_ms: int) -> None:
        tries = len(self._collector.posts)
        self._page.clock.run_for(after_ms - TURN_MS)
        self._page.evaluate("fetch('/favicon.ico')")
        assert len(self._collector.posts) == tries
        self._page.clock.run_for(before_ms - after_ms + TURN_MS)
        self._collector.wait_for(lambda: self._heard > tries, self._page)
        assert len(self._collector.posts) == tries + 1


def test_a_pause_grows_with_each_try_up_to_ten_minutes(collector: Collector, new_page: PageFactory) -> None:
    pauses = Pauses(collector, new_page(), [Answer(503) for _ in range(12)])
    for tries in range(12):
        pause_ms = min(600, 2**tries) * 1000
        pauses.expect_next_try(pause_ms // 2, pause_ms)


@pytest.mark.parametrize(
    ("retry_after", "shortest_ms", "longest_ms"),
    [
        ("7", 7000, 7000),
        ("86400", 3_600_000, 3_600_000),
        # A date, or nonsense: as if nothing had been said.
        ("Wed, 21 Oct 2099 07:28:00 GMT", 500, 1000),
        ("soon", 500, 1000),
        ("0", 500, 1000),
    ],
)
def test_retry_after_counts_up_to_an_hour(
    collector: Collector, new_page: PageFactory, retry_after: str, shortest_ms: int, longest_ms: int
) -> None:
    pauses = Pauses(collector, new_page(), [Answer(429, headers={"Retry-After": retry_after})])
    pauses.expect_next_try(shortest_ms, longest_ms)


def test_one_event_that_is_too_large_by_itself_stops_nothing(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page)
    settle(page)
    collector.answers = [Answer(413)]
    page.evaluate("shopalytic.track('huge', {text: 'x'.repeat(70000)}); shopalytic.track('wish')")
    collector.wait_for_event("wish", page=page)
    collector.wait_for(lambda: page.evaluate(STORED) == 0, page)
    assert [message["event"] for message in collector.messages[-1:]] == ["wish"]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("track('order', {order_id: '1'})", "order"),
        ("track('refund', {order_id: '1'})", "refund"),
        ("identify('jon')", "identify"),
        ("alias('jon')", "alias"),
    ],
)
@pytest.mark.parametrize("mode", ["period", "page_close", "manual"])
def test_orders_and_names_wait_in_no_mode(
    collector: Collector, new_page: PageFactory, call: str, name: str, mode: str
) -> None:
    page = new_page()
    visit(collector, page, f"{{flush_mode: '{mode}'}}")
    page.wait_for_function(SETTLED)
    page.evaluate(f"shopalytic.track('wish'); shopalytic.{call}")
    collector.wait_for_event(name, page=page)
    assert len(collector.posts) == 1


def test_a_request_to_another_host_carries_no_cookie_and_no_header_of_ours(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/set", "<!doctype html>", Set_Cookie="theirs=1; SameSite=Lax; Domain=collect.test")
    page.goto(collector.url("/set"))
    visit(collector, page)
    settle(page)
    page.evaluate("shopalytic.setFlushMode('page_close'); shopalytic.track('wish')")
    page.goto("about:blank")
    collector.wait_for_event("wish", page=page)
    assert len(collector.posts) == 2
    for post in collector.posts:
        assert "Cookie" not in post.headers
        assert post.headers["Content-Type"].startswith("text/plain")
        ours = {name for name in post.headers if name.lower().startswith(("x-", "authorization"))}
        assert not ours
