"""A real Chromium, and a real HTTP server that records what it is sent.

Nothing here knows the tag: any test that needs a browser may use `browser`, `new_page` and `collector`.
Every page fails its test on a page error, an unhandled rejection, or an OPTIONS request to the collector.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import CHROMIUM_ARGS, PageFactory, find_chromium
from tests.browser.collector import Collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its module: as long as Playwright runs, no other test of this thread can run an event loop."""
    path = find_chromium()
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no Chromium: install one, or set SHOPALYTIC_CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=CHROMIUM_ARGS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


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
