"""A page that Chromium prepares before it is asked for, through speculation rules.

Chromium does not prepare pages while Playwright watches it: here it runs by itself, its pages do what a visitor would,
and the server sees all that can be seen.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.chromium import CHROMIUM_ARGS, find_chromium
from tests.browser.collector import Collector
from tests.browser.shop_pages import shop_page

pytestmark = pytest.mark.browser

HOST = "localhost"
RULES = '{"prerender": [{"source": "list", "urls": ["/two"], "eagerness": "immediate"}]}'
# The visitor clicks, or goes elsewhere, once the server has the page /click or /elsewhere.
LIST = f"""<!doctype html><script type=speculationrules>{RULES}</script><a href=/two>two</a><script>
function once(path, act) {{
  var asking = setInterval(function () {{
    fetch(path).then(function (answer) {{ if (answer.ok) {{ clearInterval(asking); act(); }} }});
  }}, 50);
}}
once('/click', function () {{ document.querySelector('a').click(); }});
once('/elsewhere', function () {{ location.href = '/three'; }});
</script>"""
# Tells the server how it goes; a calm half second after its load, the tag has had its idle moment.
TOLD = (
    "addEventListener('load', () => setTimeout(() => fetch('/loaded?' + document.prerendering, {method: 'POST'}), 500));"
    "document.addEventListener('prerenderingchange', () => fetch('/opened', {method: 'POST'}));"
)


@contextmanager
def chromium_at(address: str, profile: Path) -> Iterator[None]:
    path = find_chromium()
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no Chromium: install one, or set SHOPALYTIC_CHROMIUM to its path")
    switches = [switch for switch in CHROMIUM_ARGS if switch != "--disable-background-networking"]
    process = subprocess.Popen(
        [path, "--headless=new", *switches, f"--user-data-dir={profile}", address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def posts(collector: Collector) -> list[str]:
    return [request.path for request in collector.posts]


@pytest.fixture
def prepared(collector: Collector, tmp_path: Path) -> Iterator[Collector]:
    """The page /two stands ready, and nobody has asked for it."""
    collector.add_page("/", LIST)
    calls = TOLD + "shopalytic.track('wish'); shopalytic.flush();"
    collector.add_page("/two", shop_page(collector, calls=calls).replace(collector.url(), ""))
    collector.add_page("/three", "<!doctype html><script>fetch('/arrived', {method: 'POST'})</script>")
    with chromium_at(collector.url("/", HOST), tmp_path / "profile"):
        collector.wait_for(lambda: posts(collector))
        assert posts(collector) == ["/loaded?true"], "nothing else is sent of a page that nobody has opened"
        yield collector


def test_a_prepared_page_counts_when_it_is_opened(prepared: Collector) -> None:
    prepared.add_page("/click", "now")
    prepared.wait_for_event("wish")
    prepared.wait_for_event("page_view")
    assert posts(prepared)[:2] == ["/loaded?true", "/opened"]
    assert len(prepared.named("page_view")) == len(prepared.named("wish")) == 1
    assert len(prepared.named("session_start")) == 1


def test_a_prepared_page_that_nobody_opens_is_never_counted(prepared: Collector) -> None:
    prepared.add_page("/elsewhere", "now")
    prepared.wait_for(lambda: "/arrived" in posts(prepared))
    assert posts(prepared) == ["/loaded?true", "/arrived"]
