"""How messages travel: once where all is well, again where it is not, and at the last moment."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Answer, Collector
from tests.browser.shop_pages import shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"
STORED = "Object.keys(localStorage).filter(key => key.startsWith('_sha.q.')).length"
FAST = (
    "var later = setTimeout; window.setTimeout = (f, ms) => later(f, ms > 100 && ms != 10000 ? ms / 50 : ms);"
)


def visit(collector: Collector, page: Page, options: str = "", calls: str = "", before: str = "") -> None:
    html = shop_page(collector, options, calls).replace("<head>", f"<head><script>{before}</script>")
    collector.add_page("/", html)
    page.goto(collector.url("/", HOST))


@pytest.mark.parametrize("status", [0, 408, 429, 500, 503])
def test_what_was_not_taken_is_sent_again_under_the_same_ids(
    collector: Collector, new_page: PageFactory, status: int
) -> None:
    collector.answers = [Answer(status), Answer(status)]
    page = new_page()
    visit(collector, page, before=FAST)
    collector.wait_for(lambda: len(collector.posts) == 3, page)
    sent = [[message["message_id"] for message in post.body["events"]] for post in collector.posts]
    assert sent[0] == sent[1] == sent[2]
    collector.wait_for(lambda: page.evaluate(STORED) == 0)


@pytest.mark.parametrize("status", [200, 400, 403, 404])
def test_what_was_taken_or_cannot_be_cured_is_forgotten(
    collector: Collector, new_page: PageFactory, status: int
) -> None:
    collector.answers = [Answer(status)]
    page = new_page()
    visit(collector, page, before=FAST)
    collector.wait_for(lambda: collector.posts and page.evaluate(STORED) == 0, page)
    page.evaluate("shopalytic.track('end')")
    collector.wait_for_event("end", page=page)
    assert len(collector.posts) == 2


def test_coming_online_ends_the_pause(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page)
    collector.wait_for_event("page_view", page=page)
    page.context.set_offline(True)
    page.evaluate("shopalytic.track('wish')")
    page.wait_for_function(f"{STORED} == 1")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    page.context.set_offline(False)
    collector.wait_for_event("wish", page=page)


def test_only_one_request_is_in_flight(collector: Collector, new_page: PageFactory) -> None:
    collector.answers = [Answer(delay_seconds=0.5)]
    page = new_page()
    visit(collector, page)
    collector.wait_for(lambda: collector.posts, page)
    for i in range(3):
        page.evaluate("i => shopalytic.track('order', {order_id: '' + i})", i)
    collector.wait_for_event("order", 3, page)
    assert len(collector.posts) == 2
    assert collector.posts[1].arrived - collector.posts[0].arrived > 0.45


def test_a_request_holds_at_most_16_kilobytes(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(
        collector,
        page,
        calls="for (var i = 0; i < 20; i++) shopalytic.track('big', {i: i, text: 'x'.repeat(3000)});",
    )
    collector.wait_for_event("big", 20, page)
    assert [message["properties"]["i"] for message in collector.named("big")] == list(range(20))
    assert max(int(post.headers["Content-Length"]) for post in collector.posts) < 16_500


def test_413_halves_the_batch(collector: Collector, new_page: PageFactory) -> None:
    collector.answers = [Answer(413)]
    page = new_page()
    visit(collector, page, calls="for (var i = 0; i < 9; i++) shopalytic.track('wish');")
    collector.wait_for(lambda: len(collector.posts) == 3, page)
    assert [len(post.body["events"]) for post in collector.posts] == [12, 6, 6]


def test_leaving_the_page_sends_a_beacon_with_orders_first(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "{flush_mode: 'page_close'}")
    collector.add_page("/two", "<!doctype html>two")
    page.wait_for_function("new Promise(done => shopalytic.getTrackingId(done))")
    collector.answers = [Answer(503)]
    page.evaluate("shopalytic.track('wish'); shopalytic.track('order', {order_id: '1'})")
    collector.wait_for(lambda: len(collector.posts) == 1, page)
    page.goto(collector.url("/two", HOST))
    collector.wait_for(lambda: len(collector.posts) >= 2, page)
    beacon = collector.posts[1]
    assert [message["event"] for message in beacon.body["events"]] == [
        "order", "session_start", "installation", "page_view", "wish",
    ]  # fmt: skip
    assert beacon.headers["Content-Type"].startswith("text/plain")


def test_what_a_refused_beacon_held_stays_stored(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "{flush_mode: 'page_close'}", before="navigator.sendBeacon = () => false;")
    settled = "new Promise(done => shopalytic.getTrackingId(done))"
    page.wait_for_function(settled)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert page.evaluate(STORED) == 3
    assert collector.posts == []


def test_a_manual_queue_sends_nothing_by_itself(collector: Collector, new_page: PageFactory) -> None:
    collector.answers = [Answer(delay_seconds=0.3)]
    page = new_page()
    visit(collector, page, "{flush_mode: 'manual'}")
    page.wait_for_function("new Promise(done => shopalytic.getTrackingId(done))")
    page.evaluate("shopalytic.flush(); shopalytic.track('meanwhile')")
    collector.wait_for(lambda: collector.posts and page.evaluate(STORED) == 1, page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert not collector.named("meanwhile")
    page.evaluate("shopalytic.flush()")
    collector.wait_for_event("meanwhile", page=page)


def test_an_order_tracked_while_a_request_is_out_follows_it_in_every_mode(
    collector: Collector, new_page: PageFactory
) -> None:
    collector.answers = [Answer(delay_seconds=0.3)]
    page = new_page()
    visit(collector, page, "{flush_mode: 'manual'}")
    page.wait_for_function("new Promise(done => shopalytic.getTrackingId(done))")
    page.evaluate("shopalytic.flush(); shopalytic.track('order', {order_id: '1'})")
    collector.wait_for_event("order", page=page)
    assert len(collector.posts) == 2


def test_a_click_that_leaves_the_page_loses_no_event(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page)
    collector.wait_for_event("page_view", page=page)
    collector.add_page("/two", "<!doctype html>two")
    page.evaluate("document.querySelector('a').onclick = () => { shopalytic.track('click') }")
    page.click("a")
    collector.wait_for_event("click", page=page)


def test_a_page_left_before_the_tag_had_time_is_counted(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, before="window.requestIdleCallback = () => 0;", calls="shopalytic.track('wish');")
    page.wait_for_function("!!shopalytic._install")
    page.goto("about:blank")
    collector.wait_for_event("wish", page=page)
    assert [m["event"] for m in collector.messages] == ["session_start", "installation", "page_view", "wish"]


def test_what_a_page_left_unanswered_is_sent_by_a_later_page(
    collector: Collector, new_page: PageFactory
) -> None:
    collector.answers = [Answer(503) for _ in range(4)]
    page = new_page()
    visit(collector, page, before="navigator.sendBeacon = () => false;")
    collector.wait_for(lambda: collector.posts, page)
    page.goto("about:blank")
    collector.answers = []
    # A clock a minute ahead: the lease of the page before is over.
    visit(collector, page, before="var real = Date.now; Date.now = () => real() + 60000;")
    collector.wait_for_event("page_view", 3, page)
    collector.wait_for(lambda: page.evaluate(STORED) == 0)
    ids = {message["message_id"] for message in collector.named("page_view")}
    assert len(ids) == 2


def test_a_later_page_leaves_alone_what_may_still_be_on_its_way(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page)
    collector.wait_for(lambda: collector.posts and page.evaluate(STORED) == 0, page)
    page.evaluate(
        "(() => { const hex = Date.now().toString(16).padStart(12, '0');"
        " const id = hex.slice(0, 8) + '-' + hex.slice(8) + '-7000-8000-000000000000';"
        " localStorage['_sha.q.' + id] = Date.now() + '{\"type\":\"track\"}'; })()"
    )
    visit(collector, page, calls="shopalytic.track('end');")
    collector.wait_for_event("end", page=page)
    collector.wait_for(lambda: page.evaluate(STORED) == 1)


def test_two_tabs_overwrite_nothing_of_each_other(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    options = "{flush_mode: 'manual'}"
    visit(collector, page, options)
    other = new_page(page.context)
    visit(collector, other, options)
    for i in range(5):
        page.evaluate("i => shopalytic.track('one', {i: i})", i)
        other.evaluate("i => shopalytic.track('two', {i: i})", i)
    stored = page.evaluate('Object.values(localStorage).filter(text => /"(one|two)"/.test(text)).length')
    assert stored == 10
    assert collector.posts == []
    page.evaluate("shopalytic.flush()")
    other.evaluate("shopalytic.flush()")
    collector.wait_for(lambda: len(collector.named("one")) == len(collector.named("two")) == 5, page)
    collector.wait_for(lambda: page.evaluate(STORED) == 0)


def test_the_oldest_events_go_first_where_too_many_wait_and_their_number_is_told(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "{flush_mode: 'manual', max_queue: 5}")
    page.wait_for_function("new Promise(done => shopalytic.getTrackingId(done))")
    page.evaluate("for (let i = 0; i < 7; i++) shopalytic.track('wish', {i: i}); shopalytic.flush()")
    collector.wait_for_event("wish", 5, page)
    assert [message["properties"]["i"] for message in collector.named("wish")] == [2, 3, 4, 5, 6]
    assert collector.posts[0].body["dropped"] == 5, "three automatic ones, and two wishes"
    # What is out counts among those that wait, until it is answered.
    collector.wait_for(lambda: page.evaluate(STORED) == 0, page)
    page.evaluate("shopalytic.track('end'); shopalytic.flush()")
    collector.wait_for_event("end", page=page)
    assert "dropped" not in collector.posts[1].body


def test_an_order_never_waits_for_a_period(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "{flush_mode: 'period', flush_period: 600}")
    page.evaluate("shopalytic.track('wish')")
    page.evaluate("shopalytic.track('order', {order_id: '1'})")
    collector.wait_for_event("order", page=page)
    assert len(collector.posts) == 1
    assert collector.named("wish")


def test_a_period_gathers_what_comes_within_it(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "{flush_mode: 'period', flush_period: 0.6}")
    for i in range(4):
        page.evaluate("i => shopalytic.track('wish', {i: i})", i)
    collector.wait_for_event("wish", 4, page)
    assert len(collector.posts) == 1
