"""Page views: each page that was seen, once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route

from tests.browser.chromium import PageFactory
from tests.browser.collector import Answer, Collector
from tests.browser.shop_pages import settle, shop_page

pytestmark = pytest.mark.browser

HOST = "www.shop.test"


def seen(collector: Collector) -> list[tuple[str, str, str]]:
    start = collector.url("", HOST)
    return [
        tuple(m["context"][name].removeprefix(start) for name in ("url", "referrer", "title"))
        for m in collector.named("page_view")
    ]


def test_navigations_inside_a_page_count_with_the_page_before_as_referrer(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    page.evaluate("history.pushState(0, '', '/a?x=1'); document.title = 'A'")
    collector.wait_for_event("page_view", 2, page)
    page.evaluate("history.replaceState(0, '', '/b'); document.title = 'B'")
    collector.wait_for_event("page_view", 3, page)
    page.evaluate("history.back()")
    collector.wait_for_event("page_view", 4, page)
    assert seen(collector) == [
        ("/", "", "Shop"),
        ("/a?x=1", "/", "A"),
        ("/b", "/a?x=1", "B"),
        ("/", "/b", "B"),
    ]


def test_a_navigation_that_settles_in_the_same_moment_counts_once(
    collector: Collector, new_page: PageFactory
) -> None:
    """Vue's router calls replaceState before every pushState."""
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    page.evaluate(
        "history.replaceState({scroll: 1}, '', location.href); history.pushState(0, '', '/loading');"
        "history.replaceState(0, '', '/a'); document.title = 'A'; shopalytic.track('wish')"
    )
    collector.wait_for_event("page_view", 2, page)
    assert seen(collector) == [("/", "", "Shop"), ("/a", "/", "A")]


@pytest.mark.parametrize(("kind", "count"), [("true", 1), ("'query'", 2), ("'fragment'", 3), ("false", 0)])
def test_what_makes_a_new_page_is_an_option(
    collector: Collector, new_page: PageFactory, kind: str, count: int
) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector, f"{{automatic_page_views: {kind}}}"))
    page.goto(collector.url("/", HOST))
    page.wait_for_function("new Promise(done => shopalytic.getTrackingId(done))")
    for address in ("/?page=2", "/?page=2#top", "/?page=2#top"):
        page.evaluate("address => history.pushState(0, '', address)", address)
        page.evaluate("new Promise(done => setTimeout(done, 20))")
    page.evaluate("shopalytic.track('end')")
    collector.wait_for_event("end", page=page)
    assert len(collector.named("page_view")) == count


