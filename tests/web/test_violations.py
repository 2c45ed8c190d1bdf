"""What the dashboard shows of events that were taken, but are to be mended."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shopalytic.web.dashboard.violations import explain
from tests.web.conftest import Shop
from tests.web.test_pages import forbidden_in

MISSING = "missing:line_items[].sku"


def wrong(shop: Shop, ago: timedelta = timedelta(minutes=5), **fields: Any) -> None:
    """An event with a violation that was received that long ago."""
    at = f"{datetime.now(UTC) - ago:%Y-%m-%d %H:%M:%S}.000"
    values = {"event": "order", "violations": ["not_a_decimal:total"], "received_at": at, "path": "/thanks"}
    shop.happened(shop.event(at=at, **(values | fields)))


def counts(page: str) -> list[tuple[str, str]]:
    """(violation, times) of each row, from the top."""
    rows = re.findall(r'event-summary">([^<]*)</span>.*?mark warn">([\d,]+)×', page, re.DOTALL)
    return [(violation, times) for violation, times in rows]


def test_violations_are_counted_by_event_the_most_frequent_first(shop: Shop) -> None:
    wrong(shop)
    wrong(shop, event="refund")
    wrong(shop, event="cart_add", violations=["missing:sku"])
    wrong(shop, violations=["not_a_decimal:total", "missing:cart_id"])
    shop.happened(shop.event())
    assert counts(shop.page("/violations", "member")) == [
        ("not_a_decimal:total", "2"),
        ("missing:sku", "1"),
        ("missing:cart_id", "1"),
        ("not_a_decimal:total", "1"),
    ]


def test_lines_of_an_order_count_together(shop: Shop) -> None:
    wrong(shop, violations=["missing:line_items[0].sku"])
    wrong(shop, violations=["missing:line_items[3].sku", "missing:line_items[12].sku"])
    assert counts(shop.page("/violations")) == [(MISSING, "2")]


@pytest.mark.parametrize(("span", "times"), [("hour", ["1"]), ("day", ["2"]), ("week", ["3"])])
def test_what_is_counted_was_received_in_the_span(shop: Shop, span: str, times: list[str]) -> None:
    for ago in (timedelta(minutes=5), timedelta(hours=5), timedelta(days=5), timedelta(days=20)):
        wrong(shop, ago)
    assert [found for _, found in counts(shop.page(f"/violations?span={span}"))] == times


def test_what_ended_before_the_span_is_not_there(shop: Shop) -> None:
    wrong(shop, timedelta(hours=2))
    assert "Nothing to mend in the last hour" in shop.page("/violations?span=hour")


def test_a_violation_tells_since_when_from_where_and_by_what(shop: Shop) -> None:
    wrong(shop, timedelta(days=20), path="/long/ago")
    wrong(shop, path="/thanks", library="shopalytic.js 1.0.0", message_id="before-the-last")
    wrong(
        shop, timedelta(minutes=1), path="/checkout", library="shopalytic.js 1.1.0", message_id="the-last",
        properties={"total": "9,90 EUR"},
    )  # fmt: skip
    page = shop.page("/violations")
    began = datetime.now(UTC) - timedelta(days=20)
    assert f"{began.day}\N{NO-BREAK SPACE}{began:%b}" in page
    for text in ("/checkout and 1 more", "shopalytic.js 1.0.0, shopalytic.js 1.1.0", "the-last", "9,90 EUR"):
        assert text in page, text
    assert "total is not a decimal" in page
    assert "before-the-last" not in page


def test_how_long_ago_it_began_is_not_claimed_where_it_is_not_known(shop: Shop) -> None:
    wrong(shop, timedelta(days=29, hours=12))
    wrong(shop)
    assert re.search(r"<dt>Since</dt><dd>before ", shop.page("/violations"))


def test_another_projects_violations_are_not_shown(shop: Shop) -> None:
    wrong(shop, project_id=shop.project_id + 500_000_000)
    assert counts(shop.page("/violations")) == []


def test_hostile_text_of_a_violation_stays_text(shop: Shop) -> None:
    wrong(
        shop,
        violations=["missing:<script>alert(1)</script>"],
        path='"><img onerror=x>',
        event="<b onclick=x>",
    )
    page = shop.page("/violations")
    assert counts(page)
    assert forbidden_in(page) == []


def test_a_violation_of_an_unknown_kind_stands_as_it_is() -> None:
    assert explain("of_a_later_version:total") == "of_a_later_version:total"
