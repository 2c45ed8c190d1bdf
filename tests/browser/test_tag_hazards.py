"""Pages that break tags: nothing may cross over into the page, and as little as possible be lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"

# What Prototype.js 1.6 and 1.7 do to a page: toJSON that gives text, own Array methods, functions found by for-in.
PROTOTYPE_LIKE = """
Array.prototype.toJSON = function () { return '[' + this.join(', ') + ']'; };
String.prototype.toJSON = function () { return '"' + this + '"'; };
Object.prototype.toJSON = function () { return 'object'; };
Date.prototype.toJSON = function () { return '"date"'; };
Array.from = function () { return ['replaced']; };
Array.prototype.each = function (f) { for (var i = 0; i < this.length; i++) f(this[i], i); };
Array.prototype.reduce = function () { return 'replaced'; };
Array.prototype.find = function () { return 'replaced'; };
Array.prototype.map = function (f) { var r = []; this.each(function (v, i) { r.push(f(v, i)); }); return r; };
Array.prototype.filter = function (f) { var r = []; this.each(function (v, i) { if (f(v, i)) r.push(v); }); return r; };
Object.keys = function (o) { var r = []; for (var k in o) r.push(k); return r; };
Function.prototype.bind = function (o) { var f = this; return function () { return f.apply(o, arguments); }; };
"""


def visit(collector: Collector, page: Page, before: str = "", calls: str = "", options: str = "") -> None:
    html = shop_page(collector, options, calls).replace("<head>", f"<head><script>{before}</script>")
    collector.add_page("/", html)
    page.goto(collector.url("/", HOST))


def test_prototype_js_on_the_page_changes_nothing_on_the_wire(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(
        collector,
        page,
        PROTOTYPE_LIKE,
        "shopalytic.track('order', {order_id: '1', line_items: [{sku: 'a', price: '9.99', qty: 1}], at: new Date(5000)});"
        "shopalytic.identify({registered: 'jon'}, {tags: ['a', 'b']});",
    )
    [identify] = collector.wait_for_event("identify", page=page)
    [order] = collector.named("order")
    assert order["properties"] == {
        "order_id": "1", "line_items": [{"sku": "a", "price": "9.99", "qty": 1}], "at": 5,
    }  # fmt: skip
    assert identify["user_id"] == {"registered": "jon"}
    assert identify["properties"] == {"tags": ["a", "b"]}
    assert "toJSON" not in str(collector.messages)


def test_a_patched_fetch_that_throws_loses_nothing(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "window.fetch = function () { throw Error('patched'); };")
    collector.wait_for_event("page_view", page=page)
    page.evaluate("shopalytic.track('wish')")
    collector.wait_for_event("wish", page=page)
    assert len(collector.messages) == 4, "each was sent once"


@pytest.mark.parametrize(
    "patched", ["return Promise.reject(Error('blocked'))", "return undefined", "return {then: 1}"]
)
def test_a_patched_fetch_that_gives_nonsense_loses_nothing(
    collector: Collector, new_page: PageFactory, patched: str
) -> None:
    page = new_page()
    visit(collector, page, f"window.fetch = function () {{ {patched}; }};")
    collector.wait_for_event("page_view", page=page)


def test_a_browser_without_fetch_sends_all_the_same(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "delete window.fetch; window.fetch = undefined; window.requestIdleCallback = undefined;",
    )
    collector.wait_for_event("page_view", page=page)
    assert collector.posts[0].headers["Content-Type"].startswith("text/plain")


def test_a_sandboxed_frame_whose_storage_and_cookies_throw_still_counts(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/frame", shop_page(collector, calls="shopalytic.track('wish');"))
    collector.add_page("/", "<!doctype html><iframe sandbox='allow-scripts' src=/frame></iframe>")
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("wish", page=page)
    frame = page.frames[1]
    assert frame.evaluate("(() => { try { localStorage } catch (e) { return e.name } })()") == "SecurityError"
    assert {message["tracking_id"] for message in collector.messages} == {
        collector.messages[0]["tracking_id"]
    }


def test_a_full_storage_and_refused_cookies_keep_events_in_memory(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "Storage.prototype.setItem = function () { throw new DOMException('full', 'QuotaExceededError'); };"
        "Object.defineProperty(document, 'cookie', {get: () => '', set: () => {}});",
        "shopalytic.track('wish');",
    )
    collector.wait_for_event("wish", page=page)
    assert len({message["tracking_id"] for message in collector.messages}) == 1
    assert len(collector.named("session_start")) == len(collector.named("installation")) == 1


def test_calls_that_make_no_sense_are_quiet(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page)
    collector.wait_for_event("page_view", page=page)
    page.evaluate(
        "shopalytic.track(); shopalytic.track(null, 5, 'x'); shopalytic.track({}); shopalytic.alias();"
        "shopalytic.getTrackingId(); shopalytic.ready(5); shopalytic.setFlushMode(); shopalytic.setDefaultProperties(7);"
        "shopalytic.identify({toString: function () { throw 1; }, id: Symbol('x')});"
        "var bad = {}; Object.defineProperty(bad, 'x', {enumerable: true, get: function () { throw Error('getter'); }});"
        "shopalytic.track('thrower', bad); shopalytic._q.push('nonsense'); shopalytic._q.push(null);"
        "shopalytic._q.push(['no_such_method', 1]); shopalytic.track('end')"
    )
    collector.wait_for_event("end", page=page)
    assert not collector.named("thrower")


def test_a_weak_random_source_still_gives_ids_and_marks_them(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "Object.defineProperty(window, 'crypto', {value: undefined});")
    [view] = collector.wait_for_event("page_view", page=page)
    assert view["tracking_id"][14] == "8", "version 8: made without a random source"


def test_a_console_that_throws_is_survived(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "console.log = function () { throw Error('console'); };", options="{debug: true}")
    page.evaluate("shopalytic.track('end')")


def test_an_event_with_a_huge_graph_does_not_hang_the_page(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(
        collector,
        page,
        calls="var a = []; for (var i = 0; i < 9; i++) a.push(a); shopalytic.track('odd', {a: a, w: window});"
        "shopalytic.track('end');",
    )
    collector.wait_for_event("end", page=page)


def test_no_unload_listener_is_set(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(
        collector,
        page,
        "var heard = []; var add = EventTarget.prototype.addEventListener;"
        "EventTarget.prototype.addEventListener = function (t) { heard.push(t); return add.apply(this, arguments); };",
    )
    collector.wait_for_event("page_view", page=page)
    assert not {"unload", "beforeunload"} & set(page.evaluate("heard"))
