"""A webhook that is refused, in the debugger of the project whose hook key it has."""

from __future__ import annotations

from shopalytic.pipeline.told import decode_told
from tests.collector.hooks.conftest import Hooks, payload


def test_a_webhook_with_a_wrong_signature_is_told_to_whoever_watches_the_project(hooks: Hooks) -> None:
    feed = hooks.shop.stream.feed
    feed.watching.add(hooks.shop.project.project.id)
    headers = {"X-Shopify-Hmac-Sha256": "wrong", "X-Shopify-Topic": "refunds/create"}
    assert hooks.send("shopify", "", payload("shopify_refund"), headers=headers).status_code == 401
    [(project_id, content)] = feed.published
    told = decode_told(content)
    assert project_id == hooks.shop.project.project.id
    assert (told.door, told.status, told.at) == ("webhook", 401, "X-Shopify-Hmac-Sha256")
    assert '"refund' in told.raw


def test_an_unknown_hook_key_is_told_to_nobody(hooks: Hooks) -> None:
    hooks.shop.stream.feed.watching.add(hooks.shop.project.project.id)
    hooks.send("shopify", "refunds/create", payload("shopify_refund"), key="sha_hok_unknown")
    assert hooks.shop.stream.feed.published == []
