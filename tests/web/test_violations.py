"""What the dashboard shows of events that were taken, but are to be mended."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
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


def drop(shop: Shop, **fields: Any) -> None:
    """A message that was dropped a minute ago with something to tell."""
    at = f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%d %H:%M:%S}.000"
    row = {
        "project_id": shop.project_id, "event": "order", "occurred_at": at, "received_at": at, "message_id": "m",
        "path": "/thanks", "reason": "order_known", "violations": ["other_contents:total"], "library": "tag/1",
    }  # fmt: skip
    shop.parts.store.insert("dropped", [msgspec.json.encode(row | fields)], token=uuid4().hex)


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
    for text in (
        "/checkout",
        "/thanks",
        "shopalytic.js 1.0.0, shopalytic.js 1.1.0",
        "9,90 EUR",
        "total is not a decimal",
    ):
        assert text in page, text
    assert page.index("the-last") < page.index("before-the-last")


def test_the_pages_are_the_most_frequent_ones_and_the_rest_is_counted(shop: Shop) -> None:
    for number in range(8):
        for _ in range(9 - number):
            wrong(shop, path=f"/page-{number}")
    page = shop.page("/violations")
    assert "<dd>/page-0\n/page-1\n/page-2\n/page-3\n/page-4\nand 3 more</dd>" in page


def test_no_more_than_three_samples_are_shown_the_newest_first(shop: Shop) -> None:
    for number in range(5):
        wrong(shop, timedelta(minutes=9 - number), message_id=f"sample-{number}")
    found = re.findall(r"<dd>(sample-\d)</dd>", shop.page("/violations"))
    assert found == ["sample-4", "sample-3", "sample-2"]


def test_messages_that_were_dropped_stand_beside_those_that_were_stored(shop: Shop) -> None:
    wrong(shop, violations=["other_contents:total"], message_id="stored")
    drop(shop, message_id="gone", detail="Order 17: total 12.50 here, 10.00 when it counted.")
    drop(shop, project_id=shop.project_id + 500_000_000)
    page = shop.page("/violations")
    assert counts(page) == [("other_contents:total", "2")]
    for text in (
        "1 not stored",
        "1: not counted, since its order id counted before",
        "gone",
        "Order 17: total 12.50 here",
    ):
        assert text in page, text


def test_a_violation_of_dropped_messages_alone_is_shown(shop: Shop) -> None:
    drop(shop, reason="refused_by_plan", event="wish", violations=["missing:sku"], detail="")
    page = shop.page("/violations")
    assert counts(page) == [("missing:sku", "1")]
    assert "refused by the tracking plan" in page and ">not stored<" in page


def test_events_and_kinds_can_be_looked_at_alone(shop: Shop) -> None:
    wrong(shop)
    wrong(shop, event="refund", violations=["negative:total_refund", "not_a_decimal:tax_refund"])
    assert counts(shop.page("/violations?event=refund")) == [
        ("negative:total_refund", "1"),
        ("not_a_decimal:tax_refund", "1"),
    ]
    assert counts(shop.page("/violations?kind=not_a_decimal")) == [
        ("not_a_decimal:total", "1"),
        ("not_a_decimal:tax_refund", "1"),
    ]
    assert "Nothing of this kind in the last day" in shop.page("/violations?event=order&kind=negative")


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
