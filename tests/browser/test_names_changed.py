"""A whole system whose paths and names are all other than usual: the snippet and the pixel of its own pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from benchmarks.system import System, running_system
from shopalytic.collector.pixel import GIF
from shopalytic.settings import load_settings
from shopalytic.snippet import render_snippet
from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector
from tests.browser.shop_pages import settle

pytestmark = pytest.mark.browser
NAMES: dict[str, Any] = {
    "collector_path": "/basket/data", "tag_name": "b.js", "pixel_name": "dot.gif", "cookie_name": "_basket",
}  # fmt: skip


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("renamed") / "data", **NAMES) as running:
        yield running


def snippet(system: System) -> str:
    settings = load_settings({f"SHOPALYTIC_{name.upper()}": value for name, value in NAMES.items()})
    return render_snippet(settings, system.address, system.project["token"])


def test_the_snippet_loads_the_tag_and_sends_under_the_new_names(
    system: System, collector: Collector, new_page: PageFactory
) -> None:
    collector.add_page("/", f"<!doctype html><link rel=icon href=data:,><script>{snippet(system)}</script>")
    page, asked = new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(collector.url("/", "127.0.0.1"))
    settle(page)
    counters = system.wait_until_stored(patience_seconds=60)
    assert counters["stored"] == counters["accepted"] > 0
    of_system = [url.removeprefix(system.address) for url in asked if url.startswith(system.address)]
    assert of_system[0] == "/basket/data/b.js"
    assert all(path.startswith("/basket/data/") for path in of_system), of_system
    assert [cookie["name"] for cookie in page.context.cookies()] == ["_basket"]


def test_a_page_without_script_is_seen_by_its_image(
    system: System, collector: Collector, new_page: PageFactory
) -> None:
    before = system.counters()["accepted"]
    image = f"{system.address}/basket/data/dot.gif?token={system.project['token']}&tracking_id=no-script"
    collector.add_page(
        "/plain", f"<!doctype html><link rel=icon href=data:,><noscript><img src='{image}'></noscript>"
    )
    page = new_page(java_script_enabled=False)
    with page.expect_response(image) as answered:
        page.goto(collector.url("/plain", "127.0.0.1"))
    assert (answered.value.status, answered.value.body()) == (200, GIF)
    assert system.wait_until_stored(patience_seconds=60)["accepted"] == before + 1
    [event] = [
        it
        for it in system.get("/api/v1/events?event=page_view")["events"]
        if it["tracking_id"] == "no-script"
    ]
    assert (event["door"], event["url"]) == ("pixel", collector.url("/", "127.0.0.1"))
    assert event["device"] == "desktop"


def test_a_refused_image_is_not_a_broken_one(
    system: System, collector: Collector, new_page: PageFactory
) -> None:
    collector.add_page(
        "/bad", f"<!doctype html><link rel=icon href=data:,><img src='{system.address}/dot.gif?token=x'>"
    )
    page = new_page()
    page.goto(collector.url("/bad", "127.0.0.1"))
    expect(page.locator("img")).to_have_js_property("complete", True)
    assert page.evaluate("document.querySelector('img').naturalWidth") == 1
