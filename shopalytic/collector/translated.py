"""What the doors of other protocols share: bodies read with the native door's care, messages made of their items,
and all of one request appended at once."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from shopalytic.accounts.keys import PREFIXES
from shopalytic.collector.envelope import close_envelope, make_message_id, open_envelope
from shopalytic.collector.keys import Access
from shopalytic.collector.native import MESSAGE_ID_LIMIT, check_message, explain, parse_head, read_message
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.sender import Environ, Sender
from shopalytic.collector.split import Unsplittable, split_batch
from shopalytic.errors import NotAuthorized, Rejected, ShopalyticError, TooLarge
from shopalytic.events.message import Door, Instant

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
# Amounts stay what they are: `9.90` is no float on its way through here either.
_decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_encode_sorted = msgspec.json.Encoder(decimal_format="number", order="sorted").encode


def read_object(raw: bytes) -> dict[str, Any]:
    """A JSON object with its decimals as Decimal. Raises Rejected with what is wrong and where."""
    return read_message(raw, _decode_object)


def read_items(body: bytes, array: str, limit: int) -> tuple[dict[str, Any], list[bytes]]:
    """The body's other members, and the items of its member `array`, each still unread.

    A damaged item spoils none but itself. Raises Rejected where the body itself is wrong, TooLarge.
    """
    members: Mapping[str, bytes | msgspec.Raw]
    try:
        read = _decode_members(body)
        items = [bytes(item) for item in _decode_items(read.pop(array))] if array in read else None
        members = read
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        try:
            members, items = split_batch(body, limit, array)
        except Unsplittable:
            raise explain(error, body) from None
    if items is None:
        raise Rejected(f"The body has no array {array}.", at=array)
    if len(items) > limit:
        raise TooLarge(f"A batch holds at most {limit} items.", at=array)
    head = read_object(
        b"{" + b",".join(_encode(name) + b":" + bytes(value) for name, value in members.items()) + b"}"
    )
    return head, items


def read_basic(authorization: str) -> tuple[str, str] | None:
    """The user name and the password of `Basic …`; None for another scheme. Raises NotAuthorized."""
    scheme, _, credentials = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise NotAuthorized("The basic authorization is not valid base64.", at="Authorization") from None
    return user.strip(), password.strip()


def open_key(receiver: Receiver, key: str, at: str) -> tuple[Access, bool]:
    """What the key opens, and whether it is a secret one. Raises NotAuthorized, Unavailable."""
    if not key:
        raise NotAuthorized("The request has no key.", at=at)
    if key.startswith(PREFIXES["secret"]):
        return receiver.keys.get_bearer(key)
    return receiver.keys.get_token(key), False


def known_text(value: Any, at: str) -> str:
    """An id or a name as text; numbers too, as clients without types send them. Empty for null. Raises Rejected."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Rejected(f"{at} must be a string or a number.", at=at)
    return str(value).strip()


def known_object(value: Any, at: str) -> dict[str, Any]:
    """Empty for null. Raises Rejected."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected(f"{at} must be an object.", at=at)
    return value


def known_instant(value: Any) -> Instant | None:
    """A time as the native protocol takes it; what is none goes on as text, for the worker to name."""
    if value is None or isinstance(value, int | str):
        return value
    return float(value) if isinstance(value, Decimal) else str(value)[:60]


def digest_id(prefix: str, *parts: Any) -> str:
    """A message id for what has none: the same for the same JSON values."""
    return prefix + blake2b(_encode_sorted(parts), digest_size=16).hexdigest()


class Intake:
    """The messages of one request. Nothing is taken before `append`."""

    def __init__(self, receiver: Receiver, environ: Environ, access: Access, is_secret: bool, count: int,
                 door: Door) -> None:  # fmt: skip
        """count: how many items it brings, for the rate limit. Raises Forbidden or TooMany."""
        self._receiver = receiver
        self._door = door
        self._project_id = access.project_id
        self._plan_id = access.plan_id
        self._keeps_addresses = access.keeps_addresses
        self._entries: list[tuple[str, bytes]] = []
        self.received_at_ms = time.time_ns() // 1_000_000
        self._sender = receiver.admit(environ, access, is_secret, count)
        self._opened = self._open(self._sender)
        self._opened_by_server = self._open(Sender())

    def add(
        self, message: dict[str, Any], name_sent: str = "", *, message_id: str = "", is_server: bool = False
    ) -> None:
        """message: of the native protocol; members that are None are left out. Raises ShopalyticError.

        is_server: the request's address and user agent are not the visitor's.
        """
        opened = self._opened_by_server if is_server else self._opened
        context = message.get("context")
        if not self._keeps_addresses and isinstance(context, dict) and isinstance(context.get("ip"), str):
            # As with the request's own: its country alone goes on.
            message = message | {"context": {name: context[name] for name in context if name != "ip"}}
            sender = Sender() if is_server else self._sender
            opened = self._open(sender._replace(country=self._receiver.find_country(context["ip"])))
        raw = _encode({name: value for name, value in message.items() if value is not None})
        visitor_key = check_message(parse_head(raw), None)
        envelope = close_envelope(opened, raw, None, _limit_id(message_id) or make_message_id(), name_sent)
        self._entries.append((visitor_key, envelope))

    def refuse(self, raw: bytes, error: ShopalyticError) -> None:
        """Tell the debugger of an item that was refused; raw: as the client sent it."""
        self._receiver.refused.tell_item(self._project_id, self._door, raw, error)

    def append(self, rejected: int = 0) -> int:
        """How many messages are now in the queue. Raises QueueUnavailable; then none counts as taken."""
        self._receiver.append(self._door, self._project_id, self._entries, rejected)
        return len(self._entries)

    def _open(self, sender: Sender) -> bytes:
        return open_envelope(
            self._project_id,
            self.received_at_ms,
            sender,
            None,
            self._door,
            self._plan_id,
            self._keeps_addresses,
        )


def _limit_id(sent: str) -> str:
    """A longer id by its digest, since two may begin alike. It goes into the envelope as it is."""
    if (
        len(sent) <= MESSAGE_ID_LIMIT
        and sent.isascii()
        and sent.isprintable()
        and not set(sent) & {'"', "\\"}
    ):
        return sent
    return blake2b(sent.encode("utf-8", "replace"), digest_size=32).hexdigest()
