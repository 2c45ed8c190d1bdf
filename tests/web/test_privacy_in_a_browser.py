"""Properties, stops and retention in a real Chromium: what only a browser shows."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.factories import make_order
from tests.web.conftest import Shop
from tests.web.test_in_a_browser import DESKTOP, PHONE, Visit, visit
from tests.web.test_properties import jon

__all__ = ["jon", "visit"]
pytestmark = pytest.mark.browser


@pytest.mark.usefixtures("shop")
def test_a_property_opens_by_keyboard_to_the_values_that_it_had(visit: Visit, jon: object) -> None:
    visit.page.goto(f"{visit.url}/customers/{jon}")
    row = visit.page.locator(".trait", has_text="city")
    row.locator("summary").focus()
    visit.page.keyboard.press("Enter")
    expect(row.locator(".held li")).to_have_count(2)
    expect(row.locator(".held li").first).to_contain_text("Ulm")
    # Closed and opened again it asks for nothing more.
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Enter")
    expect(row.locator(".held li")).to_have_count(2)
    assert visit.problems == []


def test_the_pages_fit_a_phone_and_a_desk(visit: Visit, shop: Shop, jon: object) -> None:
    shop.happened(make_order(order_id="17", project_id=shop.project_id, at="2020-03-04 12:00:00"))
    for size in (DESKTOP, PHONE):
        visit.page.set_viewport_size(size)  # type: ignore[arg-type]
        for path in (
            f"/customers/{jon}/stop",
            f"/customers/{jon}/property?name=city",
            "/erasures",
            "/settings",
        ):
            visit.page.goto(visit.url + path)
            assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, size)
        visit.page.fill("#retention_months", "12")
        visit.page.click("text=Save retention")
        expect(visit.page.locator("h1")).to_have_text("Keep events for 12 months")
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
    assert visit.problems == []
