"""From one of Exponea's commands to a message of the native protocol. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from shopalytic.collector.translated import digest_id, known_instant, known_object, known_text
from shopalytic.errors import Rejected
from shopalytic.identity.ids import VISITOR

COOKIE = "cookie"
"""The type of the soft id: one app or browser, here a visitor. All others are a customer's."""
CLICK = "campaign"
"""The event that a click in a campaign is, by Exponea's own name for it."""


class Ids(NamedTuple):
    """cookie: empty where none was sent. others: by type, as sent; whether they name anybody is not yet checked."""

    cookie: str
    others: dict[str, Any]


class Translated(NamedTuple):
    """message_id: the same for the same command sent again; empty where it says no time of its own."""

    message: dict[str, Any]
    message_id: str


def read_ids(data: dict[str, Any]) -> Ids:
    """Raises Rejected with the member in `at`."""
    ids = known_object(data.get("customer_ids"), "customer_ids")
    if VISITOR in ids:
        raise Rejected(f"The id type {VISITOR} is a visitor's; send it as {COOKIE}.", at="customer_ids")
    others = {name: value for name, value in ids.items() if name != COOKIE and value is not None}
    cookie = known_text(ids.get(COOKIE), f"customer_ids.{COOKIE}")
    if not cookie and not others:
        raise Rejected("customer_ids names nobody.", at="customer_ids")
    return Ids(cookie, others)


def translate_customer(data: dict[str, Any]) -> Translated:
    """What is said of somebody unknown is kept under the visitor's id; it names no customer yet."""
    message = _message(data, "update_timestamp", "identify")
    if message["user_id"] is not None:
        message |= {"type": "identify", "event": None}
    return Translated(message, _message_id("customers", message))


def translate_event(data: dict[str, Any]) -> Translated:
    name = data.get("event_type")
    if not isinstance(name, str) or not name.strip():
        raise Rejected("event_type is missing or no text.", at="event_type")
    message = _message(data, "timestamp", name)
    return Translated(message, _message_id("customers/events", message))


def translate_click(data: dict[str, Any]) -> Translated:
    """A click in a campaign: the address that it led to tells the campaign by its parameters."""
    url = data.get("url")
    if not isinstance(url, str) or not url.strip():
        raise Rejected("url is missing or no text.", at="url")
    message = _message(data, "timestamp", CLICK) | {"context": {"url": url.strip()}}
    return Translated(message, _message_id("campaigns/clicks", message))


def _message(data: dict[str, Any], time_member: str, event: str) -> dict[str, Any]:
    ids = read_ids(data)
    properties = known_object(data.get("properties"), "properties")
    return {
        "event": event,
        "tracking_id": ids.cookie or None,
        "user_id": ids.others or None,
        "timestamp": known_instant(data.get(time_member)),
        "properties": properties,
        "library": _library(properties),
    }


def _library(properties: dict[str, Any]) -> str | None:
    """The SDK, as it says among the properties of its own events."""
    named = (properties.get("sdk"), properties.get("sdk_version"))
    return "/".join(part for part in named if isinstance(part, str) and part) or None


def _message_id(command: str, message: dict[str, Any]) -> str:
    """The SDKs send no id, and send again what they had no answer to. They do say when it happened, to the
    microsecond, so that the same values are the same event."""
    return "" if message["timestamp"] is None else digest_id("exponea-", command, message)
