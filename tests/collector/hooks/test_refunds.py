"""What goes back to customers, told by platforms that sell in several currencies, pay back later, or give up orders."""

from __future__ import annotations

from typing import Any

import pytest

from shopalytic.accounts.models import OrderClaim
from tests.collector.hooks.conftest import Hooks, payload


def both(shop: str, shown: str) -> dict[str, Any]:
    """An amount of a shop in India whose customer pays in Canadian dollars."""
    return {
        "shop_money": {"amount": shop, "currency_code": "INR"},
        "presentment_money": {"amount": shown, "currency_code": "CAD"},
    }


LINE = {
    "quantity": 1,
    "subtotal_set": both("60.93", "0.90"),
    "total_tax_set": both("0.00", "0.00"),
    "line_item": {"sku": "22196", "title": "A cup", "price_set": both("60.93", "0.90")},
}
SHIPPING = {"subtotal_amount_set": both("60.93", "0.90")}
SHIPPING_ADJUSTMENT = {
    "kind": "shipping_refund", "amount_set": both("-60.93", "-0.90"), "tax_amount_set": both("0.00", "0.00"),
}  # fmt: skip


def kept(shop: str, shown: str) -> dict[str, Any]:
    return {
        "kind": "refund_discrepancy", "amount_set": both(shop, shown), "tax_amount_set": both("0.00", "0.00"),
    }  # fmt: skip


def paid(value: str, status: str = "success", currency: str = "CAD", **more: Any) -> dict[str, Any]:
    return {"kind": "refund", "status": status, "amount": value, "currency": currency, **more}


def refund(**members: Any) -> dict[str, Any]:
    empty = {
        "refund_line_items": [],
        "refund_shipping_lines": [],
        "order_adjustments": [],
        "transactions": [],
    }
    return {"id": 9, "order_id": 8, "created_at": "2026-02-03T10:00:00Z"} | empty | members


@pytest.mark.parametrize(
    ("told", "total"),
    [
        (refund(refund_line_items=[LINE], transactions=[paid("0.90")]), "60.93"),
        (refund(refund_line_items=[LINE], refund_shipping_lines=[SHIPPING], order_adjustments=[SHIPPING_ADJUSTMENT],
                transactions=[paid("1.80")]), "121.86"),
        (refund(order_adjustments=[kept("-33.84", "-0.50")], transactions=[paid("0.50")]), "33.84"),
        (refund(refund_line_items=[LINE], order_adjustments=[kept("30.46", "0.45")],
                transactions=[paid("0.45")]), "30.47"),
        (refund(refund_line_items=[LINE], order_adjustments=[kept("60.93", "0.90")],
                transactions=[paid("0.90", "pending")]), "60.93"),
        (refund(refund_line_items=[LINE], transactions=[paid("0.45"), paid("0.45")]), "60.93"),
        (refund(refund_line_items=[LINE], transactions=[paid("60.93", currency="INR")]), "60.93"),
    ],
    ids=["goods", "with shipping", "an amount alone", "a part", "under way", "in two payments", "in rupees"],
)  # fmt: skip
def test_what_is_paid_back_in_another_currency_counts_in_the_shops(
    hooks: Hooks, told: dict[str, Any], total: str
) -> None:
    event = hooks.told("shopify", "refunds/create", told).event
    assert (event.total, event.currency) == (total, "INR")
    assert event.line_prices == ["60.93"] * len(told["refund_line_items"])


@pytest.mark.parametrize("shown", ["0.0000000000000000000000000000000001", "9" * 39])
def test_an_absurd_rate_of_exchange_breaks_nothing(hooks: Hooks, shown: str) -> None:
    line = LINE | {"subtotal_set": both("9" * 39, shown)}
    told = refund(refund_line_items=[line], transactions=[paid("1" * 39)])
    assert hooks.send("shopify", "refunds/create", told).status_code == 200


def test_an_absurd_price_breaks_nothing(hooks: Hooks) -> None:
    line = {"sku": "22196", "subtotal": "9" * 39, "quantity": "0.0000000000000000000000000000000001"}
    told = payload("woocommerce_order", line_items=[line])
    assert hooks.send("woocommerce", "order.created", told).status_code == 200


def test_a_payment_under_way_counts_and_one_that_failed_does_not(hooks: Hooks) -> None:
    told = payload("shopify_refund")
    told["transactions"] = [
        {"kind": "refund", "status": "pending", "amount": "10.00", "currency": "USD"},
        {"kind": "refund", "status": "error", "amount": "10.00", "currency": "USD"},
    ]
    assert hooks.told("shopify", "refunds/create", told).event.total == "10.00"


def test_an_amount_under_way_for_no_goods_at_all_is_a_refund(hooks: Hooks) -> None:
    told = refund(transactions=[paid("10.00", "pending")], order_adjustments=[kept("-677.00", "-10.00")])
    assert hooks.told("shopify", "refunds/create", told).event.total == "677.00"


