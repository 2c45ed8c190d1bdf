"""Keys, signatures, repeats and answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shopalytic.accounts.keys import get_key, revoke_key
from shopalytic.accounts.models import Key, ToldRefund
from tests.collector.conftest import error_of
from tests.collector.hooks.conftest import SECRET, Hooks, payload, sign

ORDER = payload("shopify_order")
TOLD = {
    "shopify": ("orders/create", ORDER),
    "woocommerce": ("order.created", payload("woocommerce_order")),
    "magento": ("", payload("magento_order")),
    "shipping": ("", payload("shipping")),
}


@pytest.mark.parametrize("platform", TOLD)
def test_a_notification_is_in_the_queue_when_it_is_answered(hooks: Hooks, platform: str) -> None:
    response = hooks.send(platform, *TOLD[platform])
    assert response.status_code == 200
    expected = {"op": "success"} if platform == "magento" else {"status": "accepted", "accepted": 1}
    assert response.json == expected
    [envelope] = hooks.shop.stream.envelopes
    assert (envelope.door, envelope.ip, envelope.user_agent) == ("webhook", "", "")


@pytest.mark.parametrize("platform", TOLD)
@pytest.mark.parametrize("key", ["sha_hok_unknown", "x" * 300, "%00", "{token}", "{secret_key}"])
def test_only_a_hook_key_opens_a_hook(hooks: Hooks, platform: str, key: str) -> None:
    project = hooks.shop.project
    key = key.format(token=project.token, secret_key=project.secret_key)
    response = hooks.send(platform, *TOLD[platform], key=key)
    assert (response.status_code, error_of(response)["at"]) == (401, "key")
    assert hooks.shop.stream.appended == []


def test_a_revoked_hook_key_is_refused(hooks: Hooks) -> None:
    with hooks.shop.sessions.begin() as db:
        revoke_key(get_key(db, hooks.shop.project.project.id, hooks.key))
    response = hooks.send("shopify", "orders/create", ORDER)
    assert (response.status_code, "was revoked" in error_of(response)["message"]) == (401, True)


@pytest.mark.parametrize(
    ("platform", "header"),
    [("shopify", "X-Shopify-Hmac-Sha256"), ("woocommerce", "X-WC-Webhook-Signature")],
)
@pytest.mark.parametrize("signature", [None, "", "ä", sign(b"another body"), sign(b"{}", "another secret")])
def test_a_wrong_signature_is_refused(
    hooks: Hooks, platform: str, header: str, signature: str | None
) -> None:
    headers = {} if signature is None else {header: signature.encode("utf-8").decode("latin-1")}
    response = hooks.send(platform, "", b"{}", headers=headers)
    assert (response.status_code, error_of(response)["at"]) == (401, header)
    assert hooks.shop.stream.appended == []


@pytest.mark.parametrize("platform", ["magento", "shipping"])
@pytest.mark.parametrize("said", ["", "Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET, "Bearer ä"])
def test_a_wrong_bearer_is_refused(hooks: Hooks, platform: str, said: str) -> None:
    headers = {"Authorization": said.encode("utf-8").decode("latin-1")}
    response = hooks.send(platform, *TOLD[platform], headers=headers)
    assert (response.status_code, error_of(response)["at"]) == (401, "Authorization")
    assert hooks.shop.stream.appended == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"a"', b"\xff", b'{"id":' + b"[" * 500])
@pytest.mark.parametrize("platform", TOLD)
def test_a_body_that_is_no_object_is_refused(hooks: Hooks, platform: str, body: bytes) -> None:
    response = hooks.send(platform, TOLD[platform][0], body)
    assert response.status_code == 400
    assert error_of(response)["message"]


@pytest.mark.parametrize(
    ("platform", "topic", "told", "at"),
    [
        ("shopify", "orders/create", {"id": None}, "id"),
        ("shopify", "orders/create", {"id": 1, "customer": "jon"}, "customer"),
        ("shopify", "refunds/create", {"id": 1}, "order_id"),
        ("woocommerce", "order.created", {"status": "completed"}, "id"),
        ("magento", "order", {"increment_id": "8"}, "entity_id"),
        ("shipping", "", {"order_id": "1"}, "shipment_id"),
        ("shipping", "", {"order_id": "1", "shipment_id": "2"}, "date_shipped"),
    ],
)
def test_a_notification_without_what_it_is_about_is_refused(
    hooks: Hooks, platform: str, topic: str, told: dict[str, Any], at: str
) -> None:
    response = hooks.send(platform, topic, told)
    assert (response.status_code, error_of(response)["at"]) == (400, at)


@pytest.mark.parametrize(
    ("platform", "topic"),
    [
        ("shopify", "products/update"),
        ("shopify", ""),
        ("woocommerce", "coupon.created"),
        ("magento", "invoice"),
    ],
)
def test_what_nobody_needs_is_answered_and_not_stored(hooks: Hooks, platform: str, topic: str) -> None:
    response = hooks.send(platform, topic, {"id": 1})
    assert response.status_code == 200
    if platform != "magento":
        assert response.json is not None
        assert response.json["status"] == "ignored"
        assert response.json["reason"].endswith("is not needed.")
    assert hooks.shop.stream.appended == []


def test_while_the_queue_is_away_the_platform_is_asked_to_come_again(hooks: Hooks) -> None:
    hooks.shop.stream.is_down = True
    response = hooks.send("shopify", "refunds/create", payload("shopify_refund"), delivery="d")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    hooks.shop.stream.is_down = False
    hooks.send("shopify", "refunds/create", payload("shopify_refund"), delivery="d")
    assert len(hooks.shop.stream.appended) == 1


@pytest.mark.parametrize("table", ["key", "told_refund"])
def test_while_the_database_is_away_the_platform_is_asked_to_come_again(hooks: Hooks, table: str) -> None:
    with hooks.shop.sessions.begin() as db:
        db.execute(text(f'ALTER TABLE "{table}" RENAME TO gone'))
    response = hooks.send("shopify", "refunds/create", payload("shopify_refund"))
    assert (response.status_code, error_of(response)["code"]) == (503, "database_unavailable")
    assert hooks.shop.stream.appended == []


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_a_repeated_delivery_has_the_same_message_id_and_another_one_its_own(
    hooks: Hooks, platform: str
) -> None:
    topic, told = TOLD[platform]
    for delivery in ("first", "first", "second"):
        hooks.send(platform, topic, told if delivery == "first" else told | {"note": "x"}, delivery=delivery)
    first, repeated, second = (envelope.message_id for envelope in hooks.shop.stream.envelopes)
    assert first == repeated != second
    assert first.startswith(f"{platform}:")


def test_a_refund_counts_once_for_ever_though_it_is_told_again_by_other_deliveries(hooks: Hooks) -> None:
    told = payload("shopify_refund")
    assert hooks.send("shopify", "refunds/create", told).json == {"status": "accepted", "accepted": 1}
    again = hooks.send("shopify", "refunds/create", told).json
    assert again == {"status": "ignored", "reason": "This refund is known."}
    assert len(hooks.shop.stream.appended) == 1


def test_woocommerces_unsigned_ping_is_answered(hooks: Hooks) -> None:
    response = hooks.shop.post(
        f"/hooks/woocommerce/{hooks.key}", b"webhook_id=7", content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 200
    assert hooks.shop.stream.appended == []


def test_a_test_notification_of_shopifys_is_answered_and_not_stored(hooks: Hooks) -> None:
    body = json.dumps(payload("shopify_refund")).encode()
    headers = {"X-Shopify-Hmac-Sha256": sign(body), "X-Shopify-Topic": "refunds/create"}
    response = hooks.send("shopify", "", body, headers=headers | {"X-Shopify-Test": "true"})
    assert response.json == {"status": "ignored", "reason": "This is a test notification."}
    assert hooks.shop.stream.appended == []
    assert hooks.send("shopify", "", body, headers=headers | {"X-Shopify-Test": "false"}).json == {
        "status": "accepted", "accepted": 1,
    }  # fmt: skip


def test_a_key_shows_when_its_hook_was_last_used(hooks: Hooks) -> None:
    hooks.send("shopify", "orders/create", ORDER)
    with hooks.shop.sessions() as db:
        assert db.scalars(select(Key.last_used_at).where(Key.kind == "hook")).one() is not None


def test_hooks_take_post_alone(hooks: Hooks) -> None:
    response = hooks.shop.client.get(f"/hooks/shopify/{hooks.key}")
    assert response.status_code == 405


def test_two_orders_of_one_second_are_two_though_woocommerce_numbers_them_alike(hooks: Hooks) -> None:
    """Its delivery id is made of the webhook's number and the second."""
    for order_id in (727, 728):
        hooks.send("woocommerce", "order.created", payload("woocommerce_order", id=order_id), delivery="same")
    first, second = hooks.shop.stream.envelopes
    assert first.message_id != second.message_id


