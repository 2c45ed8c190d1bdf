"""A shop's developer, the tag with `sandbox` and `debug`, a worker, and what the console tells."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from werkzeug.serving import make_server

from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import TOKEN, shop_page
from tests.collector.conftest import empty_database, sessions
from tests.collector.test_sandbox_processed import Shop, shop, valkey_url

__all__ = ["empty_database", "sessions", "shop", "valkey_url"]

pytestmark = pytest.mark.browser


@contextmanager
def served(shop: Shop) -> Iterator[str]:
    """The address under which the shop's doors answer."""
    server = make_server("127.0.0.1", 0, shop.client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_console_tells_everything_that_is_wrong_with_an_event(
    shop: Shop, collector: Collector, new_page: PageFactory
) -> None:
    page = new_page()
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    with served(shop) as address:
        options = (
            "{automatic_page_views:false,automatic_session_tracking:false,sandbox:true,debug:true,"
            f"api_host:'{address}'}}"
        )
        call = "shopalytic.track('cart_add', {cart_id: 'c', price: 'cheap', qty: 1});"
        collector.add_page("/", shop_page(collector, options, call).replace(TOKEN, shop.project.token))
        page.goto(collector.url("/", "www.shop.test"))
        collector.wait_for(lambda: any("answered 200" in line for line in lines), page)
    [answer] = [line for line in lines if "answered 200" in line]
    assert "price is not a decimal" in answer
    assert "sku is required" in answer
    assert '"outcome":"stored"' in answer
    assert shop.stored(shop.sandbox_id) == ["cart_add", "installation"]
    assert shop.stored(shop.project.project.id) == []
    assert collector.posts == []
