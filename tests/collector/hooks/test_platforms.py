"""What each platform's notification becomes, down to the penny. Payloads: the platforms' documented examples, shortened."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.collector.hooks.conftest import Hooks, payload

US = {"city": "Louisville", "zipcode": "40202", "country": "USA", "state": "Kentucky"}


def columns(event: Any, *names: str) -> list[Any]:
    return [getattr(event, name) for name in names]


def test_a_shopify_order(hooks: Hooks) -> None:
    parsed = hooks.told("shopify", "orders/create", payload("shopify_order"))
    event = parsed.event
    assert columns(event, "event", "source", "tracking_id", "order_id", "cart_id") == [
        "order", "shopify", "v-1", "820982911946154508", "68778783ad298f1c80c3bafcddeea02f",
    ]  # fmt: skip
    assert columns(
        event, "total", "subtotal", "total_tax", "total_shipping", "total_discount", "currency"
    ) == ["421.28", "398.00", "23.28", "10.00", "10.00", "USD"]
    assert columns(event, "line_skus", "line_names", "line_qtys", "line_prices") == [
        ["22196", "49148385"], ["A white cup", "A saucer"], [1, 1], ["199.00", "199.00"],
    ]  # fmt: skip
    assert event.occurred_at == "2026-01-31 17:00:00.000"
    assert parsed.user_ids == {
        "user_id": "115310627314723954", "email": "jon@data.example", "order": "820982911946154508",
    }  # fmt: skip
    assert (parsed.ip, parsed.is_agent_named) == ("192.0.2.9", True)
    assert event.violations == []
    [envelope] = hooks.shop.stream.envelopes
    assert envelope.name_sent == "orders/create"
    sent = json.loads(bytes(envelope.message))["properties"]
    assert sent["billing"] == US
    assert sent["shipping"] == {"city": "Wien", "zipcode": "1010", "country": "AUT"}
    assert sent["discounts"] == [{"code": "WELCOME", "value": "10.00"}]


def test_an_order_of_nobody_known_is_counted_under_itself(hooks: Hooks) -> None:
    order = payload("shopify_order", customer=None, email="", note_attributes=[])
    parsed = hooks.told("shopify", "orders/create", order)
    assert (parsed.user_ids, parsed.event.tracking_id) == ({"order": "820982911946154508"}, "")


def test_an_order_that_was_brought_over_counts_when_it_was_placed(hooks: Hooks) -> None:
    told = payload("shopify_order", processed_at="2024-05-01T10:00:00Z")
    assert hooks.told("shopify", "orders/create", told).event.occurred_at == "2024-05-01 10:00:00.000"


def test_an_order_to_a_friends_address_stays_its_customers(hooks: Hooks) -> None:
    told = payload("shopify_order", email="friend@data.example")
    assert hooks.told("shopify", "orders/create", told).user_ids["email"] == "jon@data.example"
    hooks.shop.stream.appended.clear()
    parcel = payload("shopify_fulfillment", email="friend@data.example")
    assert hooks.told("shopify", "fulfillments/create", parcel).user_ids == {"order": "820982911946154508"}


def test_amounts_that_come_in_two_currencies_alone_are_the_shops(hooks: Hooks) -> None:
    told = payload("shopify_order")
    for name in ("total_price", "total_line_items_price", "total_tax", "total_discounts"):
        told[f"{name}_set"] = {"shop_money": {"amount": told.pop(name)}, "presentment_money": {"amount": "1"}}
    event = hooks.told("shopify", "orders/create", told).event
    assert columns(event, "total", "subtotal", "total_tax", "total_discount", "currency") == [
        "421.28", "398.00", "23.28", "10.00", "USD",
    ]  # fmt: skip


def test_a_paid_woocommerce_order_in_a_plugins_own_state_counts(hooks: Hooks) -> None:
    told = payload("woocommerce_order", status="pre-ordered", date_paid_gmt="2026-01-31T12:01:00")
    assert hooks.told("woocommerce", "order.created", told).event.event == "order"


def test_a_shopify_test_order_is_no_order(hooks: Hooks) -> None:
    response = hooks.send("shopify", "orders/create", payload("shopify_order", test=True))
    assert response.json == {"status": "ignored", "reason": "This is a test order."}


def test_a_shopify_refund_counts_what_was_paid_back(hooks: Hooks) -> None:
    parsed = hooks.told("shopify", "refunds/create", payload("shopify_refund"))
    event = parsed.event
    assert columns(event, "event", "order_id", "refund_type", "total", "subtotal", "total_tax") == [
        "refund", "820982911946154508", "partial", "207.65", "195.67", "3.98",
    ]  # fmt: skip
    assert columns(event, "total_shipping", "line_skus", "line_qtys", "line_prices") == [
        "8.00", ["22196"], [1], ["199.00"],
    ]  # fmt: skip
    assert (event.occurred_at, event.violations) == ("2026-02-03 15:34:55.000", [])
    assert parsed.user_ids == {"order": "820982911946154508"}


def test_a_refund_that_gives_nothing_back_is_none(hooks: Hooks) -> None:
    told = payload("shopify_refund", refund_line_items=[], transactions=[], order_adjustments=[])
    assert hooks.send("shopify", "refunds/create", told).json == {
        "status": "ignored", "reason": "Nothing was refunded.",
    }  # fmt: skip


def test_a_shopify_fulfillment_is_a_shipment(hooks: Hooks) -> None:
    event = hooks.told("shopify", "fulfillments/create", payload("shopify_fulfillment")).event
    assert columns(event, "event", "shipment_id", "carrier", "violations") == [
        "shipment",
        "123456",
        "dhl",
        [],
    ]
    assert event.properties["tracking_number"] == "1Z2345"


def test_a_delivered_fulfillment_tells_the_dates(hooks: Hooks) -> None:
    told = payload("shopify_fulfillment", shipment_status="delivered", updated_at="2026-02-04T08:00:00-05:00")
    event = hooks.told("shopify", "fulfillments/update", told).event
    assert columns(event, "event", "violations") == ["shipment_update", []]
    assert event.properties["date_shipped"] == "2026-02-01T09:00:00-05:00"
    assert event.properties["date_delivered"] == "2026-02-04T08:00:00-05:00"


def test_a_parcel_is_told_once_on_its_way_and_again_when_its_number_is_known(hooks: Hooks) -> None:
    told = payload("shopify_fulfillment", tracking_number=None)
    hooks.send("shopify", "fulfillments/create", told)
    for station in ("in_transit", "out_for_delivery"):
        hooks.send("shopify", "fulfillments/update", told | {"shipment_status": station})
    for station in ("delivered", "delivered"):
        hooks.send("shopify", "fulfillments/update", told | {"tracking_number": "1Z2345"})
        hooks.send("shopify", "fulfillments/update", told | {"shipment_status": station})
    ids = [envelope.message_id for envelope in hooks.shop.stream.envelopes]
    created, numbered, delivered = ids[0], ids[3], ids[4]
    assert ids == [created, created, created, numbered, delivered, numbered, delivered]
    assert len({created, numbered, delivered}) == 3


def test_a_cancelled_fulfillment_is_no_parcel(hooks: Hooks) -> None:
    told = payload("shopify_fulfillment", status="cancelled")
    response = hooks.send("shopify", "fulfillments/update", told)
    assert response.json == {"status": "ignored", "reason": "The fulfillment is cancelled."}


@pytest.mark.parametrize(
    ("platform", "topic", "name", "occurred_at", "user_id"),
    [
        ("shopify", "customers/create", "account_register", "2026-01-02 08:04:05.000", "706405506930370084"),
        ("shopify", "customers/update", "account_update", "2026-01-05 08:04:05.000", "706405506930370084"),
        ("woocommerce", "customer.created", "account_register", "2026-01-02 03:04:05.000", "26"),
        ("woocommerce", "customer.updated", "account_update", "2026-01-05 03:04:05.000", "26"),
        ("magento", "", "account_register", "2026-01-02 03:04:05.000", "5"),
    ],
)
def test_a_customer(
    hooks: Hooks, platform: str, topic: str, name: str, occurred_at: str, user_id: str
) -> None:
    told = payload(f"{platform}_customer")
    parsed = hooks.told(platform, topic, told)
    assert columns(parsed.event, "event", "occurred_at", "violations") == [name, occurred_at, []]
    email = told["data"]["customer"]["email"] if platform == "magento" else told["email"]
    assert parsed.user_ids == {"user_id": user_id, "email": email}
    assert parsed.event.properties["email"] == email


def test_a_woocommerce_order(hooks: Hooks) -> None:
    parsed = hooks.told("woocommerce", "order.created", payload("woocommerce_order"))
    event = parsed.event
    assert columns(event, "event", "source", "tracking_id", "order_id", "cart_id", "currency") == [
        "order", "woocommerce", "v-1", "727", "cdf2a9a8", "EUR",
    ]  # fmt: skip
    assert columns(event, "total", "subtotal", "total_tax", "total_shipping", "total_discount") == [
        "32.35", "24.00", "1.35", "10.00", "3.00",
    ]  # fmt: skip
    assert columns(event, "line_skus", "line_qtys", "line_prices") == [
        ["22196", "23"],
        [3, 1],
        ["6.6667", "4.00"],
    ]
    assert (event.occurred_at, event.violations) == ("2026-01-31 12:00:00.000", [])
    assert parsed.user_ids == {"user_id": "26", "email": "john@data.example", "order": "727"}
    [envelope] = hooks.shop.stream.envelopes
    sent = json.loads(bytes(envelope.message))["properties"]
    assert (sent["billing"]["country"], sent["shipping"]["country"]) == ("USA", "CZE")
    assert sent["discounts"] == [{"code": "welcome", "value": "3.00"}]


def test_a_woocommerce_guest_is_known_by_his_email(hooks: Hooks) -> None:
    parsed = hooks.told("woocommerce", "order.created", payload("woocommerce_order", customer_id=0))
    assert parsed.user_ids == {"email": "john@data.example", "order": "727"}


@pytest.mark.parametrize("status", ["pending", "checkout-draft", "failed", "trash", "awaiting-quote"])
def test_a_woocommerce_order_counts_once_it_is_placed(hooks: Hooks, status: str) -> None:
    told = payload("woocommerce_order", status=status)
    response = hooks.send("woocommerce", "order.created", told)
    assert response.json == {"status": "ignored", "reason": f"The order is {status}."}
    hooks.send("woocommerce", "order.updated", told | {"status": "processing"})
    assert [parsed.event.event for parsed in hooks.shop.stream.parsed()] == ["order"]


def test_woocommerces_refunds_are_told_once_each(hooks: Hooks) -> None:
    first = {"id": 801, "reason": "", "total": "-10.00"}
    second = {"id": 802, "reason": "", "total": "-2.35"}
    for refunds in ([first], [first], [second, first]):
        hooks.send("woocommerce", "order.updated", payload("woocommerce_order", refunds=refunds))
    told = [it.event for it in hooks.shop.stream.parsed() if it.event.event == "refund"]
    assert [columns(it, "message_id", "refund_type", "total") for it in told] == [
        ["woocommerce:refund:801", "partial", "10.00"],
        ["woocommerce:refund:802", "partial", "2.35"],
    ]


@pytest.mark.parametrize("refunds", [[], [{"id": 801, "total": "-32.35"}]])
def test_a_woocommerce_order_refunded_whole_is_a_full_refund(
    hooks: Hooks, refunds: list[dict[str, Any]]
) -> None:
    hooks.send(
        "woocommerce", "order.updated", payload("woocommerce_order", status="refunded", refunds=refunds)
    )
    order, refund = (parsed.event for parsed in hooks.shop.stream.parsed())
    assert order.event == "order"
    assert columns(refund, "event", "refund_type", "total", "subtotal", "violations") == [
        "refund", "full", "32.35", "24.00", [],
    ]  # fmt: skip


def test_a_magento_order(hooks: Hooks) -> None:
    parsed = hooks.told("magento", "", payload("magento_order"))
    event = parsed.event
    assert columns(event, "event", "source", "tracking_id", "order_id", "cart_id", "currency") == [
        "order", "magento", "v-1", "8", "17", "GBP",
    ]  # fmt: skip
    assert columns(event, "total", "subtotal", "total_tax", "total_shipping", "total_discount") == [
        "214.4000", "200.0000", "4.4", "15.0", "5.0000",
    ]  # fmt: skip
    assert columns(event, "line_skus", "line_qtys", "line_prices", "line_costs") == [
        ["cup-white"], [2], ["100"], ["40.0000"],
    ]  # fmt: skip
    assert (event.occurred_at, event.violations) == ("2026-01-31 12:00:00.000", [])
    assert parsed.user_ids == {"user_id": "5", "email": "ann@data.example", "order": "8"}
    [envelope] = hooks.shop.stream.envelopes
    sent = json.loads(bytes(envelope.message))["properties"]
    assert sent["shipping"] == {
        "city": "Leeds", "zipcode": "LS1 1UR", "country": "GBR", "state": "West Yorkshire",
    }  # fmt: skip


@pytest.mark.parametrize("state", ["canceled", "pending_payment"])
def test_a_magento_order_that_is_not_placed_is_answered_all_the_same(hooks: Hooks, state: str) -> None:
    told = payload("magento_order")
    told["order"]["state"] = state
    assert hooks.send("magento", "", told).json == {"op": "success"}
    assert hooks.shop.stream.appended == []


def test_a_magento_credit_memo_is_a_refund(hooks: Hooks) -> None:
    event = hooks.told("magento", "", payload("magento_creditmemo")).event
    assert columns(event, "event", "order_id", "refund_type", "total", "subtotal", "total_tax") == [
        "refund", "8", "partial", "102.2000", "100.0000", "2.2000",
    ]  # fmt: skip
    assert columns(event, "line_skus", "line_qtys", "violations") == [["cup-white"], [1], []]


def test_a_magento_shipment_in_an_event_of_adobes(hooks: Hooks) -> None:
    event = hooks.told("magento", "shipment", payload("magento_shipment")).event
    assert columns(event, "event", "order_id", "shipment_id", "carrier", "violations") == [
        "shipment", "8", "4", "royal-mail", [],
    ]  # fmt: skip


def test_a_changed_magento_customer_is_an_update(hooks: Hooks) -> None:
    told = payload("magento_customer")
    told["data"]["customer"]["updated_at"] = "2026-01-05 03:04:05"
    event = hooks.told("magento", "", told).event
    assert columns(event, "event", "occurred_at") == ["account_update", "2026-01-05 03:04:05.000"]


@pytest.mark.parametrize(
    ("platform", "name", "news"),
    [
        ("shipping", "shipping", {"date_delivered": "2026-02-04T11:00:00Z"}),
        ("magento", "magento_shipment", {"tracks": []}),
    ],
)
def test_a_parcel_is_told_once_though_it_is_told_with_another_note(
    hooks: Hooks, platform: str, name: str, news: dict[str, Any]
) -> None:
    told = payload(name)
    if platform == "magento":
        told = told["event"]["data"]["value"]
    for change in ({}, {"note": "attempt 2", "updated_at": "2026-03-01 10:00:00"}, news):
        hooks.send(platform, "shipment" if platform == "magento" else "", told | change)
    first, again, other = [envelope.message_id for envelope in hooks.shop.stream.envelopes]
    assert first == again != other


def test_delivery_dates(hooks: Hooks) -> None:
    event = hooks.told("shipping", "", payload("shipping")).event
    assert columns(event, "event", "order_id", "shipment_id", "violations") == [
        "shipment_update", "1001", "P-1", [],
    ]  # fmt: skip


@pytest.mark.parametrize("platform", ["shopify", "woocommerce", "magento"])
def test_no_amount_passes_through_a_float(hooks: Hooks, platform: str) -> None:
    """33 digits: a float keeps 17 of them."""
    exact = "12345678901234567890123456789.1234"
    name, member, topic = {
        "shopify": ("shopify_order", "total_price", "orders/create"),
        "woocommerce": ("woocommerce_order", "total", "order.created"),
        "magento": ("magento_order", "grand_total", "order"),
    }[platform]
    told = payload(name)
    (told["order"] if platform == "magento" else told)[member] = "AMOUNT"
    hooks.send(platform, topic, json.dumps(told).replace('"AMOUNT"', exact).encode())
    [envelope] = hooks.shop.stream.envelopes
    assert json.loads(bytes(envelope.message))["properties"]["total"] == exact


def test_an_amount_of_a_billion_digits_is_not_written_out(hooks: Hooks) -> None:
    body = (
        json.dumps(payload("shopify_refund"))
        .replace("195.67", "1e999999999")
        .replace("3.98", '"1e999999999"')
    )
    event = hooks.told("shopify", "refunds/create", json.loads(body, parse_float=str)).event
    assert (event.subtotal, event.total_tax) == ("0", "0")
    hooks.shop.stream.appended.clear()
    body = json.dumps(payload("shopify_order", total_price="AMOUNT")).replace('"AMOUNT"', "1e999999999")
    assert hooks.send("shopify", "orders/create", body.encode()).status_code == 200
    [parsed] = hooks.shop.stream.parsed()
    assert parsed.event.total is None
    assert parsed.event.violations
