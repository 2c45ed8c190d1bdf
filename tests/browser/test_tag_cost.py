"""What the tag takes of a page: in which task it does what. How long that takes, `python -m benchmarks.tag` measures."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import settle, shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"

# Notes what is touched, and in which task: `task` grows with each task that the browser begins for the tag.
# An idle callback and a timer are the only ones that it asks for.
NOTED_TOUCHES = """
var touched = [], task = 0, isIdle = false;
function note(name) { touched.push({name: name, task: task, isIdle: isIdle}); }
function watch(holder, name, label) {
  var own = Object.getOwnPropertyDescriptor(holder, name), watched = {configurable: true};
  if (own.value) watched.value = function () {
    note(label);
    return new.target ? Reflect.construct(own.value, arguments) : own.value.apply(this, arguments);
  };
  if (own.get) watched.get = function () { note(label); return own.get.call(this); };
  if (own.set) watched.set = function (value) { note(label); own.set.call(this, value); };
  Object.defineProperty(holder, name, watched);
}
watch(Intl, 'DateTimeFormat', 'time zone');
watch(window, 'localStorage', 'storage');
watch(Document.prototype, 'cookie', 'cookie');
watch(Crypto.prototype, 'getRandomValues', 'random');
watch(XMLHttpRequest.prototype, 'send', 'request');
watch(window, 'fetch', 'request');
var idle = requestIdleCallback, timer = setTimeout, held;
window.requestIdleCallback = function (f, options) {
  held = function () { task++; isIdle = true; f(); };
  return window.isHeld ? 0 : idle(held, options);
};
window.setTimeout = function (f, ms) { return timer(function () { task++; f(); }, ms); };
"""


def visit(collector: Collector, page: Page, before: str = "", calls: str = "", options: str = "") -> None:
    html = shop_page(collector, options, calls)
    script = f"<script>{NOTED_TOUCHES}{before}</script>"
    collector.add_page("/", html.replace("<head>", f"<head>{script}"))
    page.goto(collector.url("/", HOST))


def test_nothing_slow_is_touched_before_the_browser_is_idle(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "var isHeld = true;", "shopalytic.identify('jon'); shopalytic.track('wish');")
    page.wait_for_function("!!shopalytic._install && !!held")
    page.evaluate("shopalytic.track('order', {order_id: '1'}); shopalytic.flush()")
    # Tasks that the tag may have asked for by mistake come before this one.
    page.evaluate("new Promise(done => timer(() => timer(done, 50), 50))")
    assert page.evaluate("touched") == []
    assert collector.posts == []
    page.evaluate("timer(held, 0) && 0")
    collector.wait_for_event("order", page=page)
    touched = page.evaluate("touched")
    assert {"time zone", "storage", "cookie", "random", "request"} <= {touch["name"] for touch in touched}
    assert all(touch["isIdle"] for touch in touched)


def test_the_idle_callback_is_asked_for_within_a_second(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "var asked; window.requestIdleCallback = function (f, options) { asked = options; return idle(f, options); };",
    )
    collector.wait_for_event("page_view", page=page)
    assert page.evaluate("asked") == {"timeout": 1000}


def test_the_start_is_cut_into_tasks_and_each_call_has_its_own(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, calls="shopalytic.track('a'); shopalytic.track('b'); shopalytic.track('c');")
    collector.wait_for_event("c", page=page)
    tasks: dict[str, list[int]] = {}
    for touch in page.evaluate("touched"):
        tasks.setdefault(touch["name"], []).append(touch["task"])
    assert len(set(tasks["time zone"])) == 1
    [zone] = set(tasks["time zone"])
    for name in ("storage", "cookie", "random", "request"):
        assert zone not in tasks[name], f"the time zone, slow at its first call, shares a task with {name}"
    assert tasks["storage"][0] not in tasks["cookie"] + tasks["random"] + tasks["request"]
    [request] = tasks["request"]
    assert request not in tasks["random"], "messages are made in other tasks than the request"
    # Each of the three and the automatic page view make a message, with an id of its own.
    assert len(set(tasks["random"])) >= 4


@pytest.mark.parametrize(
    "calls",
    [
        "",
        "shopalytic.track('a'); shopalytic.track('order', {order_id: '1'}); shopalytic.track('b');",
        "shopalytic.identify('jon', {name: 'Jon'}); shopalytic.track('page_view', {page_type: 'home'});",
        "addEventListener('load', () => shopalytic.track('loaded'));",
        "addEventListener('DOMContentLoaded', () => shopalytic.track('parsed'));",
    ],
)
def test_a_page_load_takes_one_request(collector: Collector, new_page: PageFactory, calls: str) -> None:
    page = new_page()
    for loads in (1, 2):
        visit(collector, page, calls=calls)
        collector.wait_for_event("page_view", loads, page)
        settle(page)
        assert len(collector.posts) == loads
    assert len(collector.named("page_view")) == 2


def test_many_calls_before_the_start_all_arrive_in_their_order(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, calls="for (var i = 0; i < 60; i++) shopalytic.track('wish', {i: i});")
    page.wait_for_function("!!shopalytic._install")
    page.evaluate("shopalytic.track('wish', {i: 60})")
    collector.wait_for_event("wish", 61, page)
    assert [message["properties"]["i"] for message in collector.named("wish")] == list(range(61))


def test_a_page_left_in_the_middle_of_the_start_sends_all_of_it(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "var made = 0, stepped = window.setTimeout;"
        "window.setTimeout = function (f, ms) { return made++ < 4 ? stepped(f, ms) : 0; };",
        "for (var i = 0; i < 5; i++) shopalytic.track('wish', {i: i});",
    )
    page.wait_for_function("made > 4")
    assert collector.posts == []
    page.goto("about:blank")
    collector.wait_for_event("wish", 5)
    assert [message["properties"]["i"] for message in collector.named("wish")] == list(range(5))
    assert len(collector.named("page_view")) == 1
