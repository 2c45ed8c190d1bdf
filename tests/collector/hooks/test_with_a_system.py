"""A shop's first day with webhooks, against a whole Shopalytic and with its commands."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.system import System, running_system
from tests.collector.hooks.conftest import payload, sign


def post(system: System, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(
        system.address + path, body, headers | {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_an_order_and_its_refund_told_by_shopify_reach_the_customer(tmp_path: Path) -> None:
    with running_system(tmp_path / "data") as system:
        key = system.run("project", "add-key", "Another shop", "hook", "--json")
        path = f"/hooks/shopify/{key['hook_key']}"

        def tell(topic: str, name: str, delivery: str) -> tuple[int, Any]:
            body = json.dumps(payload(name)).encode()
            signature = sign(body, key["signing_secret"])
            headers = {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": topic}
            return post(system, path, body, headers | {"X-Shopify-Webhook-Id": delivery})

        accepted = {"status": "accepted", "accepted": 1}
        assert tell("orders/create", "shopify_order", "d-1") == (200, accepted)
        assert tell("orders/create", "shopify_order", "d-1") == (200, accepted)
        assert tell("orders/paid", "shopify_order", "d-2") == (200, accepted)
        assert tell("refunds/create", "shopify_refund", "d-3") == (200, accepted)
        assert tell("refunds/create", "shopify_refund", "d-4")[1]["status"] == "ignored"
        # The first that is processed counts, and the page's visitor has a partition of its own.
        system.wait_until_stored(patience_seconds=120)
        page = payload("shopify_order")
        order = {
            "order_id": page["id"],
            "cart_id": "c",
            "total": "421.28",
            "subtotal": "398.00",
            "line_items": [],
        }
        thanks = {
            "token": system.project["token"],
            "event": "order",
            "tracking_id": "v-1",
            "properties": order,
        }
        assert post(system, "/track", json.dumps(thanks).encode(), {})[0] == 200
        assert post(system, path, b"{}", {"X-Shopify-Hmac-Sha256": sign(b"{}", "wrong")})[0] == 401

        counters = system.wait_until_stored(patience_seconds=120)
        assert {name: counters[name] for name in ("accepted", "stored", "duplicate", "quarantined")} == {
            "accepted": 5, "stored": 2, "duplicate": 1, "quarantined": 0,
        }  # fmt: skip
        assert counters["dropped"] == {"order_known": 2}
        customer = system.get("/api/v1/customers?id=jon@data.example")
        events = system.get(f"/api/v1/customers/{customer['customer_id']}/events")["events"]
        assert [(it["event"], it["event_sent"], it["door"]) for it in events] == [
            ("refund", "refunds/create", "webhook"), ("order", "orders/create", "webhook"),
        ]  # fmt: skip
