"""One notification: its key and signature, what it says, and its messages into the queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from flask import Request
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.datastructures import Headers

from shopalytic.collector.body import drop_body, read_body
from shopalytic.collector.hooks import magento, shipping, shopify, woocommerce
from shopalytic.collector.hooks.access import Hook, find_told, get_hook, is_placed, note, placed_mark
from shopalytic.collector.hooks.reading import Ignored, Reading, Told
from shopalytic.collector.hooks.signatures import is_bearer, is_signed
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.refusals import MethodNotAllowed
from shopalytic.collector.refused import PROJECT
from shopalytic.collector.translated import Intake, digest_id, read_object
from shopalytic.errors import NotAuthorized

SENDS_OP = frozenset({"magento"})
"""Adobe Commerce does what the answer's `op` says; anything but `success` may stop the customer's order."""
BODY_LIMIT_BYTES = 10 * 1024 * 1024
"""A platform writes kilobytes about each line of an order. It gives up an address that refuses a long order often enough."""
_encode = msgspec.json.Encoder().encode


class Platform(NamedTuple):
    """How a platform tells what it tells. Headers by name; None: it has no such header.

    signature: of the body; None: the signing secret itself comes as a bearer. topic: None is the address's `?topic=`.
    delivery: the same for each repeat of one notification. test: says `true` of a made-up one.
    """

    name: str
    read: Callable[[str, dict[str, Any]], Reading]
    signature: str | None = None
    topic: str | None = None
    delivery: str | None = None
    test: str | None = None

    def find_topic(self, request: Request) -> str:
        topic = request.headers.get(self.topic, "") if self.topic else request.args.get("topic", "")
        return str(topic).strip().lower()

    def verify(self, secret: str, body: bytes, headers: Headers) -> None:
        """Raises NotAuthorized."""
        if self.signature is None:
            if not is_bearer(secret, headers.get("Authorization", "")):
                raise NotAuthorized("The signing secret is missing or wrong.", at="Authorization")
        elif not is_signed(secret, body, headers.get(self.signature, "")):
            raise NotAuthorized("The signature does not fit the body.", at=self.signature)


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform(
            "shopify", shopify.read, "X-Shopify-Hmac-Sha256", "X-Shopify-Topic",
            "X-Shopify-Webhook-Id", "X-Shopify-Test",
        ),
        # Its X-WC-Webhook-Delivery-ID is made of the webhook and the second: two orders of one second would be one.
        Platform("woocommerce", woocommerce.read, "X-WC-Webhook-Signature", "X-WC-Webhook-Topic"),
        Platform("magento", magento.read),
        Platform("shipping", shipping.read),
    )
}  # fmt: skip


def receive(
    receiver: Receiver, sessions: sessionmaker[Session], platform: Platform, key: str, request: Request
) -> bytes:
    """The answer's JSON, once the queue has what the notification says. Raises ShopalyticError."""
    if request.method != "POST":
        raise MethodNotAllowed(f"/hooks/{platform.name}/… takes POST.")
    # Before the body: so much is kept for a known key alone.
    try:
        hook = get_hook(sessions, key)
    except NotAuthorized:
        drop_body(request.environ)
        raise
    request.environ[PROJECT] = hook.access.project_id
    body = read_body(request.environ, max(BODY_LIMIT_BYTES, receiver.settings.body_limit_bytes))
    if platform.name == "woocommerce" and woocommerce.is_ping(request.content_type or "", body):
        return _answer(platform, Ignored("The webhook can reach this address."))
    platform.verify(hook.signing_secret, body, request.headers)
    if platform.test and request.headers.get(platform.test, "").lower() == "true":
        return _answer(platform, Ignored("This is a test notification."))
    topic = platform.find_topic(request)
    reading = platform.read(topic, read_object(body))
    if not isinstance(reading, Ignored):
        reading = _leave_known(sessions, hook, platform, reading)
    if isinstance(reading, Ignored):
        return _answer(platform, reading)
    intake = Intake(receiver, request.environ, hook.access, True, len(reading), "webhook")
    delivery = _delivery_id(platform, topic, request.headers, body)
    for number, it in enumerate(reading):
        message = {"source": platform.name, "library": "webhook"} | it.message
        own_id = it.message_id or (f"{delivery}:{number}" if number else delivery)
        intake.add(message, topic, message_id=own_id, is_server=True)
    taken = intake.append()
    marks = [placed_mark(it.places) for it in reading if it.places]
    note(sessions, hook.access, platform.name, [*marks, *_refunds(reading)])
    return _answer(platform, taken)


def _leave_known(
    sessions: sessionmaker[Session], hook: Hook, platform: Platform, told: list[Told]
) -> Reading:
    """Without the refunds that were told before, and the ends of orders that never were."""
    project_id = hook.access.project_id
    known = find_told(sessions, project_id, platform.name, _refunds(told))
    new = [it for it in told if it.refund_id not in known]
    if not new:
        return Ignored("This refund is known.")
    new = [it for it in new if not it.ends or is_placed(sessions, project_id, platform.name, it.ends)]
    return new or Ignored("The order was given up, and never counted.")


def _refunds(told: list[Told]) -> list[str]:
    return [it.refund_id for it in told if it.refund_id]


def _delivery_id(platform: Platform, topic: str, headers: Headers, body: bytes) -> str:
    """By the body where the platform numbers nothing."""
    if platform.delivery and (delivery := headers.get(platform.delivery, "").strip()):
        return f"{platform.name}:{delivery}"
    return digest_id(f"{platform.name}:", topic, body.decode("utf-8", "replace"))


def _answer(platform: Platform, result: int | Ignored) -> bytes:
    if platform.name in SENDS_OP:
        return b'{"op":"success"}'
    if isinstance(result, Ignored):
        return _encode({"status": "ignored", "reason": result.reason})
    return _encode({"status": "accepted", "accepted": result})
