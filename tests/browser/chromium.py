"""Where Chromium is, how it is started, and pages that are watched for what they break."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

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

LATE_ERRORS = """
window.__rejections = [];
addEventListener('unhandledrejection', e => __rejections.push(String(e.reason)));
"""


def find_chromium() -> str | None:
    found = os.environ.get("SHOPALYTIC_CHROMIUM")
    return found or next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


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
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))

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
