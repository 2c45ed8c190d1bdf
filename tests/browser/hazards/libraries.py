"""Other scripts on the page that replace what the language and the browser give."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.collector import PageFile
from tests.browser.hazards.hazard import BUY, Shop, hazard, script

PROTOTYPES = {"1.6": "prototype-1.6.0.3.js", "1.7": "prototype-1.7.3.js"}
REQUIREJS = "requirejs-2.3.8.js"
ZONE = "zone-0.16.3.js"

ADD_SCRIPT = """
src => new Promise((done, failed) => {
  const script = document.createElement('script');
  Object.assign(script, {src, onload: () => done(), onerror: failed});
  document.head.append(script);
})
"""


def _check_prototype(version: str) -> None:
    file = PROTOTYPES[version]

    @hazard(f"Prototype.js {version} before the tag", "every value arrives as it was said")
    def before(shop: Shop) -> None:
        page = shop.open(f"<script src={shop.library(file)}></script>", calls=BUY)
        assert page.evaluate("Prototype.Version").startswith(version)
        assert page.evaluate("Array.from === $A"), "it has replaced what the browser had"
        shop.expect_bought(page)
        page.evaluate("shopalytic.track('wish', {sizes: $A([1, 2]), more: $H({a: 1}).toObject()})")
        [wish] = shop.collector.wait_for_event("wish", page=page)
        assert wish["properties"] == {"sizes": [1, 2], "more": {"a": 1}}
        assert "toJSON" not in str(shop.collector.messages)

    @hazard(f"Prototype.js {version} while the tag runs", "every value arrives as it was said")
    def after(shop: Shop) -> None:
        page = shop.open()
        shop.collector.wait_for_event("page_view", page=page)
        page.evaluate(ADD_SCRIPT, shop.library(file))
        assert page.evaluate("Array.from === $A")
        shop.buy(page)


for each_version in PROTOTYPES:
    _check_prototype(each_version)


@hazard("RequireJS before the tag", "the tag defines no module; RequireJS goes on")
def requirejs_before(shop: Shop) -> None:
    watch = "requirejs.onError = function (e) { window.failed = String(e); };"
    page = shop.open(f"<script src={shop.library(REQUIREJS)}></script>{script(watch)}", calls=BUY)
    shop.expect_bought(page)
    _expect_modules_work(page)


@hazard("RequireJS while the tag runs", "the tag defines no module; RequireJS goes on")
def requirejs_after(shop: Shop) -> None:
    page = shop.open()
    shop.collector.wait_for_event("page_view", page=page)
    page.evaluate(ADD_SCRIPT, shop.library(REQUIREJS))
    shop.buy(page)
    _expect_modules_work(page)


@hazard("The tag loaded through RequireJS, beside a module without a name", "no mismatched define()")
def through_requirejs(shop: Shop) -> None:
    shop.collector.pages["/lib/unnamed.js"] = PageFile(
        "define([], function () { return 'unnamed'; });", content_type="text/javascript"
    )
    tag = shop.collector.url("/shopalytic.v1.js")
    page = shop.visit(
        f"<!doctype html><title>Shop</title><script src={shop.library(REQUIREJS)}></script>"
        + script(
            f"require(['{tag}', '/lib/unnamed.js'], function (tag, unnamed) {{"
            f" window.loaded = unnamed; shopalytic.init('tok_shop'); {BUY} }});"
        )
    )
    shop.expect_bought(page)
    assert page.evaluate("loaded") == "unnamed"


def _expect_modules_work(page: Page) -> None:
    assert page.evaluate("define.amd && typeof define.amd") == "object"
    page.evaluate("define('own', [], function () { return 7; })")
    assert page.evaluate("new Promise(done => require(['own'], done))") == 7
    assert page.evaluate("window.failed") is None


@hazard("Zone.js, which wraps timers, promises, events and requests for Angular", "the tag runs in its zone")
def zone_before(shop: Shop) -> None:
    page = shop.open(f"<script src={shop.library(ZONE)}></script>", calls=BUY)
    assert page.evaluate("XMLHttpRequest.prototype.send.name") != "send", (
        "it has wrapped what the browser had"
    )
    shop.expect_bought(page)
    page.evaluate("history.pushState(0, '', '/two')")
    shop.wait_for_views(2, page)


@hazard("define.amd, module and exports where the tag runs", "neither is used")
def amd_and_commonjs(shop: Shop) -> None:
    page = shop.open(
        script(
            "var used = 0; function define() { used++; } define.amd = {}; var module = {exports: {}}, exports = module.exports;"
        )
    )
    shop.buy(page)
    assert page.evaluate("[used, Object.keys(module.exports).length]") == [0, 0]


@hazard("Enumerable additions to Object.prototype and Array.prototype", "none of them is sent")
def polluted_prototypes(shop: Shop) -> None:
    page = shop.open(
        script(
            "Object.prototype.extra = function () { return 'extra'; }; Object.prototype.colour = 'red';"
            "Array.prototype.extra = function () {}; Array.prototype.first = 'first'; String.prototype.extra = 1;"
        ),
        calls=BUY,
    )
    shop.expect_bought(page)
    assert "extra" not in str(shop.collector.messages) and "colour" not in str(shop.collector.messages)


@hazard("toJSON on every prototype", "every value arrives as it was said")
def to_json(shop: Shop) -> None:
    page = shop.open(
        script(
            "[Object, Array, String, Number, Boolean, Date].forEach(function (type) {"
            " type.prototype.toJSON = function () { return '\"broken\"'; }; });"
        ),
        calls=BUY,
    )
    shop.expect_bought(page)
    assert "broken" not in str(shop.collector.messages)


@hazard(
    "JSON.stringify, Array.from and Object.keys replaced while the tag runs", "the tag keeps those it found"
)
def replaced_natives(shop: Shop) -> None:
    page = shop.open(
        script(
            "var kept = [JSON.stringify, Array.from, Object.keys, Object.assign], no = function () { throw Error('no'); };"
            "function put(to) { JSON.stringify = to[0]; Array.from = to[1]; Object.keys = to[2]; Object.assign = to[3]; }"
            f"function buy() {{ put([no, no, no, no]); {BUY} }}"
        ),
        body="<button id=buy onclick=buy()>Buy</button><button id=mend onclick=put(kept)>Mend</button>",
    )
    shop.collector.wait_for_event("page_view", page=page)
    # Playwright needs these functions for what it evaluates in the page, but not for a click.
    page.click("#buy")
    shop.expect_bought(page)
    page.click("#mend")


@hazard("Object.prototype, Array.prototype and Function.prototype frozen", "the tag runs")
def frozen_prototypes(shop: Shop) -> None:
    page = shop.open(
        script(
            "[Object, Array, Function, Promise, String].forEach(function (type) { Object.freeze(type.prototype); });"
        ),
        calls=BUY,
    )
    shop.expect_bought(page)


@hazard("history that cannot be changed", "the tag runs; views inside the page are not seen")
def frozen_history(shop: Shop) -> None:
    page = shop.open(script("Object.freeze(history);"), calls=BUY)
    shop.expect_bought(page)
    assert page.evaluate("history.pushState(7, '', '/a') === undefined && history.state") == 7


@hazard("A global error listener, as jQuery plugins and error trackers set", "it hears nothing")
def error_listeners(shop: Shop) -> None:
    page = shop.open(
        script(
            "var heard = []; window.onerror = function (m) { heard.push(m); };"
            "addEventListener('error', function (e) { heard.push(e.message || e.target.src); }, true);"
            "addEventListener('unhandledrejection', function (e) { heard.push(String(e.reason)); });"
            "window.fetch = function () { return Promise.reject(Error('blocked')); };"
        ),
        options="{before_send: function (m) { if (m.event == 'bad') throw Error('hook'); return m; }}",
        calls="shopalytic.track('bad'); shopalytic.ready(function () { throw Error('ready'); });"
        "shopalytic.track('fine', {}, {callback: function () { throw Error('callback'); }});" + BUY,
    )
    shop.expect_bought(page)
    assert len(shop.collector.named("fine")) >= 1 and not shop.collector.named("bad")
    assert page.evaluate("heard") == []


@hazard("A console that throws", "nothing crosses")
def throwing_console(shop: Shop) -> None:
    page = shop.open(
        script("console.log = function () { throw Error('console'); };"), options="{debug: true}", calls=BUY
    )
    shop.expect_bought(page)


@hazard("A browser without fetch, sendBeacon and requestIdleCallback", "sent all the same")
def old_browser(shop: Shop) -> None:
    page = shop.open(
        script(
            "window.fetch = window.requestIdleCallback = undefined;"
            "Object.defineProperty(navigator, 'sendBeacon', {value: undefined});"
        ),
        calls=BUY,
    )
    shop.expect_bought(page)
    assert shop.collector.posts[0].headers["Content-Type"].startswith("text/plain")
    page.goto("about:blank")


@hazard("No crypto, as in old web views", "ids all the same, marked as weak")
def no_crypto(shop: Shop) -> None:
    page = shop.open(script("Object.defineProperty(window, 'crypto', {value: undefined});"), calls=BUY)
    shop.expect_bought(page)
    assert {message["message_id"][14] for message in shop.collector.messages} == {"8"}


@hazard("Calls and values that make no sense", "nothing crosses, and what follows arrives")
def nonsense(shop: Shop) -> None:
    page = shop.open()
    shop.collector.wait_for_event("page_view", page=page)
    page.evaluate(
        "shopalytic.track(); shopalytic.track(null, 5, 'x'); shopalytic.track({}); shopalytic.alias();"
        "shopalytic.getTrackingId(); shopalytic.ready(5); shopalytic.setFlushMode(); shopalytic.setDefaultProperties(7);"
        "shopalytic.identify({toString: function () { throw 1; }, id: Symbol('x')});"
        "var bad = {}; Object.defineProperty(bad, 'x', {enumerable: true, get: function () { throw Error('getter'); }});"
        "shopalytic.track('thrower', bad); shopalytic._q.push('nonsense'); shopalytic._q.push(null);"
        "shopalytic._q.push(['no_such_method', 1]); shopalytic.track('end')"
    )
    shop.collector.wait_for_event("end", page=page)
    assert not shop.collector.named("thrower")


@hazard("An event that holds the whole page", "cut, and the page does not hang")
def endless_graph(shop: Shop) -> None:
    page = shop.open(
        calls="var a = []; for (var i = 0; i < 9; i++) a.push(a);"
        "shopalytic.track('odd', {a: a, w: window, body: document.documentElement}); shopalytic.track('end');"
    )
    shop.collector.wait_for_event("end", page=page)
