"""What other messages tell about an order: that it counted with other contents, that more was given back than it was."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete

from shopalytic.accounts.models import OrderClaim, RefundShare
from shopalytic.errors import StoreUnavailable
from shopalytic.pipeline.run import Runner
from shopalytic.stream import Partition
from tests.pipeline.conftest import Line
from tests.pipeline.test_run import FailingStore, Killed, counters_add_up, dropped

LARGER = "larger_than_order:total_refund"


def order(message_id: str, order_id: str = "1", /, **properties: Any) -> dict[str, Any]:
    """One product twice for 10.00 each."""
    lines = [{"sku": "A", "price": "10.00", "qty": 2}]
    told = {"order_id": order_id, "cart_id": "c", "total": "20.00", "subtotal": "20.00", "line_items": lines}
    return {
        "event": "order",
        "message_id": message_id,
        "properties": {k: v for k, v in (told | properties).items() if v is not None},
    }


def refund(message_id: str, amount: str | None, order_id: str = "1", /, **properties: Any) -> dict[str, Any]:
    told = {"order_id": order_id, "refund_type": "full", "total_refund": amount}
    return {
        "event": "refund",
        "message_id": message_id,
        "properties": {k: v for k, v in (told | properties).items() if v is not None},
    }


def part(message_id: str, amount: str, order_id: str = "1", /, **properties: Any) -> dict[str, Any]:
    lines = [{"sku": "A", "price": amount, "qty": 1}]
    told = {"refund_type": "partial", "subtotal_refund": amount, "line_items": lines}
    return refund(message_id, amount, order_id, **(told | properties))


def larger(line: Line) -> list[str]:
    """The messages that are marked as larger than their order."""
    return [row.message_id for row in line.rows() if LARGER in row.violations]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({}, id="the same"),
        pytest.param({"total": 20, "subtotal": 20.0}, id="numbers instead of texts"),
        pytest.param({"line_items": [{"sku": " A ", "price": 10, "qty": "2", "name": "Mug"}]}, id="a line told otherwise"),
        pytest.param({"line_items": [{"sku": "A", "price": "10", "qty": 1}] * 2}, id="a line cut in two"),
        pytest.param({"line_items": [{"sku": "A", "price": "8.40", "qty": 2}]}, id="prices without tax"),
        pytest.param({"line_items": None, "subtotal": None}, id="less told"),
        pytest.param({"line_items": [{"sku": "A", "price": "10.00", "qty": 2}, 5]}, id="a line that is none"),
        pytest.param({"total": "none"}, id="a total that is none"),
        pytest.param({"total": "20.01"}, id="rounded"),
        pytest.param({"currency": "EUR", "payment_type": "card", "total_tax": 0}, id="more told"),
    ],
)  # fmt: skip
def test_the_shop_servers_and_the_pages_message_about_an_order_are_the_same(
    line: Line, other: dict[str, Any]
) -> None:
    line.send(order("page"))
    line.drain()
    line.send(order("server", **other))
    line.drain()
    assert line.stream.counters(line.project_id).dropped == {"order_known": 1}
    assert dropped(line) == []


@pytest.mark.parametrize(
    ("first", "other", "violations", "detail"),
    [
        ({"total": 10}, {"total": "12.50"}, ["other_contents:total"], "Order 1: total 12.50 here, 10.00 when it counted."),
        (
            {"currency": "EUR"},
            {"currency": "GBP"},
            ["other_contents:currency"],
            "Order 1: currency GBP here, EUR when it counted.",
        ),
        (
            {},
            {"line_items": [{"sku": "A", "price": "10", "qty": 1}, {"sku": "B", "price": "10", "qty": 1}]},
            ["other_contents:line_items"],
            "Order 1: other products or quantities than when it counted.",
        ),
        (
            {},
            {"line_items": [{"sku": "A", "price": "10", "qty": 3}], "total": "30", "subtotal": "30"},
            ["other_contents:total", "other_contents:line_items"],
            "Order 1: total 30.00 here, 20.00 when it counted, other products or quantities than when it counted.",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_together", [False, True], ids=["two batches", "one batch"])
def test_an_order_whose_id_counted_with_other_contents_is_told(
    line: Line,
    first: dict[str, Any],
    other: dict[str, Any],
    violations: list[str],
    detail: str,
    is_together: bool,
) -> None:
    line.send(order("first", **first))
    if not is_together:
        line.drain()
    line.send(order("second", **other))
    line.drain()
    assert [row.message_id for row in line.rows()] == ["first"]
    [told] = dropped(line)
    assert (told.message_id, told.reason, told.violations, told.detail) == (
        "second", "order_known", violations, detail,
    )  # fmt: skip


def test_an_order_that_was_claimed_before_contents_were_kept_tells_nothing(line: Line) -> None:
    with line.sessions.begin() as db:
        db.add(OrderClaim(project_id=line.project_id, order_id="1", message_id="old", batch="b"))
    line.send(order("new"))
    line.drain()
    assert line.stream.counters(line.project_id).dropped == {"order_known": 1}
    assert dropped(line) == []


def die(*arguments: Any) -> bool:
    raise Killed


def test_a_batch_that_dropped_an_order_drops_it_again_though_its_id_was_given_back_meanwhile(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the order would be counted as stored, while the repeated insert stores nothing."""
    line.send(order("first"))
    line.drain()
    line.send({"message_id": "a"}, order("second", total="25"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Partition, "acknowledge", die)
        line.drain()
    with line.sessions.begin() as db:
        db.execute(delete(OrderClaim).where(OrderClaim.project_id == line.project_id))
    line.drain()
    counters = line.stream.counters(line.project_id)
    assert (counters.stored, counters.dropped) == (2, {"order_known": 1})
    assert [row.message_id for row in line.rows()] == ["a", "first"]
    assert [told.message_id for told in dropped(line)] == ["second"]


@pytest.mark.parametrize(
    ("refunds", "marked"),
    [
        pytest.param([refund("r", "20.00")], [], id="all of it"),
        pytest.param([refund("r", "20.01")], [], id="rounded"),
        pytest.param([refund("r", "20.02")], ["r"], id="more"),
        pytest.param([refund("r", None)], [], id="all, without an amount"),
        pytest.param([part("r", "12"), part("s", "8")], [], id="two parts"),
        pytest.param([part("r", "12"), part("s", "9"), part("t", "1")], ["s", "t"], id="parts too large"),
        pytest.param([part("r", "12"), refund("s", "20")], ["s"], id="a part, then all"),
        pytest.param([part("r", "12"), refund("s", None)], [], id="a part, then what is left"),
        pytest.param([refund("r", None), part("s", "1")], ["s"], id="all, then a part"),
        pytest.param([refund("r", "20"), refund("s", "20")], [], id="all, told twice"),
        pytest.param([part("r", "25", currency="USD")], ["r"], id="a currency, the order has none"),
        pytest.param([part("r", "25", "2")], [], id="an order that is not known"),
    ],
)
@pytest.mark.parametrize("is_together", [False, True], ids=["batches", "one batch"])
def test_a_refund_that_gives_back_more_than_is_left_is_marked_and_stored(
    line: Line, refunds: list[dict[str, Any]], marked: list[str], is_together: bool
) -> None:
    for message in (order("o"), *refunds):
        line.send(message)
        if not is_together:
            line.drain()
    line.drain()
    assert larger(line) == marked
    assert len(line.rows()) == 1 + len(refunds)


def test_a_refund_in_another_currency_than_its_order_is_not_compared(line: Line) -> None:
    line.send(order("o", currency="EUR"), part("r", "25", currency="USD"), part("s", "19", currency="EUR"))
    line.drain()
    assert larger(line) == []


def test_a_refund_that_comes_before_its_order_is_not_marked_and_counts_for_the_next(line: Line) -> None:
    line.send(part("r", "15"))
    line.drain()
    line.send(order("o"))
    line.drain()
    line.send(part("s", "5"), part("t", "1"))
    line.drain()
    assert larger(line) == ["t"]


def test_a_refund_that_was_set_aside_does_not_count_until_it_is_replayed(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shopalytic.pipeline import run

    real = run.process

    def faulty(parsed: Any, context: Any) -> Any:
        if parsed.event.message_id == "r":
            raise ZeroDivisionError("a fault")
        return real(parsed, context)

    line.send(order("o"))
    with monkeypatch.context() as patch:
        patch.setattr(run, "process", faulty)
        line.send(part("r", "15"))
        line.drain()
    line.send(part("s", "15"))
    line.drain()
    assert larger(line) == []
    line.send(part("r", "15"), replay=1)
    line.drain()
    assert larger(line) == ["r"]


MESSAGES = (
    order("01"),
    part("02", "12"),
    part("03", "9"),
    order("04", total="21"),
    part("05", "1", "2"),
    order("06", "2"),
    {"message_id": "07", "timestamp": "never"},
    {"message_id": "08", "type": "identify", "user_id": "42"},
)


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_what_other_messages_told_is_the_same_in_a_repeat_cut_off_at_any_insert(
    line: Line, fails_at: int, after: bool, most: int
) -> None:
    line.send(*MESSAGES)
    store = FailingStore(line.store, fails_at, after=after, error=StoreUnavailable("away"))
    partition = line.lease()
    try:
        while batch := partition.claim(most):
            line.runner(store).run(partition, batch)
    except StoreUnavailable:
        pass
    assert counters_add_up(line)
    line.drain(most)
    check_messages(line)


def test_a_refund_is_judged_once_though_more_was_given_back_before_the_batch_is_repeated(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.send(order("o"))
    line.drain()
    line.send(part("r", "12"))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Runner, "_insert", die)
        line.drain()
    with line.sessions.begin() as db:
        db.add(
            RefundShare(
                project_id=line.project_id, order_id="1", message_id="elsewhere", batch="b", is_full=False,
                amount="12", currency="", is_larger=True, counts=True,
            )
        )  # fmt: skip
    line.drain()
    assert larger(line) == []


def check_messages(line: Line) -> None:
    assert [row.message_id for row in line.rows()] == ["01", "02", "03", "05", "06", "08"]
    assert larger(line) == ["03"]
    assert [(told.message_id, told.violations) for told in dropped(line)] == [
        ("04", ["other_contents:total"])
    ]
    counters = line.stream.counters(line.project_id)
    assert (counters.stored, counters.quarantined, counters.dropped) == (6, 1, {"order_known": 1})
    assert counters_add_up(line)
