"""Networks that fail, scripts that patch what goes over them, and pages that are left."""

from __future__ import annotations

from tests.browser.collector import Answer
from tests.browser.hazards.hazard import BUY, LEASE_SECONDS, STORED, Shop, hazard, script

PATCHES = {
    "throws at once": "throw Error('patched')",
    "rejects": "return Promise.reject(Error('blocked'))",
    "gives nothing": "return undefined",
    "gives something that is no promise": "return {then: 1}",
    "gives an answer without a body": "return Promise.resolve({})",
    "gives neither an answer nor an error": "return new Promise(function () {})",
}

for what, code in PATCHES.items():

    @hazard(f"A fetch that {what}", "each event arrives once: the tag does without it")
    def patched_fetch(shop: Shop, code: str = code) -> None:
        page = shop.open(script(f"window.fetch = function () {{ {code}; }};"), calls=BUY)
        shop.expect_bought(page)
        page.evaluate("shopalytic.track('wish')")
        shop.collector.wait_for_event("wish", page=page)
        assert len(shop.collector.messages) == len(shop.unique()) == 6


@hazard("A fetch that a shop script replaces while the tag runs", "the tag does without it")
def replaced_fetch(shop: Shop) -> None:
    page = shop.open()
    shop.collector.wait_for_event("page_view", page=page)
    page.evaluate("window.fetch = function () { throw Error('replaced'); }; 0")
    shop.buy(page)
    assert len(shop.collector.messages) == 5


BROKEN_REQUESTS = {
    "throws when it is sent": "XMLHttpRequest.prototype.send = function () { throw Error('patched'); };",
    "throws when it is opened": "XMLHttpRequest.prototype.open = function () { throw Error('patched'); };",
    "is not there": "window.XMLHttpRequest = undefined;",
    "is swallowed: neither an answer nor an error": "XMLHttpRequest.prototype.send = function () {};",
}

for what, code in BROKEN_REQUESTS.items():

    @hazard(f"An XMLHttpRequest that {what}", "events wait; a beacon takes them when the page is left")
    def broken_request(shop: Shop, code: str = code) -> None:
        page = shop.open(script(code), calls=BUY)
        page.wait_for_function(f"{STORED} == 5")
        assert shop.collector.posts == []
        page.goto("about:blank")
        shop.expect_bought(page)


@hazard("fetch, XMLHttpRequest and sendBeacon all throw", "nothing crosses; a later page sends what waited")
def nothing_goes_out(shop: Shop) -> None:
    page = shop.open(
        script(
            "window.fetch = function () { throw Error('fetch'); };"
            "XMLHttpRequest.prototype.send = function () { throw Error('xhr'); };"
            "navigator.sendBeacon = function () { throw Error('beacon'); };"
        ),
        calls=BUY,
    )
    page.wait_for_function(f"{STORED} == 5")
    page.goto("about:blank")
    assert shop.collector.posts == []
    shop.move_clock(page, LEASE_SECONDS)
    shop.open(page=page)
    shop.expect_bought(page, page_views=2)


@hazard("Offline and back", "what was done offline arrives at once, in its order")
def offline_and_back(shop: Shop) -> None:
    page = shop.open()
    shop.collector.wait_for_event("page_view", page=page)
    page.context.set_offline(True)
    page.evaluate("for (let i = 0; i < 5; i++) shopalytic.track('wish', {i: i})")
    page.evaluate(BUY)
    page.wait_for_function(f"{STORED} == 7")
    page.context.set_offline(False)
    shop.expect_bought(page)
    assert [message["properties"]["i"] for message in shop.collector.named("wish")] == list(range(5))
    assert len(shop.collector.messages) == len(shop.unique())


@hazard("Offline, the page closed, and back on another page", "what waited arrives")
def closed_offline(shop: Shop) -> None:
    page = shop.open()
    context = page.context
    shop.collector.wait_for_event("page_view", page=page)
    page.wait_for_function(f"{STORED} == 0")
    context.set_offline(True)
    page.evaluate(BUY)
    page.wait_for_function(f"{STORED} == 2")
    page.close()
    context.set_offline(False)
    page = context.new_page()
    shop.move_clock(page, LEASE_SECONDS)
    shop.open(page=page)
    shop.expect_bought(page, page_views=2)


@hazard("An exhausted beacon quota", "the browser refuses some; a later page sends them")
def exhausted_quota(shop: Shop) -> None:
    page = shop.open(
        script(
            "var refused = 0, real = navigator.sendBeacon.bind(navigator);"
            "navigator.sendBeacon = function (url, body) { var taken = real(url, body);"
            " if (!taken) localStorage.refused = ++refused; return taken; };"
        ),
        options="{flush_mode: 'page_close'}",
    )
    page.wait_for_function(f"{STORED} == 3")
    # The shop's own requests, still on their way when the page is left, use up what the browser gives a page.
    shop.collector.answers = [Answer(delay_seconds=1) for _ in range(4)]
    page.evaluate(
        "for (let i = 0; i < 4; i++) fetch('/own', {method: 'POST', body: 'x'.repeat(15000), keepalive: true});"
        "for (let i = 0; i < 12; i++) shopalytic.track('wish', {i: i, text: 'y'.repeat(4000)})"
    )
    shop.visit("<!doctype html>two", page, path="/two")
    if shop.browser == "chromium":
        page.wait_for_function("localStorage.refused > 0")
    page.wait_for_function("new Promise(done => setTimeout(() => done(true), 50))")
    shop.move_clock(page, LEASE_SECONDS)
    shop.open(page=page)
    shop.collector.wait_for(lambda: len(_wishes(shop)) == 12, page)
    assert sorted(message["properties"]["i"] for message in _wishes(shop)) == list(range(12))
    shop.collector.wait_for(lambda: page.evaluate(STORED) == 0, page)


