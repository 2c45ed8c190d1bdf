"""A collector on the shop's own host: it sets the cookie again, since Safari keeps a script's cookies 7 days."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Answer, Collector
from tests.browser.shop_pages import settle, shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"


def visit(collector: Collector, page: Page, options: str = "") -> None:
    collector.sets_cookie_again = True
    html = shop_page(collector, options).replace(collector.url(), collector.url("", HOST))
    collector.add_page("/", html)
    page.goto(collector.url("/", HOST))
    settle(page)


def cookies(page: Page) -> list[dict[str, Any]]:
    return [dict(cookie) for cookie in page.context.cookies()]


@pytest.mark.parametrize(
    ("options", "query", "domain"),
    [("", "?d=shop.test", ".shop.test"), ("{cross_subdomain_cookie: false}", "?d=", HOST)],
)
def test_the_request_carries_the_cookie_and_says_its_domain(
    collector: Collector, new_page: PageFactory, options: str, query: str, domain: str
) -> None:
    page = new_page()
    visit(collector, page, options)
    [post] = collector.posts
    assert post.path == "/batch" + query
    assert post.headers["Cookie"].startswith("_sha=1.")
    [cookie] = cookies(page)
    assert cookie["domain"] == domain


def test_a_sign_out_is_not_undone_by_an_answer_that_comes_later(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page)
    collector.answers = [Answer(delay_seconds=0.4)]
    page.evaluate("shopalytic.identify('jon')")
    collector.wait_for_event("identify", page=page)
    page.evaluate("shopalytic.anonymize()")
    settle(page)
    page.evaluate("shopalytic.track('after')")
    [after] = collector.wait_for_event("after", page=page)
    settle(page)
    assert after["tracking_id"] != collector.named("identify")[0]["tracking_id"]
    visit(collector, page)
    view = collector.wait_for_event("page_view", 2, page)[-1]
    assert view["tracking_id"] == after["tracking_id"]
    [cookie] = cookies(page)
    assert cookie["value"].split(".")[7] == ""


def test_a_no_is_not_undone_by_an_answer_that_comes_later(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    visit(collector, page)
    collector.answers = [Answer(delay_seconds=0.4)]
    page.evaluate("shopalytic.track('wish')")
    collector.wait_for_event("wish", page=page)
    page.evaluate("shopalytic.optOut()")
    page.wait_for_function(
        "performance.getEntriesByType('resource').filter(e => /track/.test(e.name)).length"
    )
    collector.wait_for(lambda: page.evaluate("document.cookie") == "_sha=0", page)
    visit(collector, page)
    assert len(collector.named("page_view")) == 1


def test_a_beacon_to_another_host_of_the_shop_harms_nothing(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector, f"{{api_host: '{collector.url('', 'in.shop.test')}'}}"))
    page.goto(collector.url("/", HOST))
    settle(page)
    [post] = collector.posts
    assert post.path == "/batch"
    assert "Cookie" not in post.headers, "a request to another host never carries cookies"
