"""What the tag keeps and sends where the visitor has not said yes, has said no, or changed their mind; sessions."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"
TRACES = "document.cookie + Object.keys(localStorage)"


def visit(collector: Collector, page: Page, options: str = "", calls: str = "", before: str = "") -> None:
    html = shop_page(collector, options, calls).replace("<head>", f"<head><script>{before}</script>")
    collector.add_page("/", html)
    page.goto(collector.url("/", HOST))


def settle(page: Page) -> None:
    """Until the tag has carried out all calls, and what it sends at once has gone."""
    page.wait_for_function("new Promise(done => shopalytic.ready(() => done(true)))")
    page.evaluate("new Promise(done => setTimeout(done, 200))")


def test_pending_consent_keeps_all_in_memory_and_yes_sends_it(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "{consent: 'pending'}", "shopalytic.track('wish');")
    settle(page)
    page.evaluate("history.pushState(0, '', '/two')")
    settle(page)
    assert collector.posts == []
    assert page.evaluate(TRACES) == ""
    page.evaluate("shopalytic.optIn()")
    collector.wait_for_event("page_view", 2, page)
    assert [m["event"] for m in collector.messages] == [
        "session_start", "installation", "page_view", "wish", "page_view",
    ]  # fmt: skip
    assert collector.named("page_view")[0]["context"]["url"] == collector.url("/", HOST)
    assert "_sha=" in page.evaluate("document.cookie")


def test_pending_consent_and_no_erases_what_waited(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "{consent: 'pending'}", "shopalytic.track('wish');")
    settle(page)
    page.evaluate("shopalytic.optOut(); shopalytic.track('order', {order_id: '1'})")
    settle(page)
    assert collector.posts == []
    assert page.evaluate(TRACES) == "_sha=0", "only the no itself is remembered"


def test_a_no_holds_on_the_next_page_and_in_other_tabs_until_a_yes(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page)
    collector.wait_for_event("page_view", page=page)
    other = new_page(page.context)
    visit(collector, other)
    collector.wait_for_event("page_view", 2, other)
    page.evaluate("shopalytic.optOut()")
    page.evaluate("shopalytic.track('a')")
    other.evaluate("shopalytic.track('b')")
    visit(collector, page, calls="shopalytic.track('c');")
    settle(page)
    settle(other)
    assert not collector.named("a") + collector.named("b") + collector.named("c")
    assert len(collector.named("page_view")) == 2
    assert page.evaluate(TRACES) == "_sha=0"
    page.evaluate("shopalytic.optIn(); shopalytic.track('d')")
    [d] = collector.wait_for_event("d", page=page)
    assert d["tracking_id"] != collector.messages[0]["tracking_id"]


def test_denied_consent_erases_what_an_earlier_page_left(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "{flush_mode: 'manual'}", "shopalytic.identify('jon', {a: 1});")
    settle(page)
    assert "_sha=1." in page.evaluate(TRACES)
    count = len(collector.posts)
    visit(collector, page, "{consent: 'denied'}", "shopalytic.track('wish');")
    settle(page)
    assert page.evaluate(TRACES) == ""
    assert len(collector.posts) == count


@pytest.mark.parametrize(
    ("options", "before"),
    [
        ("{consent: 'anonymous'}", ""),
        ("{respect_gpc: true}", "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});"),
    ],
)
def test_anonymous_events_go_without_a_lasting_id_or_a_name(
    collector: Collector, new_page: PageFactory, options: str, before: str
) -> None:
    page = new_page()
    for _ in range(2):
        visit(collector, page, options, "shopalytic.identify('jon');", before)
        settle(page)
        assert page.evaluate(TRACES) == ""
    first, second = collector.wait_for_event("page_view", 2, page)
    assert first["tracking_id"] != second["tracking_id"]
    assert [m["event"] for m in collector.messages] == ["page_view", "page_view"]


def test_the_privacy_signal_always_travels(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, before="Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});")
    [view] = collector.wait_for_event("page_view", page=page)
    assert view["context"]["gpc"] is True
    assert "session_id" in view


def test_a_late_yes_goes_on_as_the_visitor_whom_the_browser_knows(
    collector: Collector, new_page: PageFactory
) -> None:
    """A consent banner's script often comes after the first events of each page."""
    page = new_page()
    for count in (1, 2):
        visit(collector, page, "{consent: 'anonymous'}")
        settle(page)
        page.evaluate("shopalytic.optIn(); shopalytic.track('wish')")
        collector.wait_for_event("wish", count, page)
        settle(page)
    first, second = collector.named("wish")
    assert first["tracking_id"] == second["tracking_id"]
    assert len(collector.named("installation")) == 1


CLOCK = "var ahead = +(new URLSearchParams(location.search).get('ahead') || 0), real = Date.now; Date.now = () => real() + ahead * 1000;"


@pytest.mark.parametrize(("seconds", "sessions"), [(1700, 1), (1900, 2), (-1700, 1), (-86400, 2)])
def test_half_an_hour_without_an_event_ends_a_session(
    collector: Collector, new_page: PageFactory, seconds: int, sessions: int
) -> None:
    page = new_page()
    visit(collector, page, before=CLOCK)
    collector.wait_for_event("page_view", page=page)
    page.evaluate("seconds => { ahead = seconds; shopalytic.track('end') }", seconds)
    [end] = collector.wait_for_event("end", page=page)
    assert len(collector.named("session_start")) == sessions
    ended = collector.named("session_end")
    assert len(ended) == sessions - 1
    for message in ended:
        assert message["session_id"] == collector.named("page_view")[0]["session_id"] != end["session_id"]
        assert message["properties"]["duration"] < 20
        assert abs(message["timestamp"] - collector.named("page_view")[0]["timestamp"]) < 20_000


def test_a_session_lasts_a_day_at_most(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "{session_timeout: 90000}", before=CLOCK)
    collector.wait_for_event("page_view", page=page)
    page.evaluate("ahead = 86390; shopalytic.track('a'); ahead = 86410; shopalytic.track('b')")
    collector.wait_for_event("b", page=page)
    a, b = collector.named("a")[0], collector.named("b")[0]
    assert a["session_id"] == collector.named("page_view")[0]["session_id"] != b["session_id"]
    assert collector.named("session_end")[0]["properties"]["duration"] == 86390


def test_sessions_by_hand_close_the_open_one(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "{automatic_session_tracking: false, automatic_page_views: false}",
        "shopalytic.track('a'); shopalytic.sessionStart(); shopalytic.track('b'); shopalytic.sessionStart();"
        "shopalytic.track('c'); shopalytic.sessionEnd(); shopalytic.sessionEnd(); shopalytic.track('d');",
    )
    collector.wait_for_event("d", page=page)
    assert [m["event"] for m in collector.messages] == [
        "installation", "a", "session_start", "b", "session_end", "session_start", "c", "session_end", "d",
    ]  # fmt: skip
    a, b, c, d = (collector.named(name)[0].get("session_id") for name in "abcd")
    assert a is None
    assert d is None
    assert b != c
    assert [m["session_id"] for m in collector.named("session_end")] == [b, c]
