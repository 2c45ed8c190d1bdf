"""Cookies and storage that are full, refused, or broken."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.chromium import PageFactory, launch_firefox
from tests.browser.hazards.hazard import BUY, STORED, Shop, hazard, script

# Down to the last byte: a store that takes a short value would still hold an event.
FILL = """
(() => {
  for (let size = 1 << 22; size >= 1; size >>= 1)
    for (let i = 0; ; i++)
      try { localStorage.setItem('full' + size + '.' + i, 'x'.repeat(size)); } catch (e) { break; }
})();
"""


@hazard("localStorage full to the last byte", "events go from memory; the cookie keeps the visitor")
def full_storage(shop: Shop) -> None:
    page = shop.visit("<!doctype html>", path="/fill")
    page.evaluate(FILL)
    assert page.evaluate("(() => { try { localStorage.x = 'yyyy' } catch (e) { return e.name } })()") == (
        "QuotaExceededError"
    )
    shop.open(page=page, calls=BUY)
    shop.expect_bought(page)
    assert page.evaluate(STORED) == 0
    shop.open(page=page)
    shop.wait_for_views(2, page)
    shop.expect_one_visit(page_views=2)


@hazard("Cookies refused by the browser", "events arrive; Chromium's copy in localStorage keeps the visitor")
def refused_cookies(shop: Shop) -> None:
    if shop.browser == "firefox":
        # It refuses them for a whole browser only, and its storage together with them.
        browser = launch_firefox(shop.new_page.browser.browser_type, {"network.cookie.cookieBehavior": 2})
        pages = PageFactory(browser, shop.new_page.errors)
        own = Shop(shop.collector, pages, shop.browser, shop.printed)
        _expect_bought_without_cookies(own, own.open(calls=BUY))
        pages.close()
        browser.close()
        return
    page = shop.page()
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setDocumentCookieDisabled", {"disabled": True})
    _expect_bought_without_cookies(shop, shop.open(page=page, calls=BUY))
    shop.open(page=page)
    shop.wait_for_views(2, page)
    shop.expect_one_visit(page_views=2)


def _expect_bought_without_cookies(shop: Shop, page: Page) -> None:
    shop.expect_bought(page)
    assert page.evaluate("[navigator.cookieEnabled, document.cookie]") == [False, ""]


@hazard("document.cookie that throws", "the copy in localStorage keeps the visitor")
def throwing_cookies(shop: Shop) -> None:
    throw = (
        "function no() { throw new DOMException('no', 'SecurityError'); }"
        "Object.defineProperty(document, 'cookie', {get: no, set: no});"
    )
    page = shop.open(script(throw), calls=BUY)
    shop.expect_bought(page)
    shop.open(script(throw), page=page)
    shop.wait_for_views(2, page)
    shop.expect_one_visit(page_views=2)


@hazard("localStorage that is null, as in some web views", "the cookie keeps the visitor")
def null_storage(shop: Shop) -> None:
    gone = script("Object.defineProperty(window, 'localStorage', {value: null});")
    page = shop.open(gone, calls=BUY)
    shop.expect_bought(page)
    shop.open(gone, page=page)
    shop.wait_for_views(2, page)
    shop.expect_one_visit(page_views=2)


@hazard("No cookies and no storage at all", "events go from memory, under one id a page")
def nothing_kept(shop: Shop) -> None:
    page = shop.open(
        script(
            "function no() { throw new DOMException('no', 'SecurityError'); }"
            "Object.defineProperty(window, 'localStorage', {get: no});"
            "Object.defineProperty(document, 'cookie', {get: no, set: no});"
        ),
        calls=BUY,
    )
    shop.expect_bought(page)


@hazard("Strangers' keys in localStorage, and damaged ones of ours", "left alone, and cleared")
def damaged_storage(shop: Shop) -> None:
    page = shop.open(
        script(
            "localStorage['_sha.q.nonsense'] = 'nonsense'; localStorage['_sha.q.0000'] = '{}'; localStorage['_sha'] = '1.2';"
            "localStorage['_sha.p'] = '{'; localStorage['mine'] = 'kept';"
            "document.cookie = '_sha=broken; path=/'; document.cookie = 'x'; document.cookie = '_sha_other=1';"
        ),
        calls=BUY,
    )
    shop.expect_bought(page)
    page.wait_for_function(f"{STORED} == 0")
    assert page.evaluate("localStorage.mine") == "kept"


@hazard("A key in localStorage that hides its own getItem", "events arrive; the cookie keeps the visitor")
def hidden_get_item(shop: Shop) -> None:
    page = shop.open(script("localStorage['getItem'] = 'g'; localStorage['_sha.q.1'] = 'x';"), calls=BUY)
    shop.expect_bought(page)
    shop.open(page=page)
    shop.wait_for_views(2, page)
    shop.expect_one_visit(page_views=2)
