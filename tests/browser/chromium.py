"""Where the browsers are, how they are started, and pages that are watched for what they break."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Error, Page, sync_playwright

from tests.browser.collector import DEADLINE_SECONDS

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.co.uk 127.0.0.1, MAP *.example 127.0.0.1",
]

# Playwright's own Firefox takes other commands; Debian's is driven through WebDriver BiDi.
FIREFOX_CHANNEL = "moz-firefox"
FIREFOX_PREFERENCES = {
    "network.dns.forceResolve": "127.0.0.1",
    "browser.safebrowsing.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
}
FIREFOX_NOTICES = ("Content-Security-Policy", "Cross-Origin Request Blocked")

LATE_ERRORS = """
window.__rejections = [];
addEventListener('unhandledrejection', e => __rejections.push(String(e.reason)));
"""


def find_chromium() -> str | None:
    found = os.environ.get("SHOPALYTIC_CHROMIUM")
    return found or next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def find_firefox() -> str | None:
    """Only the extended support release: Playwright drives the others in builds of its own, which it downloads."""
    return os.environ.get("SHOPALYTIC_FIREFOX") or shutil.which("firefox-esr")


@contextmanager
def running_browser(name: str) -> Iterator[Browser]:
    """name: `chromium`, without which a test fails in continuous integration, or `firefox`."""
    path = find_chromium() if name == "chromium" else find_firefox()
    if path is None and name == "firefox":
        pytest.skip("no firefox-esr: install it, or set SHOPALYTIC_FIREFOX to its path")
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no Chromium: install one, or set SHOPALYTIC_CHROMIUM to its path")
    with sync_playwright() as playwright:
        if name == "chromium":
            browser = playwright.chromium.launch(
                executable_path=path,
                args=CHROMIUM_ARGS,
                ignore_default_args=["--disable-back-forward-cache"],
            )
        else:
            browser = launch_firefox(playwright.firefox, {})
        yield browser
        browser.close()


def launch_firefox(firefox: BrowserType, preferences: dict[str, str | float | bool]) -> Browser:
    """preferences: more of `about:config`, which holds for a whole browser."""
    return firefox.launch(
        executable_path=find_firefox(),
        channel=FIREFOX_CHANNEL,
        firefox_user_prefs=FIREFOX_PREFERENCES | preferences,
    )


def is_notice(error: Error) -> bool:
    """True for what Firefox itself says of a refused cookie or request, in the shape of a script's error."""
    return error.name in FIREFOX_NOTICES or error.message.startswith("Cookie “")


@dataclass
class PageFactory:
    """Makes pages that are watched: `new_page()` in one common context, `new_context()` for another visitor."""

    browser: Browser
    errors: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def new_context(self, **options: Any) -> BrowserContext:
        context = self.browser.new_context(**options)
        context.set_default_timeout(DEADLINE_SECONDS * 1000)
        context.add_init_script(LATE_ERRORS)
        context.on("page", self._watch)
        self.contexts.append(context)
        return context

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: is_notice(error) or self.errors.append(f"{page.url}: {error}"))

    def __call__(self, context: BrowserContext | None = None, **options: Any) -> Page:
        if context is None:
            if options or not self.contexts:
                self.new_context(**options)
            context = self.contexts[-1]
        return context.new_page()

    def close(self) -> None:
        for context in self.contexts:
            for page in context.pages:
                for frame in page.frames:
                    # A frame may be opaque, or on its way somewhere else.
                    try:
                        self.errors += frame.evaluate("window.__rejections || []")
                    except Exception as error:
                        if "Execution context was destroyed" not in str(error):
                            raise
            context.close()
