"""A shop's developer, the tag with `sandbox` and `debug`, and the collector's own answer in the console."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from shopalytic.accounts.db import upgrade
from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import TOKEN, shop_page
from tests.collector.conftest import Shop, make_shop, open_copy

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


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    upgrade(f"sqlite:///{tmp_path / 'empty.db'}")
    (tmp_path / "shop").mkdir()
    with open_copy(tmp_path / "empty.db", tmp_path / "shop") as sessions:
        yield make_shop(sessions, tmp_path / "shop")


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
        collector.add_page("/", shop_page(collector, options, call).replace(TOKEN, shop.token))
        page.goto(collector.url("/", "www.shop.test"))
        collector.wait_for(lambda: any("answered 200" in line for line in lines), page)
    [answer] = [line for line in lines if "answered 200" in line]
    assert "price is not a decimal" in answer
    assert "sku is required" in answer
    assert shop.stream.real() == []
    assert collector.posts == []