def test_the_pages_own_call_completes_the_automatic_view_until_the_page_has_loaded(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    late = "<script>shopalytic.track('page_view', {page_type: 'home', referrer: 'app'})</script>"
    collector.add_page("/", shop_page(collector, extra=late))
    page.goto(collector.url("/", HOST))
    page.evaluate("shopalytic.track('end')")
    collector.wait_for_event("end", page=page)
    [view] = collector.named("page_view")
    assert view["properties"] == {
        "url": collector.url("/", HOST), "referrer": "app", "page_type": "home",
    }  # fmt: skip


def test_the_pages_own_call_completes_the_automatic_view_until_the_load_event_is_over(
    collector: Collector, new_page: PageFactory
) -> None:
    """As a tag manager makes it, with a picture that is still on its way and the tag long since started."""
    page = new_page()
    picture = "<img src=/picture><script>addEventListener('load', () => shopalytic.page({page_type: 'home'}))</script>"
    collector.add_page("/", shop_page(collector, extra=picture))
    held: list[Route] = []
    page.route("**/picture", lambda route: held.append(route))
    page.goto(collector.url("/", HOST), wait_until="domcontentloaded")
    page.wait_for_function("Object.keys(localStorage).filter(key => key.startsWith('_sha.q.')).length == 3")
    assert collector.posts == [], "what the page says of itself is still awaited"
    collector.wait_for(lambda: held, page)
    held[0].abort()
    [view] = collector.wait_for_event("page_view", page=page)
    assert view["properties"]["page_type"] == "home"
    page.evaluate("shopalytic.track('end')")
    collector.wait_for_event("end", page=page)
    assert len(collector.named("page_view")) == 1
    assert len(collector.posts) == 2


def test_a_page_that_never_finishes_loading_is_counted_all_the_same(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    html = shop_page(collector, extra="<img src=/picture>")
    fast = "var later = setTimeout; window.setTimeout = (f, ms) => later(f, ms > 100 ? ms / 50 : ms);"
    collector.add_page("/", html.replace("<head>", f"<head><script>{fast}</script>"))
    page.route("**/picture", lambda route: None)
    page.goto(collector.url("/", HOST), wait_until="domcontentloaded")
    collector.wait_for_event("page_view", page=page)
    assert page.evaluate("document.readyState") == "interactive"


def test_an_order_does_not_wait_for_the_page_to_load(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    order = "shopalytic.track('order', {order_id: '1'});"
    collector.add_page("/", shop_page(collector, calls=order, extra="<img src=/picture>"))
    page.route("**/picture", lambda route: None)
    page.goto(collector.url("/", HOST), wait_until="domcontentloaded")
    collector.wait_for_event("order", page=page)
    assert page.evaluate("document.readyState") == "interactive"
    assert len(collector.posts) == 1


def test_a_first_call_that_comes_later_still_adds_no_page_view_and_loses_nothing(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    [view] = collector.wait_for_event("page_view", page=page)
    page.evaluate("shopalytic.track('page_view', {page_type: 'home'})")
    [update] = collector.wait_for_event("page_view_update", page=page)
    assert update["message_id"] != view["message_id"]
    assert update["properties"] == {"page_type": "home", "page_view_id": view["message_id"]}
    assert len(collector.named("page_view")) == 1


def test_a_first_call_that_comes_later_and_says_nothing_sends_nothing_and_a_second_one_is_new(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    page.evaluate("shopalytic.track('page_view')")
    page.evaluate("shopalytic.page({page_type: 'popup'})")
    page.evaluate("shopalytic.page({page_type: 'popup'})")
    collector.wait_for_event("page_view", 3, page)
    ids = [message["message_id"] for message in collector.named("page_view")]
    assert len(set(ids)) == len(ids) == 3
    assert not collector.named("page_view_update")


def test_a_view_that_may_have_arrived_is_not_completed_under_its_id(
    collector: Collector, new_page: PageFactory
) -> None:
    """The collector drops a message id that it knows: what came with it would be lost."""
    collector.answers = [Answer(503)]
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    page.evaluate("shopalytic.page({page_type: 'home'}); shopalytic.track('order', {order_id: '1'})")
    collector.wait_for_event("page_view_update", page=page)
    assert all("page_type" not in view["properties"] for view in collector.named("page_view"))


def test_a_router_that_counts_by_itself_is_not_counted_twice(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    page.evaluate("history.pushState(0, '', '/a'); shopalytic.track('page_view', {page_type: 'list'})")
    page.evaluate("new Promise(done => setTimeout(done, 50))")
    page.evaluate("history.pushState(0, '', '/b')")
    collector.wait_for_event("page_view", 3, page)
    assert [url for url, _, _ in seen(collector)] == ["/", "/a", "/b"]


def test_coming_back_from_the_back_forward_cache_counts(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    collector.add_page(
        "/", shop_page(collector, calls="addEventListener('pageshow', e => window.back = e.persisted);")
    )
    collector.add_page("/two", "<!doctype html><title>Two</title>")
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    settle(page)
    page.goto(collector.url("/two", HOST))
    page.evaluate("history.back()")
    collector.wait_for_event("page_view", 2, page)
    page.wait_for_function("window.back")
    assert page.evaluate("window.back") is True, "the tag must not switch the cache off"
    assert [url for url, _, _ in seen(collector)] == ["/", "/"]


def test_a_page_in_a_hidden_tab_counts_when_it_is_first_seen(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    hidden = (
        "window.shown = false;"
        "Object.defineProperty(document, 'hidden', {get: () => !shown});"
        "Object.defineProperty(document, 'visibilityState', {get: () => shown ? 'visible' : 'hidden'});"
    )
    page.add_init_script(hidden)
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    page.evaluate("shopalytic.track('work'); shopalytic.flush()")
    collector.wait_for_event("work", page=page)
    assert not collector.named("page_view")
    page.evaluate("window.shown = true; document.dispatchEvent(new Event('visibilitychange'))")
    collector.wait_for_event("page_view", page=page)


def test_history_keeps_its_own_answers_and_errors(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("page_view", page=page)
    assert page.evaluate("history.pushState(7, '', '/a') === undefined && history.state === 7")
    name = page.evaluate(
        "(() => { try { history.pushState(0, '', 'https://elsewhere.example/'); } catch (e) { return e.name; } })()"
    )
    assert name == "SecurityError"