def test_a_long_order_is_taken(hooks: Hooks) -> None:
    """Three megabytes, as Shopify writes about an order of a thousand lines."""
    line = ORDER["line_items"][0] | {"tax_lines": [{"title": "x" * 2800}]}
    told = ORDER | {"line_items": [line] * 1000}
    assert hooks.send("shopify", "orders/create", told).json == {"status": "accepted", "accepted": 1}
    [parsed] = hooks.shop.stream.parsed()
    assert (len(parsed.event.line_skus), parsed.event.violations) == (1000, [])


def test_a_body_of_more_than_ten_megabytes_is_refused(hooks: Hooks) -> None:
    assert hooks.send("shopify", "orders/create", b" " * (10 * 1024 * 1024 + 1)).status_code == 413


def test_of_two_notifications_that_are_noted_in_one_moment_none_is_forgotten(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    refunds = [{"id": 801, "total": "-10.00"}, {"id": 802, "total": "-2.35"}]
    told = payload("woocommerce_order", refunds=refunds)
    merge, failed = Session.merge, []

    def merge_late(self: Session, row: Any) -> Any:
        if isinstance(row, ToldRefund) and row.refund_id == "801" and not failed:
            failed.append(row)
            raise IntegrityError("somebody else was faster", None, Exception())
        return merge(self, row)

    monkeypatch.setattr(Session, "merge", merge_late)
    assert hooks.send("woocommerce", "order.updated", told).status_code == 200
    with hooks.shop.sessions() as db:
        assert set(db.scalars(select(ToldRefund.refund_id))) == {"placed-727", "801", "802"}


@pytest.mark.parametrize("order_id", ["9" * 300, "a\u0000b"])
def test_an_id_that_no_database_keeps_is_refused(hooks: Hooks, order_id: str) -> None:
    response = hooks.send("shopify", "refunds/create", payload("shopify_refund", id=order_id))
    assert (response.status_code, error_of(response)["at"]) == (400, "id")
