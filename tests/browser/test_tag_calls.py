"""What a call on a page puts on the wire."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Answer, Collector
from tests.browser.shop_pages import TOKEN, shop_page

pytestmark = pytest.mark.browser

UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
QUIET = "{automatic_page_views:false,automatic_session_tracking:false}"


def open_shop(collector: Collector, page: Page, options: str = "", calls: str = "", path: str = "/") -> None:
    collector.add_page(path, shop_page(collector, options, calls))
    page.goto(collector.url(path, "www.shop.test"))


def test_a_first_visit_sends_session_installation_and_page_view_in_one_request(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    open_shop(collector, page)
    collector.wait_for_event("page_view", page=page)
    [post] = collector.posts
    assert post.path == "/batch"
    assert post.body["token"] == TOKEN
    assert [message["event"] for message in post.body["events"]] == [
        "session_start",
        "installation",
        "page_view",
    ]


def test_a_message_has_the_documented_shape(collector: Collector, new_page: PageFactory) -> None:
    page = new_page(locale="en-GB", timezone_id="Europe/Prague", viewport={"width": 800, "height": 600})
    open_shop(collector, page, QUIET, "shopalytic.track('wish');")
    collector.wait_for_event("wish", page=page)
    page.evaluate("shopalytic.track('wish', {sku: 'a', price: '9.99', n: 1.5, on: true})")
    wish = collector.wait_for_event("wish", 2, page)[1]
    post = collector.posts[1]
    assert post.path == "/track"
    assert post.headers["Content-Type"].startswith("text/plain")
    assert "Cookie" not in post.headers
    assert set(wish) == {
        "token", "sent_at", "type", "event", "message_id", "tracking_id", "timestamp", "properties", "context",
        "source", "library",
    }  # fmt: skip
    assert wish["type"] == "track"
    assert wish["source"] == "web"
    assert wish["library"] == "tag/1.0.0"
    assert UUID_V7.fullmatch(wish["message_id"])
    assert UUID_V7.fullmatch(wish["tracking_id"])
    assert wish["properties"] == {"sku": "a", "price": "9.99", "n": 1.5, "on": True}
    assert 0 <= wish["sent_at"] - wish["timestamp"] < 60_000
    assert wish["context"] == {
        "url": collector.url("/", "www.shop.test"),
        "referrer": "",
        "title": "Shop",
        "screen": "800x600",
        "language": "en-GB",
        "time_zone": "Europe/Prague",
        "gpc": False,
    }


def test_a_date_becomes_utc_seconds_wherever_it_stands(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    open_shop(
        collector,
        page,
        QUIET,
        "shopalytic.track('wish', {at: new Date(1326954933500), deep: [{at: new Date(0)}], bad: new Date('x')});",
    )
    [wish] = collector.wait_for_event("wish", page=page)
    assert wish["properties"] == {"at": 1326954933, "deep": [{"at": 0}], "bad": None}


def test_values_that_json_does_not_hold_harm_nothing(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    open_shop(
        collector,
        page,
        QUIET,
        "var loop = {a: 1}; loop.self = loop;"
        "shopalytic.track('wish', {nan: NaN, big: BigInt(12), none: undefined, call: function () {}, list: [undefined, 1],"
        " text: 'a\\u2028\\ud800\\u0000', loop: loop, page: document});",
    )
    [wish] = collector.wait_for_event("wish", page=page)
    properties = wish["properties"]
    assert properties["nan"] is None
    assert properties["big"] == "12"
    assert properties["list"] == [None, 1]
    assert properties["loop"]["a"] == 1
    assert "none" not in properties
    assert "call" not in properties


def test_what_the_same_moment_tracks_goes_in_one_request_in_order(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    open_shop(collector, page, QUIET, "for (var i = 0; i < 5; i++) shopalytic.track('wish', {i: i});")
    collector.wait_for_event("wish", 5, page)
    [post] = collector.posts
    ids = [message["message_id"] for message in post.body["events"]]
    assert post.body["events"][0]["event"] == "installation"
    assert [message["properties"]["i"] for message in post.body["events"][1:]] == [0, 1, 2, 3, 4]
    assert ids == sorted(ids)
    assert "token" not in post.body["events"][0]


def test_a_callback_hears_the_result_of_its_own_event(collector: Collector, new_page: PageFactory) -> None:
    refused = {"status": "rejected", "error": "no name", "at": "events[2].event"}
    accepted = {"status": "accepted"}
    collector.answers = [Answer(body={"accepted": 2, "results": [accepted, accepted, refused]})]
    page = new_page()
    open_shop(
        collector,
        page,
        QUIET,
        "var heard = {};"
        "shopalytic.track('a', {}, {callback: function (r) { heard.a = r; throw Error('the shop\\'s own'); }});"
        "shopalytic.track('b', {}, {callback: function (r) { heard.b = r; }});",
    )
    page.wait_for_function("heard.a && heard.b")
    assert page.evaluate("heard") == {"a": accepted, "b": refused}


def test_an_event_may_carry_its_own_time(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    open_shop(collector, page, QUIET, "shopalytic.track('wish', {}, {timestamp: 1326954933});")
    [wish] = collector.wait_for_event("wish", page=page)
    assert wish["timestamp"] == 1326954933


def test_default_properties_are_on_every_event_and_an_events_own_value_wins(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    open_shop(
        collector,
        page,
        "{automatic_session_tracking:false,default_properties:{shop: 'north', lang: 'en'}}",
        "shopalytic.track('a', {lang: 'cs'}); shopalytic.setDefaultProperties({shop: 'south'});",
    )
    [view] = collector.wait_for_event("page_view", page=page)
    [a] = collector.wait_for_event("a", page=page)
    assert view["properties"]["shop"] == "south", (
        "defaults are set before the calls that waited are carried out"
    )
    assert a["properties"] == {"shop": "south", "lang": "cs"}


def test_before_send_changes_and_drops_events(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    open_shop(
        collector,
        page,
        "{automatic_page_views:false,automatic_session_tracking:false,before_send: function (m) {"
        " if (m.event == 'broken') throw Error('hook'); if (m.event == 'secret') return null;"
        " m.properties.seen = 1; return m; }}",
        "shopalytic.track('broken'); shopalytic.track('secret'); shopalytic.track('wish');",
    )
    [wish] = collector.wait_for_event("wish", page=page)
    assert wish["properties"] == {"seen": 1}
    assert [message["event"] for message in collector.named("wish")] == ["wish"]
    assert not collector.named("secret") + collector.named("broken")


def test_payment_and_page_are_events_of_their_own_names(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    open_shop(
        collector, page, QUIET, "shopalytic.payment({total: '5'}); shopalytic.page({page_type: 'cart'});"
    )
    [payment] = collector.wait_for_event("payment", page=page)
    [view] = collector.wait_for_event("page_view", page=page)
    assert payment["properties"] == {"total": "5"}
    assert view["properties"] == {
        "url": collector.url("/", "www.shop.test"), "referrer": "", "page_type": "cart",
    }  # fmt: skip


def test_secrets_in_addresses_are_not_sent(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/?q=shirt&reset_token=abc&Email=jon%40example.com#key=1&x=2", "www.shop.test"))
    [view] = collector.wait_for_event("page_view", page=page)
    clean = collector.url("/?q=shirt&reset_token=-&Email=-#key=-&x=2", "www.shop.test")
    assert view["context"]["url"] == clean
    assert view["properties"]["url"] == clean


def test_get_tracking_id_gives_the_id_that_the_messages_carry(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    open_shop(collector, page, "", "shopalytic.getTrackingId(function (id) { window.told = id; });")
    [view] = collector.wait_for_event("page_view", page=page)
    assert page.evaluate("told") == view["tracking_id"]


def test_ready_is_called_once_the_tag_is_there_also_afterwards(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    open_shop(
        collector, page, "", "shopalytic.ready(function (tag) { window.first = tag === window.shopalytic; });"
    )
    page.wait_for_function("window.first")
    page.evaluate("shopalytic.ready(function () { window.second = 1; })")
    page.wait_for_function("window.second")


def test_source_and_sandbox_travel_with_the_messages(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    open_shop(
        collector, page,
        "{automatic_page_views:false,automatic_session_tracking:false,source:'iphone',sandbox:true}",
        "shopalytic.track('a');",
    )  # fmt: skip
    [a] = collector.wait_for_event("a", page=page)
    assert a["source"] == "iphone"
    assert collector.posts[0].body["sandbox"] is True


def test_debug_prints_what_is_queued_sent_and_answered_and_nothing_is_printed_without_it(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    open_shop(collector, page)
    collector.wait_for_event("page_view", page=page)
    assert [line for line in lines if "favicon" not in line and "404" not in line] == []
    open_shop(collector, page, "{debug:true}")
    collector.wait_for_event("page_view", 2, page)
    collector.wait_for(lambda: any("answered" in line for line in lines), page)
    told = [line.split()[1] for line in lines if line.startswith("shopalytic")]
    assert told == ["queued", "sent", "answered"]


@pytest.mark.parametrize("token", ["", "undefined-token"])
def test_without_a_good_token_the_console_says_so_once_and_sending_stops(
    collector: Collector, new_page: PageFactory, token: str
) -> None:
    collector.answers = [Answer(401, {"error": "unknown token"})]
    page = new_page()
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    collector.add_page("/", shop_page(collector).replace(TOKEN, token))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for(lambda: "shopalytic: no valid project token" in lines, page)
    page.evaluate("shopalytic.track('order', {order_id: '1'})")
    page.evaluate("shopalytic.flush()")
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    assert len(collector.posts) == (1 if token else 0)
    assert lines.count("shopalytic: no valid project token") == 1


def test_disabled_sends_nothing_and_keeps_the_cookie(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    open_shop(
        collector, page, "{disabled:true}",
        "shopalytic.track('order', {order_id: '1'}); shopalytic.identify('jon');"
        "shopalytic.getTrackingId(function (id) { window.told = id; });",
    )  # fmt: skip
    page.wait_for_function("window.told")
    assert page.evaluate("told") in page.evaluate("document.cookie")
    page.goto("about:blank")
    open_shop(collector, page, QUIET, "shopalytic.identify('jon')")
    [identify] = collector.wait_for_event("identify", page=page)
    assert identify["user_id"] == "jon", "what was said while disabled has to be said again"
    assert not collector.named("order")


def test_a_request_of_letters_beyond_ascii_stays_under_16_kilobytes(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    calls = (
        "for (var i = 0; i < 12; i++) shopalytic.track('big', {i: i, text: '\\u30b7\\u30e7'.repeat(700)});"
    )
    open_shop(collector, page, QUIET, calls)
    collector.wait_for_event("big", 12, page)
    assert max(int(post.headers["Content-Length"]) for post in collector.posts) < 16_384
    assert [message["properties"]["i"] for message in collector.named("big")] == list(range(12))