def test_goods_taken_off_an_order_that_nothing_is_given_for_cost_the_shop_nothing(hooks: Hooks) -> None:
    told = refund(refund_line_items=[LINE], order_adjustments=[kept("60.93", "0.90")])
    event = hooks.told("shopify", "refunds/create", told).event
    assert (event.total, event.subtotal) == ("0.00", "60.93")


def test_goods_taken_off_an_unpaid_order_are_no_revenue_any_more(hooks: Hooks) -> None:
    assert hooks.told("shopify", "refunds/create", refund(refund_line_items=[LINE])).event.total == "60.93"


def test_a_refund_of_a_test_order_is_none(hooks: Hooks) -> None:
    told = refund(refund_line_items=[LINE], transactions=[paid("0.90", test=True)])
    assert hooks.send("shopify", "refunds/create", told).json == {
        "status": "ignored", "reason": "This is a refund of a test order.",
    }  # fmt: skip


UNPAID = {
    "woocommerce": ("order.updated", payload("woocommerce_order", status="on-hold"), {"status": "cancelled"}),
    "magento": ("order", payload("magento_order")["order"], {"state": "canceled"}),
}


@pytest.mark.parametrize("platform", UNPAID)
def test_an_order_that_is_given_up_unpaid_takes_back_what_counted_of_it(hooks: Hooks, platform: str) -> None:
    topic, order, end = UNPAID[platform]
    for told in (order, order | end, order | end | {"note": "changed"}):
        hooks.send(platform, topic, told)
    first, last = (parsed.event for parsed in hooks.shop.stream.parsed())
    assert (first.event, last.event, last.order_id) == ("order", "refund", first.order_id)
    # Without an amount, it is what the order is less what was paid back of it before.
    assert (last.refund_type, last.total, last.violations) == ("full", None, [])


@pytest.mark.parametrize("platform", UNPAID)
def test_the_end_of_an_order_that_never_counted_is_no_news(hooks: Hooks, platform: str) -> None:
    topic, order, end = UNPAID[platform]
    assert hooks.send(platform, topic, order | end).status_code == 200
    assert hooks.shop.stream.appended == []


@pytest.mark.parametrize("platform", UNPAID)
def test_the_end_of_an_order_that_the_page_told_is_news(hooks: Hooks, platform: str) -> None:
    topic, order, end = UNPAID[platform]
    order_id = str(order.get("entity_id") or order["id"])
    with hooks.shop.sessions.begin() as db:
        project_id = hooks.shop.project.project.id
        db.add(OrderClaim(project_id=project_id, order_id=order_id, message_id="page", batch="b"))
    hooks.send(platform, topic, order | end)
    assert [parsed.event.event for parsed in hooks.shop.stream.parsed()] == ["refund"]


def test_a_paid_order_that_is_cancelled_counts_until_it_is_paid_back(hooks: Hooks) -> None:
    told = payload("woocommerce_order", status="cancelled", date_paid_gmt="2026-01-31T12:01:00")
    hooks.send("woocommerce", "order.updated", told)
    hooks.send("woocommerce", "order.updated", told | {"refunds": [{"id": 801, "total": "-32.35"}]})
    assert [parsed.event.event for parsed in hooks.shop.stream.parsed()] == ["order", "order", "refund"]


def test_a_cancelled_credit_memo_gives_nothing_back(hooks: Hooks) -> None:
    memo = payload("magento_creditmemo")["creditmemo"]
    assert hooks.send("magento", "creditmemo", memo | {"state": 3}).json == {"op": "success"}
    assert hooks.shop.stream.appended == []


def test_magentos_amounts_are_those_of_the_shops_books(hooks: Hooks) -> None:
    dollars = {
        "order_currency_code": "USD", "base_currency_code": "GBP", "base_grand_total": "107.20", "base_subtotal": "100.00",
        "base_tax_amount": "2.20", "base_shipping_amount": "7.50", "base_discount_amount": "-2.50",
    }  # fmt: skip
    order = payload("magento_order")["order"] | dollars
    order["items"] = [order["items"][0] | {"base_price": "50.00"}]
    event = hooks.told("magento", "order", order).event
    assert (event.currency, event.total, event.subtotal, event.total_tax) == (
        "GBP",
        "107.20",
        "100.00",
        "2.20",
    )
    assert (event.total_shipping, event.total_discount, event.line_prices) == ("7.50", "2.50", ["50.00"])
    hooks.shop.stream.appended.clear()
    memo = payload("magento_creditmemo")["creditmemo"] | dollars
    event = hooks.told("magento", "creditmemo", memo).event
    assert (event.currency, event.total, event.total_discount) == ("GBP", "107.20", "2.50")
