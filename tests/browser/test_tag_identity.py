"""Who the tag says the visitor is: cookie, its copy, identify, alias, anonymize."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Answer, Collector
from tests.browser.shop_pages import settle, shop_page

pytestmark = pytest.mark.browser

QUIET = "{automatic_page_views:false,automatic_session_tracking:false}"


def visit(
    collector: Collector, page: Page, calls: str = "", options: str = "", host: str = "www.shop.test"
) -> None:
    collector.add_page("/", shop_page(collector, options, calls))
    page.goto(collector.url("/", host))
    settle(page)


def cookies(page: Page, name: str = "_sha") -> list[dict[str, Any]]:
    return [dict(cookie) for cookie in page.context.cookies() if cookie["name"] == name]


@pytest.mark.parametrize(
    ("host", "options", "domain"),
    [
        ("www.shop.test", "", ".shop.test"),
        ("a.b.shop.test", "", ".shop.test"),
        ("www.shop.co.uk", "", ".shop.co.uk"),
        ("shop.co.uk", "", ".shop.co.uk"),
        ("www.shop.test", "{cross_subdomain_cookie:false}", "www.shop.test"),
        ("localhost", "", "localhost"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_the_cookie_stands_on_the_widest_domain_that_the_browser_accepts(
    collector: Collector, new_page: PageFactory, host: str, options: str, domain: str
) -> None:
    page = new_page()
    visit(collector, page, options=options, host=host)
    [cookie] = cookies(page)
    assert cookie["domain"] == domain
    assert (cookie["path"], cookie["sameSite"], cookie["secure"]) == ("/", "Lax", False)
    assert [c["name"] for c in page.context.cookies()] == ["_sha"], "the probe cookie is gone"


def test_the_cookie_is_secure_and_lasts_395_days_and_is_under_250_bytes(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "shopalytic.identify('jon.' + 'x'.repeat(94));")
    [cookie] = cookies(page)
    assert len(cookie["name"]) + 1 + len(cookie["value"]) < 250
    now = page.evaluate("Date.now()") / 1000
    assert 394 * 86400 < cookie["expires"] - now <= 395 * 86400 + 1
    fields = cookie["value"].split(".")
    assert len(fields) == 8
    assert fields[0] == "1"
    assert fields[1] == collector.wait_for_event("identify", page=page)[0]["tracking_id"]
    assert int(fields[2]) <= int(fields[4]) <= int(fields[5])
    assert fields[7] == "jon%2E" + "x" * 94


def test_a_long_id_stands_in_the_cookie_as_a_digest_and_is_still_told_once(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    long_id = "jon@" + "x" * 300
    visit(collector, page, f"shopalytic.identify('{long_id}');", QUIET)
    collector.wait_for_event("identify", page=page)
    visit(collector, page, f"shopalytic.identify('{long_id}'); shopalytic.track('end');", QUIET)
    collector.wait_for_event("end", page=page)
    assert len(cookies(page)[0]["value"]) < 245
    assert [message["user_id"] for message in collector.named("identify")] == [long_id]


def test_the_visitor_keeps_the_id_across_pages_and_subdomains(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, host="www.shop.test")
    visit(collector, page, host="checkout.shop.test")
    collector.wait_for_event("page_view", 2, page)
    assert len({message["tracking_id"] for message in collector.messages}) == 1
    assert len({message["session_id"] for message in collector.messages}) == 1
    assert len(collector.named("installation")) == len(collector.named("session_start")) == 1


def test_the_copy_in_local_storage_brings_a_lost_cookie_back(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page)
    collector.wait_for_event("page_view", page=page)
    page.goto("about:blank")
    page.context.clear_cookies()
    visit(collector, page)
    collector.wait_for_event("page_view", 2, page)
    assert len({message["tracking_id"] for message in collector.messages}) == 1


def test_the_cookie_wins_over_the_copy(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page)
    page.evaluate("localStorage._sha = localStorage._sha.replace(/^1\\.[^.]+/, '1.other-id')")
    [cookie] = cookies(page)
    visit(collector, page)
    [first, second] = collector.wait_for_event("page_view", 2, page)
    assert first["tracking_id"] == second["tracking_id"] == cookie["value"].split(".")[1]


def test_a_damaged_cookie_makes_a_new_visitor(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    context = page.context
    context.add_cookies([{"name": "_sha", "value": "1.%%%.x", "domain": ".shop.test", "path": "/"}])
    visit(collector, page)
    collector.wait_for_event("page_view", page=page)
    [cookie] = cookies(page)
    assert re.fullmatch(r"1\.[0-9a-f-]{36}\.\d{13}\.[0-9a-f-]{36}\.\d{13}\.\d{13}\.\d+\.", cookie["value"])


def test_the_cookies_name_can_be_changed(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, options="{cookie_name: 'visit'}")
    assert len(cookies(page, "visit")) == 1
    assert cookies(page) == []


def test_identify_is_sent_once_however_often_it_is_called(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    calls = "shopalytic.identify('jon', {name: 'Jon', age: 5}); shopalytic.identify('jon');"
    visit(collector, page, calls, QUIET)
    visit(collector, page, calls + "shopalytic.identify('jon', {age: 5}); shopalytic.track('end');", QUIET)
    collector.wait_for_event("end", page=page)
    [identify] = collector.named("identify")
    assert identify["user_id"] == "jon"
    assert identify["properties"] == {"name": "Jon", "age": 5}
    assert "user_id" not in collector.named("end")[0]


def test_identify_alone_goes_to_its_own_door(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page)
    collector.wait_for_event("page_view", page=page)
    page.evaluate("shopalytic.identify('jon')")
    collector.wait_for_event("identify", page=page)
    page.evaluate("shopalytic.alias({card: '77'})")
    collector.wait_for_event("alias", page=page)
    assert [post.path for post in collector.posts] == ["/batch", "/identify", "/alias"]
    assert collector.posts[1].body["type"] == "identify"
    assert collector.posts[2].body["user_id"] == {"card": "77"}


def test_a_new_or_changed_property_is_told(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, "shopalytic.identify('jon', {name: 'Jon'});", QUIET)
    visit(collector, page, "shopalytic.identify('jon', {name: 'John'}); shopalytic.track('end');", QUIET)
    collector.wait_for_event("end", page=page)
    assert [message["properties"]["name"] for message in collector.named("identify")] == ["Jon", "John"]


def test_another_customer_on_the_same_browser_is_told_with_all_properties(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    calls = "shopalytic.identify('jon', {lang: 'en'}); shopalytic.identify('eva', {lang: 'en'});"
    visit(collector, page, calls + "shopalytic.identify('jon'); shopalytic.track('end');", QUIET)
    collector.wait_for_event("end", page=page)
    told = [(message["user_id"], message["properties"]) for message in collector.named("identify")]
    assert told == [("jon", {"lang": "en"}), ("eva", {"lang": "en"}), ("jon", {})]


def test_typed_ids_and_numbers_are_ids_and_nothing_is_none(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    calls = (
        "shopalytic.identify({registered: 'jon', card: '7'}); shopalytic.identify({registered: 'jon', card: '7'});"
        "shopalytic.identify(42); shopalytic.identify(); shopalytic.identify(null); shopalytic.identify('');"
    )
    visit(collector, page, calls + "shopalytic.track('end');", QUIET)
    collector.wait_for_event("end", page=page)
    assert [message["user_id"] for message in collector.named("identify")] == [
        {"registered": "jon", "card": "7"},
        "42",
    ]


def test_the_option_user_id_identifies_at_once(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    visit(collector, page, options="{user_id: 'jon'}")
    [identify] = collector.wait_for_event("identify", page=page)
    assert identify["user_id"] == "jon"


def test_properties_of_a_customer_are_not_left_in_the_browsers_storage(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "shopalytic.identify('7', {name: 'Eleanor'});", QUIET)
    collector.wait_for_event("identify", page=page)
    collector.wait_for(lambda: page.evaluate("!Object.keys(localStorage).some(k => k.startsWith('_sha.q.'))"))
    assert "Eleanor" not in page.evaluate("JSON.stringify(Object.entries(localStorage))")


def test_anonymize_ends_the_session_and_starts_a_new_visitor(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page, "shopalytic.identify('jon', {name: 'Jon'});")
    collector.wait_for_event("identify", page=page)
    page.evaluate("shopalytic.track('last'); shopalytic.anonymize(); shopalytic.track('first')")
    collector.wait_for_event("first", page=page)
    settle(page)
    visit(collector, page, "shopalytic.identify('jon', {name: 'Jon'});")
    collector.wait_for_event("identify", 2, page)
    [last], [end], [first] = (collector.named(name) for name in ("last", "session_end", "first"))
    assert last["tracking_id"] == end["tracking_id"] != first["tracking_id"]
    assert last["session_id"] == end["session_id"] != first["session_id"]
    assert collector.named("identify")[1]["tracking_id"] == first["tracking_id"]
    assert len(collector.named("installation")) == 2


def test_two_visitors_are_two_ids(collector: Collector, new_page: PageFactory) -> None:
    for _ in range(2):
        page = new_page(new_page.new_context())
        visit(collector, page)
    collector.wait_for_event("page_view", 2, page)
    assert len({message["tracking_id"] for message in collector.messages}) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        Answer(400, {"error": {"code": "rejected", "message": "…", "at": "user_id"}}),
        # Of a first visit's installation and this.
        Answer(body={"accepted": 1, "results": [{"status": "accepted"}, {"status": "rejected"}]}),
    ],
)
def test_a_refused_identify_is_said_again_on_the_next_page(
    collector: Collector, new_page: PageFactory, refusal: Answer
) -> None:
    page = new_page()
    collector.answers = [refusal]
    visit(collector, page, "shopalytic.identify('jon', {name: 'Jon'});", QUIET)
    calls = "shopalytic.identify('jon', {name: 'Jon'}); shopalytic.track('end');"
    for count in (2, 2):
        visit(collector, page, calls, QUIET)
        assert len(collector.named("identify")) == count
    assert collector.named("identify")[1]["properties"] == {"name": "Jon"}


def test_an_identify_that_the_queue_had_no_room_for_is_said_again(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    options = "{automatic_page_views:false,automatic_session_tracking:false,max_queue:3}"
    collector.answers = [Answer(503)]
    visit_calls = "shopalytic.identify('jon'); for (var i = 0; i < 3; i++) shopalytic.track('wish');"
    collector.add_page("/", shop_page(collector, options, visit_calls))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for(lambda: collector.posts, page)
    assert not collector.named("identify")
    collector.add_page("/", shop_page(collector, options, "shopalytic.identify('jon');"))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("identify", page=page)
