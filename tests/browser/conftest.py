"""A real Chromium (or `TEST_BROWSER=firefox`), and a real HTTP server that records what it is sent.

Nothing here knows the tag: any test that needs a browser may use `browser`, `new_page` and `collector`.
Every page fails its test on a page error, an unhandled rejection, or an OPTIONS request to the collector.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import PageFactory, running_browser
from tests.browser.collector import Collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its module: as long as Playwright runs, no other test of this thread can run an event loop."""
    with running_browser(os.environ.get("TEST_BROWSER", "chromium")) as browser:
        yield browser


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.stop()
    assert not [request.path for request in collector.requests if request.method == "OPTIONS"], (
        "a preflight was sent"
    )


@pytest.fixture
def new_page(browser: Browser) -> Iterator[PageFactory]:
    factory = PageFactory(browser)
    yield factory
    factory.close()
    assert factory.errors == []
