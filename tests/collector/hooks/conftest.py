"""A shop's platform that tells the collector what happens, signed as the platform signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shopalytic.accounts.keys import make_key
from shopalytic.events.parse import Parsed
from tests.collector.conftest import Shop, empty_database, sessions, shop

__all__ = ["empty_database", "sessions", "shop"]

SECRET = "the platform's own secret"
PAYLOADS = Path(__file__).parent / "payloads"
SIGNED = {
    "shopify": ("X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-Shopify-Webhook-Id"),
    "woocommerce": ("X-WC-Webhook-Signature", "X-WC-Webhook-Topic", "X-WC-Webhook-Delivery-ID"),
}


def payload(name: str, **changes: Any) -> dict[str, Any]:
    """A platform's documented example with these members changed."""
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return found | changes


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@dataclass
class Hooks:
    shop: Shop
    key: str
    deliveries: int = field(default=0)

    def send(
        self,
        platform: str,
        topic: str,
        told: dict[str, Any] | bytes,
        *,
        delivery: str | None = None,
        headers: dict[str, str] | None = None,
        key: str | None = None,
    ) -> TestResponse:
        """told: bytes as they are. headers: instead of those that the platform would send."""
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.deliveries += 1
        query = ""
        if platform in SIGNED:
            names = SIGNED[platform]
            own = dict(
                zip(names, (sign(body), topic, delivery or f"delivery-{self.deliveries}"), strict=True)
            )
        else:
            own = {"Authorization": f"Bearer {SECRET}"}
            query = f"?topic={topic}" if topic else ""
        return self.shop.post(
            f"/hooks/{platform}/{key or self.key}{query}",
            body,
            own if headers is None else headers,
            content_type="application/json",
        )

    def told(self, platform: str, topic: str, told: dict[str, Any]) -> Parsed:
        """What the worker makes of a notification that is one message."""
        response = self.send(platform, topic, told)
        assert response.status_code == 200, response.text
        [parsed] = self.shop.stream.parsed()
        return parsed


@pytest.fixture
def hooks(shop: Shop) -> Hooks:
    with shop.sessions.begin() as db:
        made = make_key(db, shop.project.project.id, "hook", signing_secret=SECRET)
    return Hooks(shop, made.text)
