"""How the tag gets into a page: today's snippet, that of 2013, both, twice, and none."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector, PageFile
from tests.browser.shop_pages import STATIC, TOKEN, page_of_2013, shop_page, snippet

pytestmark = pytest.mark.browser


def events(collector: Collector) -> list[str]:
    return [message.get("event") or message["type"] for message in collector.messages]


def test_a_page_of_2013_counts_its_own_page_view_and_the_automatic_one_once(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page(
        "/",
        page_of_2013(
            collector,
            "{source: 'web', debug: false}",
            "shopalytic.identify('jon@example.com');"
            "shopalytic.track('page_view', {logged_in: true, url: document.url});"
            "shopalytic.track('cart_add', {cart_id: '1', sku: 'blue-shrt', price: '9.99', qty: '3'});"
            "shopalytic.alias('jon.smith@example.com');",
        ),
    )
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("alias", page=page)
    assert events(collector) == [
        "session_start", "installation", "page_view", "identify", "cart_add", "alias",
    ]  # fmt: skip
    [view] = collector.named("page_view")
    assert view["properties"] == {
        "url": collector.url("/", "www.shop.test"), "referrer": "", "logged_in": True,
    }  # fmt: skip
    [identify] = collector.named("identify")
    [alias] = collector.named("alias")
    assert (identify["user_id"], alias["user_id"]) == ("jon@example.com", "jon.smith@example.com")
    assert {message["tracking_id"] for message in collector.messages} == {identify["tracking_id"]}
    assert collector.posts[0].body["token"] == TOKEN


def test_a_page_of_2013_can_call_every_new_method_once_the_tag_is_there(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", page_of_2013(collector))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    page.evaluate("shopalytic.payment({total: '5'})")
    collector.wait_for_event("payment", page=page)


def test_a_stub_that_a_page_kept_before_the_tag_came_still_works(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", page_of_2013(collector, calls="var kept = shopalytic, track = shopalytic.track;"))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    page.evaluate("track('by_stub'); kept.track('by_object')")
    collector.wait_for_event("by_object", page=page)
    assert events(collector)[-2:] == ["by_stub", "by_object"]


def test_the_snippet_twice_and_the_tag_twice_count_once(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    twice = snippet(collector)
    collector.add_page(
        "/",
        f"<!doctype html><head><script>{twice}</script><script>{twice}</script>"
        f"<script src={collector.url('/shopalytic.v1.js')}></script>"
        f"<script src={collector.url('/shopalytic.v1.js')}></script></head><body>",
    )
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    page.evaluate("shopalytic.init('other'); shopalytic.track('wish')")
    collector.wait_for_event("wish", page=page)
    assert events(collector) == ["session_start", "installation", "page_view", "wish"]
    assert collector.posts[1].body["token"] == TOKEN


def test_the_snippet_of_2013_put_again_after_the_tag_ran_loses_no_call(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", page_of_2013(collector))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    again = page_of_2013(collector, calls="shopalytic.track('wish');")
    script = again[again.index("<script>") + 8 : again.index("</script>")]
    page.evaluate(
        "text => { const s = document.createElement('script'); s.text = text; document.head.append(s); }",
        script,
    )
    collector.wait_for_event("wish", page=page)
    page.evaluate("shopalytic.track('later')")
    collector.wait_for_event("later", page=page)
    assert events(collector) == ["session_start", "installation", "page_view", "wish", "later"]


def test_calls_before_the_tag_keep_the_address_they_were_made_at(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page(
        "/",
        shop_page(
            collector, calls="shopalytic.track('a'); history.pushState(0, '', '/two'); shopalytic.track('b');"
        ),
    )
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", 2, page)
    one, two = collector.url("/", "www.shop.test"), collector.url("/two", "www.shop.test")
    told = [(m["event"], m["context"]["url"], m["context"]["referrer"]) for m in collector.messages]
    assert told == [
        ("session_start", one, ""),
        ("installation", one, ""),
        ("page_view", one, ""),
        ("a", one, ""),
        ("b", two, one),
        ("page_view", two, one),
    ]


def test_init_waits_for_the_page_to_call_it_where_the_tag_is_loaded_by_hand(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    collector.add_page("/", f"<!doctype html><script src={collector.url('/shopalytic.v1.js')}></script>")
    page.goto(collector.url("/", "www.shop.test"))
    page.evaluate("shopalytic.track('early')")
    page.evaluate(f"shopalytic.init('{TOKEN}')")
    collector.wait_for_event("early", page=page)
    assert events(collector)[-2:] == ["page_view", "early"]


def test_the_collector_is_the_folder_that_the_tag_came_from(
    collector: Collector, new_page: PageFactory
) -> None:
    tag = PageFile((STATIC / "shopalytic.v1.js").read_text(), content_type="text/javascript")
    collector.pages["/metrics/shopalytic.v1.js"] = tag
    page = new_page()
    collector.add_page("/", shop_page(collector).replace(collector.url(), "/metrics"))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    assert collector.posts[0].path == "/metrics/batch?d=shop.test"


def test_api_host_sends_elsewhere(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    collector.add_page("/", shop_page(collector, f"{{api_host: '{collector.url('/in/', 'other.test')}'}}"))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    assert collector.posts[0].path == "/in/batch"
    assert collector.posts[0].headers["Host"].startswith("other.test")


def test_a_strict_policy_with_a_nonce_lets_snippet_and_tag_run(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    violations: list[str] = []
    page.on("console", lambda message: violations.append(message.text) if message.type == "error" else None)
    policy = f"default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'; connect-src {collector.url()}"
    html = shop_page(collector).replace("<script>", "<script nonce=r4nd0m>")
    collector.add_page("/", html, Content_Security_Policy=policy)
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    assert not [text for text in violations if "shopalytic" in text or "batch" in text]


def test_trusted_types_let_the_tag_run_from_a_plain_script_element(
    collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    policy = "require-trusted-types-for 'script'; script-src 'nonce-r4nd0m'"
    collector.add_page(
        "/",
        f"<!doctype html><script nonce=r4nd0m src={collector.url('/shopalytic.v1.js')}></script>"
        f"<script nonce=r4nd0m>shopalytic.init('{TOKEN}')</script>",
        Content_Security_Policy=policy,
    )
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)


def test_a_module_loader_on_the_page_is_left_alone(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    loader = "var defined = 0; function define() { defined++; } define.amd = {}; var module = {exports: {}};"
    collector.add_page("/", shop_page(collector, calls=loader))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    assert page.evaluate("[defined, Object.keys(module.exports).length]") == [0, 0]


def test_snippet_and_tag_leave_one_name_in_the_page(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    collector.add_page("/empty", "<!doctype html>")
    page.goto(collector.url("/empty", "www.shop.test"))
    before = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    collector.add_page("/", shop_page(collector))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    assert set(page.evaluate("Object.getOwnPropertyNames(window)")) - before == {"shopalytic"}


@pytest.mark.parametrize(("changed", "runs"), [("", True), ("/* another build */", False)])
def test_a_hash_of_the_file_lets_in_that_file_alone(
    collector: Collector, new_page: PageFactory, changed: str, runs: bool
) -> None:
    digest = base64.b64encode(hashlib.sha384((STATIC / "shopalytic.v1.js").read_bytes()).digest()).decode()
    tag = PageFile(
        (STATIC / "shopalytic.v1.js").read_text() + changed,
        {"Access-Control-Allow-Origin": "*"},
        "text/javascript",
    )
    collector.pages["/built/shopalytic.v1.js"] = tag
    page = new_page()
    options = f"{{api_host: '{collector.url()}'}}"
    collector.add_page(
        "/",
        f"<!doctype html><script src={collector.url('/built/shopalytic.v1.js')} crossorigin=anonymous"
        f" integrity=sha384-{digest}></script>"
        f"<script>window.shopalytic && shopalytic.init('{TOKEN}', {options})</script>",
    )
    page.goto(collector.url("/", "www.shop.test"))
    assert page.evaluate("'shopalytic' in window") is runs
    if runs:
        collector.wait_for_event("page_view", page=page)


def test_a_second_init_is_ignored_and_debug_says_so(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    collector.add_page("/", shop_page(collector, "{debug: true}"))
    page.goto(collector.url("/", "www.shop.test"))
    collector.wait_for_event("page_view", page=page)
    assert not [line for line in lines if "ignored" in line]
    page.evaluate('shopalytic.init("other"); shopalytic.track("wish")')
    collector.wait_for_event("wish", page=page)
    assert [line for line in lines if "ignored" in line] == ["shopalytic ignored init"]
    assert {post.body["token"] for post in collector.posts} == {TOKEN}
