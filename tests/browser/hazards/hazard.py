"""The list of pages that break tags, and the shop in which each is tried.

A hazard is a function of a `Shop`, with a name and what is shown of it. The list is the test's, and the
documentation's: `docs/tag-tested.md` has a row for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector, PageFile
from tests.browser.shop_pages import shop_page

VENDORED = Path(__file__).parent / "vendored"
HOST = "www.shop.test"
LEASE_SECONDS = 31
"""So long after its last attempt a message is taken over by other pages."""
STORED = "Object.keys(localStorage).filter(key => key.startsWith('_sha.q.')).length"

# A nested object, a date, a letter beyond ASCII: what a broken JSON writer does not survive.
BUY = """
shopalytic.track('order', {order_id: '1', line_items: [{sku: 'ä"b', price: '9.99', qty: 1}], at: new Date(5000)});
shopalytic.identify({registered: 'jon'}, {tags: ['a', 'b']});
"""
BOUGHT = {"order_id": "1", "line_items": [{"sku": 'ä"b', "price": "9.99", "qty": 1}], "at": 5}


@dataclass
class Shop:
    """A made-up shop whose pages carry the tag. browser: `chromium` or `firefox`."""

    collector: Collector
    new_page: PageFactory
    browser: str
    printed: list[str] = field(default_factory=list)

    def open(
        self,
        head: str = "",
        *,
        calls: str = "",
        options: str = "",
        body: str = "",
        page: Page | None = None,
        path: str = "/",
        host: str = HOST,
        **headers: str,
    ) -> Page:
        """Visit a page. head: markup before the snippet; calls: script right after it; body: markup."""
        html = shop_page(self.collector, options, calls, extra=body)
        return self.visit(html.replace("<head>", "<head>" + head), page, path=path, host=host, **headers)

    def visit(
        self, html: str, page: Page | None = None, *, path: str = "/", host: str = HOST, **headers: str
    ) -> Page:
        self.collector.add_page(path, html, **headers)
        page = page or self.page()
        page.goto(self.collector.url(path, host))
        return page

    def page(self) -> Page:
        page = self.new_page()
        page.on("console", lambda message: self.printed.append(message.text))
        return page

    def library(self, name: str) -> str:
        """The address of a vendored script."""
        text = (VENDORED / name).read_text()
        self.collector.pages[f"/lib/{name}"] = PageFile(text, content_type="text/javascript")
        return f"/lib/{name}"

    def buy(self, page: Page) -> None:
        """The visitor buys and signs in, and all of it arrives as it was said, once."""
        page.evaluate(BUY)
        self.expect_bought(page)

    def expect_bought(self, page: Page, page_views: int = 1) -> None:
        self.collector.wait_for_event("identify", page=page)
        self.collector.wait_for_event("order", page=page)
        self.wait_for_views(page_views, page)
        unique = self.unique().values()
        [identify] = [message for message in unique if message["type"] == "identify"]
        [order] = [message for message in unique if message.get("event") == "order"]
        assert order["properties"] == BOUGHT
        assert identify["user_id"] == {"registered": "jon"}
        assert identify["properties"] == {"tags": ["a", "b"]}
        self.expect_one_visit(page_views)

    def wait_for_views(self, count: int, page: Page) -> None:
        """Different ones: a page that is left sends again what has not been answered."""
        self.collector.wait_for(
            lambda: sum(it.get("event") == "page_view" for it in self.unique().values()) >= count, page
        )

    def move_clock(self, page: Page, seconds: float) -> None:
        """From now on the pages of this browser live that much later, or earlier."""
        page.clock.set_system_time(datetime.now(UTC) + timedelta(seconds=seconds))

    def expect_one_visit(self, page_views: int = 1) -> None:
        """One visitor, one session, and no message made twice; one that was sent twice is the same one."""
        unique = self.unique()
        assert len({message["tracking_id"] for message in unique.values()}) == 1
        names = [message.get("event") for message in unique.values()]
        assert names.count("session_start") == names.count("installation") == 1
        assert names.count("page_view") == page_views

    def unique(self) -> dict[str, dict[str, Any]]:
        """Messages by their id, as the collector keeps them: the first of each."""
        found: dict[str, dict[str, Any]] = {}
        for message in self.collector.messages:
            found.setdefault(message["message_id"], message)
        return found

    def expect_quiet(self) -> None:
        """Without `debug` the tag prints nothing."""
        assert not [text for text in self.printed if text.startswith("shopalytic")]


@dataclass(frozen=True)
class Hazard:
    name: str
    result: str
    check: Callable[[Shop], None]


HAZARDS: list[Hazard] = []


def hazard(name: str, result: str) -> Callable[[Callable[[Shop], None]], Callable[[Shop], None]]:
    """Put a check on the list."""

    def listed(check: Callable[[Shop], None]) -> Callable[[Shop], None]:
        HAZARDS.append(Hazard(name, result, check))
        return check

    return listed


def script(text: str) -> str:
    return f"<script>{text}</script>"
