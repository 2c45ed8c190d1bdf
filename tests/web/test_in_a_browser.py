"""The dashboard in a real Chromium: what only a browser shows."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import make_server

from shopalytic.accounts.models import User
from shopalytic.accounts.plans import save_plan
from shopalytic.accounts.sign_in_links import make_link_text
from shopalytic.events.plan import EventRule, Plan, PropertyRule
from tests.browser.chromium import CHROMIUM_ARGS, find_chromium
from tests.factories import make_order
from tests.web.conftest import EMAILS, Shop
from tests.web.test_pages import _mine
from tests.web.test_quarantine import set_aside

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
PLAN_PATHS = [
    "/plan",
    "/plan/event?name=search",
    "/plan/event?name=order",
    "/plan/properties",
    "/plan/learn",
    "/plan/versions",
]
PATHS = ["/", "/live", "/customers", "/settings", *PLAN_PATHS]


@dataclass
class Visit:
    """A browser in which the owner has signed in. problems: what the page complained of."""

    context: BrowserContext
    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on(
            "console", lambda it: self.problems.append(it.text) if it.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))


@contextmanager
def serving(shop: Shop) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, shop.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def visit(shop: Shop) -> Iterator[Visit]:
    """The owner comes in by a one-time link, as the first time."""
    chromium = find_chromium()
    if chromium is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no Chromium: install one, or set SHOPALYTIC_CHROMIUM to its path")
    with shop.parts.sessions() as db:
        owner = db.query(User).filter_by(email=EMAILS["owner"]).one()
        link = f"/sign-in/link/{make_link_text('a key of tests', owner)}"
    with serving(shop) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
        visit = Visit(context, context.new_page(), url + shop.base)
        visit.watch()
        visit.page.goto(url + link)
        visit.page.fill("#password", "four small words")
        visit.page.click("button.primary")
        visit.page.wait_for_url(f"**{shop.base}/")
        yield visit
        context.close()
        browser.close()
    assert visit.problems == []


def stored_now(shop: Shop, title: str) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.000"
    shop.happened(shop.event(title=title, received_at=now, stored_at=now))


def test_the_first_event_takes_the_place_of_the_snippet_without_a_reload(visit: Visit, shop: Shop) -> None:
    page = visit.page
    page.goto(f"{visit.url}/live")
    expect(page.get_by_text("Waiting for the first event")).to_be_visible()
    stored_now(shop, "The very first page")
    expect(page.get_by_text("The very first page").first).to_be_visible(timeout=10_000)
    expect(page.get_by_text("Waiting for the first event")).to_have_count(0)


def test_new_events_come_on_top_once_and_open_ones_stay_open(visit: Visit, shop: Shop) -> None:
    page = visit.page
    stored_now(shop, "Old page")
    page.goto(f"{visit.url}/live")
    page.locator("details.event summary").first.click()
    stored_now(shop, "New page")
    expect(page.locator("details.event").first).to_contain_text("New page", timeout=10_000)
    with page.expect_response("**/live/new?*"):
        pass  # the polls overlap: what comes again must not be shown again
    expect(page.locator("details.event")).to_have_count(2)
    expect(page.locator("details.event[open]")).to_contain_text("Old page")


def test_searching_shows_who_is_found_while_typing(visit: Visit, shop: Shop) -> None:
    shop.identified("tid-anna", "42", first_name="Anna", last_name="Keller")
    page = visit.page
    page.goto(f"{visit.url}/customers")
    page.locator("#q").press_sequentially("anna k")
    expect(page.locator(".cards-title a > :last-child")).to_have_text(["Anna Keller"])
    expect(page).to_have_url(f"{visit.url}/customers?q=anna%20k")


def test_the_snippet_is_copied_by_its_button(visit: Visit) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.page
    page.goto(f"{visit.url}/settings")
    page.get_by_role("button", name="Copy snippet").click()
    expect(page.get_by_role("button", name="Copy snippet")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("<script>")
    assert copied.endswith("</script>")


def test_a_key_is_revoked_only_after_a_question(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/settings")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("All tokens are revoked")).to_have_count(0)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("All tokens are revoked")).to_be_visible()


def test_a_hook_key_is_made_copied_and_revoked_after_a_question(visit: Visit) -> None:
    page = visit.page
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{visit.url}/settings")
    page.fill("#new-secret", "the platform's own")
    page.get_by_role("button", name="New hook key").click()
    expect(page.locator("#made-secret")).to_have_text("the platform's own")
    page.click("[aria-label='Copy address for shopify']")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(visit.url.partition("/projects")[0] + "/hooks/shopify/sha_hok_")
    revoke = page.locator("#hooks form[action$=revoke] button")
    page.once("dialog", lambda dialog: dialog.dismiss())
    revoke.click()
    expect(page.locator("#hooks .key-text")).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept())
    revoke.click()
    expect(page.locator("#hooks")).to_contain_text("No hook key is in force")
    assert visit.problems == []


def test_the_pages_can_be_used_by_keyboard_alone(visit: Visit, shop: Shop) -> None:
    stored_now(shop, "Some page")
    page = visit.page
    page.goto(f"{visit.url}/live")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(4):  # past the two pages' links and the filter, to the first event
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("details.event").first).to_have_attribute("open", "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_can_be_read(visit: Visit, shop: Shop, scheme: str) -> None:
    """Nothing is wider than the screen, and text stands out from its ground by 4.5 to 1 (WCAG AA)."""
    who = shop.identified(
        "tid-anna", "x" * 200, first_name="Wanda", last_name="Kowalczyk" * 9, email=f"{'e' * 90}@b.example"
    )
    shop.happened(
        shop.event(title="W" * 120, properties={"p" * 80: "v" * 300}),
        make_order(order_id="1", **_mine(shop)),
        shop.event(event="cart_add", violations=[f"missing:{'q' * 80}"], path="/" + "w" * 120),
    )
    rules = {"q" * 90: PropertyRule("text", True, ("v" * 200,), description="d" * 200)}
    with shop.parts.sessions.begin() as db:
        event = EventRule("d" * 200, "refuse", properties=rules)
        save_plan(db, shop.project_id, Plan("tell", {"search": event, "e" * 200: event}), saved_by="a" * 200)
    shop.happened(shop.event(event="u" * 200, properties={"p" * 90: "v" * 300}))
    set_aside(shop.parts.store, shop.project_id, detail="d" * 200, message=f'{{"event":"{"e" * 200}"}}')
    page = visit.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for path in [*PATHS, f"/customers/{who}"]:
        page.goto(visit.url + path)
        page.evaluate(
            "document.querySelectorAll('details.event, details.version').forEach(it => { it.open = true; })"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert page.evaluate(FAINT_TEXT) == [], f"{path} in {scheme}"
    page.evaluate(
        "document.querySelector('h1').style.color = getComputedStyle(document.body).backgroundColor"
    )
    assert len(page.evaluate(FAINT_TEXT)) == 1, "what is too faint would be found"


FAINT_TEXT = """
() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(it => it.nodeType === 3 && it.data.trim());
    if (!own || element.closest('svg') || !element.checkVisibility()) continue;
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    if ((one + .05) / (other + .05) < 4.5) faint.add(`${element.tagName}.${element.className}: ${element.textContent.trim().slice(0, 30)}`);
  }
  return [...faint];
}
"""
