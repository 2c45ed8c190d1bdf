"""docs/exponea.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from shopalytic.collector.exponea.reading import EVENTS_LIMIT
from shopalytic.collector.exponea.tracking import COMMANDS, COMMANDS_LIMIT, SYSTEM_TIME
from shopalytic.collector.exponea.translate import CLICK
from tests.collector.conftest import Shop

PAGE = (Path(__file__).parents[3] / "docs/exponea.md").read_text()


def test_the_page_lists_the_calls_and_no_others(shop: Shop) -> None:
    app: Flask = shop.app
    rules = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("exponea.") and "preflight" not in rule.endpoint
        for method in [("GET" if rule.rule.endswith(SYSTEM_TIME) else "POST")]
    }
    assert set(re.findall(r"^\| `((?:GET|POST) /\S+)`", PAGE, re.MULTILINE)) == rules


def test_the_page_tells_names_and_limits() -> None:
    assert f"up to {COMMANDS_LIMIT} of" in PAGE
    assert f"at most {EVENTS_LIMIT:,}" in PAGE
    assert f"`{CLICK}`" in PAGE
    for name in (*COMMANDS, SYSTEM_TIME):
        assert f"`{name}`" in PAGE
