"""What a page's policies, frames and its own copies of the snippet do to the tag."""

from __future__ import annotations

from tests.browser.hazards.hazard import BUY, LEASE_SECONDS, STORED, Shop, hazard, script
from tests.browser.shop_pages import SNIPPET_OF_2013, TOKEN, shop_page, snippet

NONCE = "r4nd0m"


@hazard("A policy that lets in only scripts with a nonce", "snippet and tag run")
def nonce(shop: Shop) -> None:
    policy = f"default-src 'none'; script-src 'nonce-{NONCE}'; connect-src {shop.collector.url()}"
    html = shop_page(shop.collector, calls=BUY).replace("<script>", f"<script nonce={NONCE}>")
    page = shop.visit(html, Content_Security_Policy=policy)
    shop.expect_bought(page)


@hazard("The same policy with strict-dynamic", "snippet and tag run")
def strict_dynamic(shop: Shop) -> None:
    policy = f"script-src 'nonce-{NONCE}' 'strict-dynamic'; object-src 'none'; base-uri 'none'"
    html = shop_page(shop.collector, calls=BUY).replace("<script>", f"<script nonce={NONCE}>")
    shop.expect_bought(shop.visit(html, Content_Security_Policy=policy))


@hazard("Trusted Types required for scripts", "the form of two plain tags runs")
def trusted_types(shop: Shop) -> None:
    policy = f"require-trusted-types-for 'script'; trusted-types 'none'; script-src 'nonce-{NONCE}'"
    page = shop.visit(
        f"<!doctype html><title>Shop</title><script nonce={NONCE} src={shop.collector.url('/shopalytic.v1.js')}></script>"
        f"<script nonce={NONCE}>shopalytic.init('{TOKEN}');{BUY}</script>",
        Content_Security_Policy=policy,
    )
    shop.expect_bought(page)
    assert (
        page.evaluate(
            "(() => { try { document.createElement('script').src = '/x.js' } catch (e) { return e.name } })()"
        )
        == "TypeError"
    ), "the policy is in force"


@hazard("A policy that forbids requests to the collector", "nothing crosses; events wait in the browser")
def forbidden_collector(shop: Shop) -> None:
    page = shop.open(calls=BUY, Content_Security_Policy="connect-src 'self'")
    page.wait_for_function(f"{STORED} == 5")
    page.goto("about:blank")
    assert shop.collector.posts == []
    shop.move_clock(page, LEASE_SECONDS)
    shop.open(page=page)
    shop.expect_bought(page, page_views=2)


@hazard("A blocked or missing tag file", "the snippet's calls wait without a sound")
def blocked_tag(shop: Shop) -> None:
    shop.collector.add_page("/shopalytic.v1.js", "")
    page = shop.open(calls=BUY)
    assert page.evaluate("shopalytic._q.length") == 3
    page.evaluate("shopalytic.track('more')")
    assert shop.collector.posts == []


@hazard("A sandboxed frame whose storage and cookies throw", "events go from memory, under one id")
def sandboxed_frame(shop: Shop) -> None:
    shop.collector.add_page("/frame", shop_page(shop.collector, calls=BUY))
    page = shop.visit("<!doctype html><iframe sandbox='allow-scripts' src=/frame></iframe>")
    shop.expect_bought(page)
    frame = page.frames[1]
    assert frame.evaluate("(() => { try { localStorage } catch (e) { return e.name } })()") == "SecurityError"


@hazard("The tag in the shop and in a frame of the shop", "one visitor, one session")
def own_frame(shop: Shop) -> None:
    shop.collector.add_page("/frame", shop_page(shop.collector, calls="shopalytic.track('inside');"))
    page = shop.open(calls=BUY)
    shop.expect_bought(page)
    page.evaluate("document.body.append(Object.assign(document.createElement('iframe'), {src: '/frame'}))")
    shop.collector.wait_for_event("inside", page=page)
    shop.expect_one_visit(page_views=2)


@hazard("The snippet twice", "everything counts once")
def snippet_twice(shop: Shop) -> None:
    page = shop.open(script(snippet(shop.collector)), calls=BUY, body=script(snippet(shop.collector)))
    shop.expect_bought(page)
    assert len(shop.collector.named("page_view")) == 1


@hazard("The tag twice, the second copy by hand while the first runs", "everything counts once")
def tag_twice(shop: Shop) -> None:
    page = shop.open()
    shop.collector.wait_for_event("page_view", page=page)
    page.evaluate(
        "([src, token]) => new Promise(done => { const again = document.createElement('script');"
        " Object.assign(again, {src, onload: () => { shopalytic.init(token); done(); }});"
        " document.head.append(again); })",
        [shop.collector.url("/shopalytic.v1.js"), TOKEN],
    )
    page.evaluate("history.pushState(0, '', '/two')")
    page.evaluate(BUY)
    shop.collector.wait_for_event("identify", page=page)
    shop.wait_for_views(2, page)
    shop.expect_one_visit(page_views=2)
    assert len(shop.unique()) == len(shop.collector.messages) == 6


@hazard("The snippet of 2013 and today's on one page", "everything counts once")
def two_generations(shop: Shop) -> None:
    old = (
        SNIPPET_OF_2013 % shop.collector.url() + f"shopalytic.init('{TOKEN}'); shopalytic.track('page_view');"
    )
    page = shop.open(script(old), calls=BUY)
    shop.expect_bought(page)


@hazard("An IP address instead of a name", "a cookie of this host alone")
def ip_address(shop: Shop) -> None:
    page = shop.open(host="127.0.0.1")
    shop.buy(page)
    assert page.evaluate("document.cookie.includes('_sha=1.')")


@hazard("co.uk", "one visitor across the shop's subdomains, and no cookie for all of co.uk")
def co_uk(shop: Shop) -> None:
    page = shop.open(host="www.shop.co.uk")
    shop.buy(page)
    shop.open(page=page, host="blog.shop.co.uk")
    shop.wait_for_views(2, page)
    shop.expect_one_visit(page_views=2)
    page.goto(shop.collector.url("/", "www.other.co.uk"))
    shop.wait_for_views(3, page)
    assert len({message["tracking_id"] for message in shop.collector.messages}) == 2
