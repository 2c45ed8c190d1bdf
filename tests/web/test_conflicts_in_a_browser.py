"""Refused links in a real Chromium: decided step by step, and readable on a phone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from shopalytic.identity.ids import origin_id
from tests.web.conftest import Shop
from tests.web.test_conflicts import refused, rows, say
from tests.web.test_in_a_browser import FAINT_TEXT, PHONE, Visit, visit

__all__ = ["refused", "visit"]

pytestmark = pytest.mark.browser


def test_two_customers_are_merged_step_by_step(visit: Visit, shop: Shop, refused: int) -> None:
    page = visit.page
    page.goto(f"{visit.url}/conflicts")
    menu = page.get_by_role("navigation", name="Pages")
    expect(menu.get_by_role("link", name="Conflicts")).to_contain_text("1")
    page.locator("details.event summary").click()
    page.get_by_role("link", name="Merge these customers…").click()
    expect(page.get_by_role("heading", name="Merge these customers")).to_be_visible()
    page.get_by_role("button", name="Merge these customers").click()
    expect(page.get_by_role("status")).to_contain_text("They are one customer now")
    expect(page.locator("details.event")).to_have_count(0)
    page.get_by_role("link", name="Open the customer").click()
    expect(page).to_have_url(f"{visit.url}/customers/{origin_id(shop.project_id, 'tracking_id', 'tid-ann')}")
    assert rows(shop) == []


def test_choosing_a_reason_narrows_the_list_at_once(visit: Visit, shop: Shop, refused: int) -> None:
    page = visit.page
    page.goto(f"{visit.url}/conflicts")
    page.locator("#reason").select_option("owned_by_another")
    page.wait_for_url("**reason=owned_by_another**")
    expect(page.locator("details.event")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_phone_and_can_be_read(visit: Visit, shop: Shop, refused: int, scheme: str) -> None:
    shop.identified("tid-long", "x" * 250, first_name="Wanda", last_name="Kowalczyk" * 9)
    say(shop, "alias", "tid-ben", "x" * 250, 20, url=f"https://shop.example/{'w' * 200}")
    nobody = {"_nobody_ids": '{"user_id":"[object Object]"}'}
    wrong = {"violations": ["forbidden_id:user_id"], "path": "/" + "w" * 120}
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.000"
    shop.happened(shop.event(properties=nobody, received_at=now, **wrong))
    page = visit.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    newest = rows(shop)[-1].id
    for path in ["", *(f"/{newest}/{action}" for action in ("leave", "merge", "never"))]:
        page.goto(f"{visit.url}/conflicts{path}")
        page.evaluate("document.querySelectorAll('details.event').forEach(it => { it.open = true; })")
        expect(page.get_by_text("[object Object]")).to_have_count(0 if path else 1)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"
