"""What the tag does to a page's own events, history and console: nothing that the page could notice."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import settle, shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"

NOTED_LISTENERS = """
var heard = [], add = EventTarget.prototype.addEventListener, prevented = 0;
EventTarget.prototype.addEventListener = function (type) {
  if (Error().stack.includes('shopalytic.v1.js')) heard.push(type);
  return add.apply(this, arguments);
};
['preventDefault', 'stopPropagation', 'stopImmediatePropagation'].forEach(function (name) {
  var original = Event.prototype[name];
  Event.prototype[name] = function () { prevented++; return original.apply(this, arguments); };
});
"""


def visit(collector: Collector, page: Page, before: str = "", calls: str = "", options: str = "") -> None:
    html = shop_page(collector, options, calls).replace("<head>", f"<head><script>{before}</script>")
    collector.add_page("/", html)
    page.goto(collector.url("/", HOST))


def test_the_tag_listens_to_no_click_no_form_and_no_unload_and_stops_no_event(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, NOTED_LISTENERS)
    settle(page)
    collector.add_page("/two", "<!doctype html>two")
    page.evaluate("document.querySelector('a').addEventListener('click', e => e.preventDefault())")
    page.click("a")
    assert {"pagehide", "visibilitychange"} <= set(page.evaluate("heard")) <= {
        "DOMContentLoaded", "load", "online", "pagehide", "pageshow", "popstate", "prerenderingchange", "visibilitychange",
    }  # fmt: skip
    assert page.evaluate("prevented") == 1, "the page's own"


def test_history_is_called_first_with_its_own_this_and_all_arguments_and_answers_as_before(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "var calls = [];"
        "['pushState', 'replaceState'].forEach(function (name) {"
        " var original = history[name];"
        " history[name] = function () {"
        "  calls.push([name, this === history, [].slice.call(arguments)]); original.apply(this, arguments); return name + ' done'; };"
        "});",
    )
    settle(page)
    answers = page.evaluate(
        "[history.pushState({a: 1}, 't', '/a', 'fourth'), location.pathname,"
        " history.replaceState({b: 2}, 't', '/b', 'fourth'), location.pathname]"
    )
    assert answers == ["pushState done", "/a", "replaceState done", "/b"]
    assert page.evaluate("calls") == [
        ["pushState", True, [{"a": 1}, "t", "/a", "fourth"]],
        ["replaceState", True, [{"b": 2}, "t", "/b", "fourth"]],
    ]


def test_a_page_that_is_only_prepared_counts_once_it_is_opened(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "var prepared = true; Object.defineProperty(document, 'prerendering', {get: () => prepared});",
        "shopalytic.track('wish');",
    )
    page.wait_for_function("!!shopalytic._install")
    page.evaluate("new Promise(done => requestIdleCallback(() => setTimeout(done, 50)))")
    assert collector.posts == []
    assert page.evaluate("[document.cookie, localStorage.length]") == ["", 0]
    page.evaluate("prepared = false; document.dispatchEvent(new Event('prerenderingchange'))")
    collector.wait_for_event("wish", page=page)
    assert len(collector.named("page_view")) == 1


def test_the_console_stays_empty_while_requests_fail(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    printed: list[str] = []
    collector.add_page("/favicon.ico", "")
    page.on("console", lambda message: printed.append(message.text))
    visit(
        collector,
        page,
        "window.fetch = function () { return Promise.reject(Error('blocked')); };"
        "XMLHttpRequest.prototype.send = function () { throw Error('blocked'); };"
        "navigator.sendBeacon = function () { throw Error('blocked'); };",
        "shopalytic.track('wish'); shopalytic.track('order', {get order_id() { throw Error('getter'); }});",
    )
    page.wait_for_function("new Promise(done => shopalytic.ready(() => done(true)))")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert printed == []
