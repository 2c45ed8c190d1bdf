"""What pages of one browser have to do with each other: whose messages are taken over, and by how many."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Answer, Collector
from tests.browser.shop_pages import shop_page

pytestmark = pytest.mark.browser

# Browsers give locks to https and to this host only.
HOST = "localhost"
LEFT = """
for (let i = 0; i < 9; i++) {
  const ms = Date.now() - 60000 + i, hex = ms.toString(16).padStart(12, '0');
  const id = hex.slice(0, 8) + '-' + hex.slice(8) + '-7000-8000-00000000000' + i;
  localStorage['_sha.q.' + id] = ms + JSON.stringify({type: 'track', event: 'left', message_id: id, i});
}
"""
STORED = "Object.keys(localStorage).filter(key => key.startsWith('_sha.q.')).length"


def put_what_a_closed_page_left(collector: Collector, page: Page) -> None:
    collector.add_page("/empty", "<!doctype html>")
    page.goto(collector.url("/empty", HOST))
    page.evaluate(LEFT)


def test_what_a_closed_page_left_goes_in_the_order_in_which_it_was_made(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    put_what_a_closed_page_left(collector, page)
    assert page.evaluate("'locks' in navigator")
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("left", 9, page)
    assert [message["i"] for message in collector.named("left")] == list(range(9))
    collector.wait_for(lambda: page.evaluate(STORED) == 0, page)


def test_of_tabs_that_open_together_one_takes_over_what_was_left(
    collector: Collector, new_page: PageFactory
) -> None:
    first = new_page()
    put_what_a_closed_page_left(collector, first)
    collector.add_page("/", shop_page(collector))
    tabs = [first, *(new_page(first.context) for _ in range(3))]
    for tab in tabs:
        tab.goto(collector.url("/", HOST), wait_until="commit")
    collector.wait_for_event("page_view", len(tabs), first)
    collector.wait_for_event("left", 9, first)
    collector.wait_for(lambda: first.evaluate(STORED) == 0, first)
    ids = [message["message_id"] for message in collector.named("left")]
    assert len(ids) == len(set(ids)) == 9


def test_while_another_tab_holds_the_lock_nothing_is_taken_over(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    put_what_a_closed_page_left(collector, page)
    page.evaluate(
        "new Promise(held => navigator.locks.request('_sha.q.', () => { held(); return new Promise(() => {}); })) && 0"
    )
    other = new_page(page.context)
    collector.add_page("/", shop_page(collector))
    other.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=other)
    other.evaluate("new Promise(done => navigator.locks.query().then(done))")
    assert not collector.named("left")
    assert page.evaluate(STORED) >= 9


@pytest.mark.parametrize(
    "broken",
    [
        "Object.defineProperty(navigator, 'locks', {value: undefined});",
        "navigator.locks.__proto__.request = function () { throw Error('locks'); };",
    ],
)
def test_without_locks_what_was_left_is_taken_over_all_the_same(
    collector: Collector, new_page: PageFactory, broken: str
) -> None:
    page = new_page()
    put_what_a_closed_page_left(collector, page)
    html = shop_page(collector).replace("<head>", f"<head><script>{broken}</script>")
    collector.add_page("/", html)
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("left", 9, page)


def test_a_page_left_while_a_request_is_out_sends_it_again_under_the_same_ids(
    collector: Collector, new_page: PageFactory
) -> None:
    """The first one's answer is never heard. Whether it came through, the server finds out by the ids."""
    page = new_page()
    # Longer than it takes to leave, however busy the machine is; nobody waits for it.
    collector.answers = [Answer(delay_seconds=10)]
    collector.add_page("/empty", "<!doctype html>")
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    page.goto(collector.url("/empty", HOST))
    collector.wait_for(lambda: len(collector.posts) > 1, page)
    page.evaluate("fetch('/empty')")
    first, again = ([message["message_id"] for message in post.body["events"]] for post in collector.posts)
    assert first == again
    assert len(set(first)) == 3
