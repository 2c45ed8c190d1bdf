"""A customer is put together and taken apart in a real Chromium."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.pipeline.overrides import send_overrides
from tests.web.conftest import Shop
from tests.web.test_identity_page import AT, bought, said
from tests.web.test_in_a_browser import DESKTOP, FAINT_TEXT, PHONE, Visit, visit

__all__ = ["visit"]
pytestmark = pytest.mark.browser


def test_a_customer_is_merged_undone_and_split_by_clicks(visit: Visit, shop: Shop) -> None:
    shop.happened(bought(shop, "tid-anna", "1", "10.00"), bought(shop, "tid-bert", "2", "2.50"))
    anna = said(shop, "identify", "tid-anna", "42")
    said(shop, "identify", "tid-bert", "43", minute=1)
    page = visit.page
    page.goto(f"{visit.url}/customers/{anna}/identity")
    page.get_by_role("link", name="Merge…").click()
    page.locator("#q").press_sequentially("43")
    page.get_by_role("link", name="43").click()
    expect(page.locator(".figures")).to_contain_text("£2.50")
    page.get_by_role("button", name="Merge them").click()
    expect(page.get_by_role("status")).to_contain_text("decided that these are one person")
    expect(page.locator(".picture.is-wide .edge-label").filter(has_text="merged by hand")).to_be_visible()
    page.get_by_role("link", name="Undo this").click()
    expect(page.locator(".decide-after li")).to_have_count(2)
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status")).to_contain_text("took back the merge")
    page.get_by_role("link", name="Split…").click()
    page.get_by_text("tid-anna").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".decide-after li").filter(has_text="Visitor d-anna")).to_contain_text(
        "keeps this page"
    )
    page.get_by_role("button", name="Split them off").click()
    expect(page.locator(".told .is-undone").first).to_contain_text("was undone")
    expect(page.locator(".picture.is-wide .edge.is-undone")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_an_identity_fit_a_phone_and_can_be_read(visit: Visit, shop: Shop, scheme: str) -> None:
    long = [Sighting("identify", f"{n:02}{'w' * 150}", {"user_id": "x" * 200}, AT + timedelta(hours=n), f"m-{n}",
                     cause="identify", url="https://shop.example/" + "p" * 300) for n in range(15)]  # fmt: skip
    with shop.parts.sessions.begin() as db:
        who = resolve(db, shop.project_id, long)[0].customer_id
    send_overrides(shop.parts.store, shop.parts.sessions)
    page = visit.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for path in ("/identity", "/identity/split", "/identity/merge?q=x", ""):
            page.goto(f"{visit.url}/customers/{who}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert page.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"
        page.goto(f"{visit.url}/customers/{who}/identity")
        shown, other = (".is-tall", ".is-wide") if size is PHONE else (".is-wide", ".is-tall")
        expect(page.locator(f".picture{shown}")).to_be_visible()
        expect(page.locator(f".picture{other}")).to_be_hidden()
        page.get_by_role("link", name="Undo the link of").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.evaluate(FAINT_TEXT) == []
    page.get_by_role("button", name="Undo the link").click()
    expect(page.get_by_role("status")).to_contain_text("undid the link between")
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for path in (f"/customers/{who}/identity", "/decisions"):
            page.goto(f"{visit.url}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert page.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"