def _wishes(shop: Shop) -> list[dict[str, dict[str, int]]]:
    return [message for message in shop.unique().values() if message.get("event") == "wish"]


@hazard("Two tabs at once", "one visitor, one session, nothing overwritten")
def two_tabs(shop: Shop) -> None:
    knows_visitor = "new Promise(done => shopalytic.getTrackingId(done))"
    page = shop.open(options="{flush_mode: 'manual'}")
    # Two tabs in which a visit begins within the same milliseconds read no cookie of each other.
    page.wait_for_function(knows_visitor)
    other = page.context.new_page()
    shop.open(page=other, options="{flush_mode: 'manual'}")
    other.wait_for_function(knows_visitor)
    for i in range(20):
        page.evaluate("i => shopalytic.track('one', {i: i})", i)
        other.evaluate("i => shopalytic.track('two', {i: i})", i)
    for tab in (page, other):
        tab.evaluate("shopalytic.flush()")
    for name in ("one", "two"):
        messages = shop.collector.wait_for_event(name, 20, page)
        assert [message["properties"]["i"] for message in messages] == list(range(20))
    assert len(shop.unique()) == len(shop.collector.messages)
    shop.expect_one_visit(page_views=2)
    shop.collector.wait_for(lambda: page.evaluate(STORED) == 0, page)


@hazard("Back from the back-forward cache", "the page is cached, counts again, and goes on sending")
def back_forward_cache(shop: Shop) -> None:
    page = shop.open(calls="addEventListener('pageshow', e => window.persisted = e.persisted);")
    shop.collector.wait_for_event("page_view", page=page)
    page.wait_for_function(f"{STORED} == 0")
    shop.visit("<!doctype html>two", page, path="/two")
    page.evaluate("history.back()")
    shop.wait_for_views(2, page)
    page.wait_for_function("window.persisted !== undefined")
    assert page.evaluate("persisted") is True, "the tag must not switch the cache off"
    page.evaluate(BUY)
    shop.expect_bought(page, page_views=2)
    assert len(shop.unique()) == len(shop.collector.messages)


@hazard("A page left before the tag had an idle moment", "its calls arrive")
def left_early(shop: Shop) -> None:
    page = shop.open(script("window.requestIdleCallback = function () { return 0; };"), calls=BUY)
    page.wait_for_function("!!shopalytic._install")
    page.goto("about:blank")
    shop.expect_bought(page)


DAY = 86400
for days in (1, -1):

    @hazard(
        f"A clock moved by a day, {'forward' if days > 0 else 'back'}",
        "a new session; every event once, in its order",
    )
    def moved_clock(shop: Shop, days: int = days) -> None:
        page = shop.open()
        shop.collector.wait_for_event("page_view", page=page)
        page.evaluate("shopalytic.track('wish', {i: 0}); shopalytic.track('wish', {i: 1})")
        shop.collector.wait_for_event("wish", 2, page)
        shop.move_clock(page, days * DAY)
        page.evaluate("shopalytic.track('wish', {i: 2}); shopalytic.track('wish', {i: 3})")
        wishes = shop.collector.wait_for_event("wish", 4, page)
        assert [message["properties"]["i"] for message in wishes] == [0, 1, 2, 3]
        ids = [message["message_id"] for message in wishes]
        assert ids == sorted(set(ids)), "ids ascend even where the clock steps back"
        assert len(shop.collector.named("session_start")) == 2
        assert len(shop.collector.named("installation")) == 1
        assert len({message["tracking_id"] for message in shop.collector.messages}) == 1

    @hazard(
        f"A clock moved by a day, {'forward' if days > 0 else 'back'}, while events wait",
        "they are neither stuck nor thrown away",
    )
    def moved_while_waiting(shop: Shop, days: int = days) -> None:
        shop.collector.answers = [Answer(503)]
        page = shop.open(calls=BUY)
        page.wait_for_function(f"{STORED} == 5")
        shop.collector.wait_for(lambda: shop.collector.posts, page)
        page.goto("about:blank")
        shop.move_clock(page, days * DAY)
        shop.open(page=page)
        ids = {message["message_id"] for message in shop.collector.messages}
        shop.collector.wait_for(lambda: len(shop.collector.named("order")) >= 2, page)
        shop.collector.wait_for(lambda: page.evaluate(STORED) == 0, page)
        assert ids <= set(shop.unique())
