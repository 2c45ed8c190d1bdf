"""The debugger in a real Chromium: messages come by themselves, pause, and fit a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.conftest import Shop
from tests.web.test_debugger import CART_ADD, arrive, parts, sandbox_id, valkey_url
from tests.web.test_in_a_browser import FAINT_TEXT, PHONE, Visit, visit

__all__ = ["parts", "sandbox_id", "valkey_url", "visit"]

MAY_ASK = """document.querySelector("#poll").dispatchEvent(
    new CustomEvent("htmx:beforeRequest", {bubbles: true, cancelable: true}))"""
"""Whether the page would let its poll go, as htmx asks it before each."""

pytestmark = pytest.mark.browser


def test_a_message_appears_without_a_reload_and_opens_by_keyboard(visit: Visit, shop: Shop) -> None:
    page = visit.page
    page.goto(f"{visit.url}/debugger")
    expect(page.get_by_text("Waiting for the next message")).to_be_visible()
    arrive(shop, CART_ADD)
    row = page.locator("details.event")
    expect(row).to_contain_text("cart_add", timeout=10_000)
    expect(page.get_by_text("Waiting for the next message")).to_have_count(0)
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("The message as sent")).to_contain_text('"price": "cheap"')
    expect(page.get_by_label("The event as understood")).to_contain_text('"session_id"')
    arrive(shop, {"event": "next"})
    expect(row).to_have_count(2, timeout=10_000)
    expect(page.locator("details.event[open]")).to_contain_text("cart_add")


def test_a_paused_page_waits_and_then_shows_what_it_missed(visit: Visit, shop: Shop) -> None:
    page = visit.page
    page.goto(f"{visit.url}/debugger")
    assert page.evaluate(MAY_ASK) is True
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused")).to_be_visible()
    arrive(shop, CART_ADD)
    assert page.evaluate(MAY_ASK) is False
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("details.event")).to_contain_text("cart_add", timeout=10_000)


def test_a_page_that_is_over_says_so_and_asks_no_more(visit: Visit, shop: Shop) -> None:
    page = visit.page
    page.route(
        "**/debugger/new?*", lambda route: route.continue_(url=f"{route.request.url.split('ends=')[0]}ends=1")
    )
    page.goto(f"{visit.url}/debugger")
    expect(page.get_by_text("Not watching any more")).to_be_visible(timeout=10_000)
    expect(page.locator("#poll[hx-get]")).to_have_count(0)
    page.get_by_role("link", name="Watch again").click()
    expect(page.get_by_text("Messages appear as they arrive")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_debugger_and_sandbox_fit_a_phone_and_can_be_read(
    visit: Visit, shop: Shop, sandbox_id: int, scheme: str
) -> None:
    page = visit.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for base, project_id in ((visit.url, shop.project_id), (f"{visit.url}-sandbox", sandbox_id)):
        page.goto(f"{base}/debugger")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate(FAINT_TEXT) == [], f"empty in {scheme}"
        arrive(
            shop, CART_ADD | {"event": "e" * 150, "user_id": "x" * 200}, {"timestamp": "yesterday" * 20},
            {"message_id": "m1"}, {"message_id": "m1"}, {"event": "cart_add", "properties": {"p" * 90: "v" * 300}},
            project_id=project_id,
        )  # fmt: skip
        page.reload()
        page.evaluate("document.querySelectorAll('details.event').forEach(it => { it.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate(FAINT_TEXT) == [], f"{base} in {scheme}"


def test_a_sandbox_is_emptied_only_after_a_question(visit: Visit, shop: Shop, sandbox_id: int) -> None:
    page = visit.page
    page.goto(f"{visit.url}-sandbox/live")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Empty the sandbox").click()
    expect(page).to_have_url(f"{visit.url}-sandbox/live")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Empty the sandbox").click()
    expect(page.get_by_text("The sandbox is empty")).to_be_visible()


def test_who_reads_an_older_message_keeps_his_place_when_new_ones_come(visit: Visit, shop: Shop) -> None:
    page = visit.page
    shop.parts.stream.feed.watch(shop.project_id)
    arrive(shop, *({"event": f"message{number}", "message_id": f"m{number}"} for number in range(60)))
    page.goto(f"{visit.url}/debugger")
    read = page.locator("details.event", has_text="message20")
    read.scroll_into_view_if_needed()
    read.locator("summary").click()
    top = read.evaluate("it => it.getBoundingClientRect().top")
    arrive(shop, {"event": "new", "message_id": "new"})
    expect(page.locator("details.event")).to_have_count(61, timeout=10_000)
    assert read.evaluate("it => it.getBoundingClientRect().top") == pytest.approx(top, abs=1)
