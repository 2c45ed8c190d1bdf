"""Pages that break tags: nothing may cross over into the page, and as little as possible be lost.

Each hazard in each browser. `new_page` and `collector` add to every one: no page error, no unhandled
rejection, no preflight.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import PageFactory, running_browser
from tests.browser.collector import Collector
from tests.browser.hazards.hazard import Hazard, Shop
from tests.browser.hazards.list import HAZARDS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    with running_browser(request.param) as browser:
        yield browser


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: f"{hazard.name}: {hazard.result}")
def test_hazard(hazard: Hazard, browser: Browser, collector: Collector, new_page: PageFactory) -> None:
    shop = Shop(collector, new_page, browser.browser_type.name)
    hazard.check(shop)
    shop.expect_quiet()


def test_the_watch_notices_an_error_a_rejection_and_a_preflight(browser: Browser) -> None:
    collector = Collector()
    try:
        factory = PageFactory(browser)
        collector.add_page(
            "/",
            "<!doctype html><script>setTimeout(function () { throw Error('thrown'); });"
            "Promise.reject(Error('rejected'));"
            f"fetch('{collector.url('/x')}', {{method: 'POST', headers: {{'X-Own': '1'}}}});</script>",
        )
        page = factory()
        page.goto(collector.url("/", "www.shop.test"))
        collector.wait_for(lambda: [it for it in collector.requests if it.method == "OPTIONS"], page)
        collector.wait_for(lambda: len(factory.errors) >= 2, page)
        factory.close()
        assert "thrown" in str(factory.errors) and "rejected" in str(factory.errors)
    finally:
        collector.stop()
