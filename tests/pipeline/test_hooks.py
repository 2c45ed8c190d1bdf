"""Webhooks beside the thank-you page: from both doors to what is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shopalytic.collector.hooks import shopify
from shopalytic.collector.hooks.reading import Told
from tests.pipeline.conftest import Line

PAYLOADS = Path(__file__).parents[1] / "collector" / "hooks" / "payloads"


def read(topic: str, name: str, **changes: Any) -> dict[str, Any]:
    told = shopify.read(topic, json.loads((PAYLOADS / f"{name}.json").read_text()) | changes)
    assert isinstance(told, list)
    [one] = told
    assert isinstance(one, Told)
    return one.message


def test_an_order_told_by_a_webhook_and_again_by_the_thank_you_page_counts_once(line: Line) -> None:
    order = read("orders/create", "shopify_order")
    page = {"event": "order", "tracking_id": "v-1", "properties": order["properties"]}
    line.send(order | {"message_id": "shopify:d-1"}, door="webhook")
    line.drain()
    line.send(page | {"message_id": "page-1"})
    line.send(read("orders/paid", "shopify_order") | {"message_id": "shopify:d-2"}, door="webhook")
    line.drain()
    assert [(row.event, row.message_id, row.total) for row in line.rows()] == [
        ("order", "shopify:d-1", "421.28")
    ]
    assert line.stream.counters(line.project_id).dropped == {"order_known": 2}


def test_a_refund_and_a_parcel_belong_to_the_customer_of_their_order(line: Line) -> None:
    line.send(
        {"event": "page_view", "tracking_id": "v-1", "message_id": "1"},
        read("orders/create", "shopify_order") | {"message_id": "2"},
        read("refunds/create", "shopify_refund") | {"message_id": "3"},
        read("fulfillments/create", "shopify_fulfillment") | {"message_id": "4"},
    )
    line.drain()
    rows = line.rows()
    assert [row.event for row in rows] == ["page_view", "order", "refund", "shipment"]
    assert len({row.owner_id for row in rows}) == 1


def test_a_refund_belongs_to_the_customer_though_the_page_told_the_order_first(line: Line) -> None:
    order = read("orders/create", "shopify_order")
    line.send({"event": "order", "tracking_id": "v-1", "message_id": "1", "properties": order["properties"]})
    line.drain()
    line.send(order | {"message_id": "2"}, read("refunds/create", "shopify_refund") | {"message_id": "3"})
    line.drain()
    order_row, refund_row = line.rows()
    assert (order_row.event, refund_row.event) == ("order", "refund")
    assert order_row.owner_id == refund_row.owner_id
