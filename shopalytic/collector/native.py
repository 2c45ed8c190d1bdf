"""The native protocol: what can be wrong with a message, found as far as it can be known at the door.

Properties, context and times are read by the worker, which sets aside what it cannot use.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from shopalytic.collector.split import Unsplittable, is_deeper, split_batch
from shopalytic.errors import Rejected, TooLarge
from shopalytic.events.message import Ids, Instant, MessageType
from shopalytic.identity.ids import parse_previous_id, parse_tracking_id, sort_user_ids

ITEMS_LIMIT = 500
MESSAGE_ID_LIMIT = 64
EVENT_LIMIT = 255
NESTING_LIMIT = 64
"""Levels. How deep msgspec can go depends on the stack that it is called from, which is another in the worker."""


class Unread(msgspec.Struct):
    """Some JSON object: that it is one is checked, its members are stepped over."""


class Head(msgspec.Struct, kw_only=True):
    """A message as far as the collector reads it; the types are those of `events.message.Message`."""

    token: str | None = None
    type: MessageType | None = None
    event: str | None = None
    message_id: str | None = None
    tracking_id: str | None = None
    user_id: Ids | None = None
    previous_id: str | int | None = None
    session_id: str | None = None
    timestamp: Instant | None = None
    sent_at: Instant | None = None
    properties: Unread | None = None
    context: Unread | None = None
    source: str | None = None
    library: str | None = None
    sandbox: bool | None = None
    dropped: Any = None
    """Messages that the client itself gave up. Of any type: a figure for the operator rejects no message."""


class Batch(msgspec.Struct, kw_only=True):
    """A batch whose items are still unread."""

    events: list[msgspec.Raw]
    token: str | None = None
    sent_at: Instant | None = None
    sandbox: bool | None = None
    dropped: Any = None


class _BatchHead(msgspec.Struct, kw_only=True):
    token: str | None = None
    sent_at: Instant | None = None
    sandbox: bool | None = None
    dropped: Any = None


_decode_head = msgspec.json.Decoder(Head).decode
_decode_batch = msgspec.json.Decoder(Batch).decode
_decode_batch_head = msgspec.json.Decoder(_BatchHead).decode
_encode = msgspec.json.Encoder().encode

_TYPE_ERROR = re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`(?: - at `\$(?P<at>[^`]*)`)?")
_VALUE_ERROR = re.compile(r"(?P<what>.+) - at `\$(?P<at>[^`]*)`")
_LATE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""The decoder takes a half pair for the text's end where fewer characters follow than the other half needs."""
_WORDS = {
    "str": "a string", "int": "a number", "float": "a decimal number", "array": "an array",
    "object": "an object", "bool": "true or false", "null": "null",
}  # fmt: skip


Read = TypeVar("Read")


def parse_head(raw: bytes) -> Head:
    """Raises Rejected with what is wrong and, in `at`, the member that it is wrong with."""
    return read_message(raw, _decode_head)


def read_message(raw: bytes, decode: Callable[[bytes], Read]) -> Read:
    """What `decode`, a msgspec decoder's, makes of one message. Raises as `parse_head` does."""
    if raw.count(b"[") + raw.count(b"{") > NESTING_LIMIT and is_deeper(raw, NESTING_LIMIT):
        raise Rejected(f"The message is nested more than {NESTING_LIMIT} levels deep.")
    try:
        if not raw.isascii():
            # The decoder steps over properties without a look at their characters; the store would not.
            raw.decode()
        return decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(error, raw) from None


def parse_batch(body: bytes) -> Batch:
    """Raises Rejected where the batch itself is wrong; what is wrong with an item shows when that is read."""
    try:
        batch = _decode_batch(body)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        batch = _parse_damaged_batch(body, error)
    if len(batch.events) > ITEMS_LIMIT:
        raise TooLarge(f"A batch holds at most {ITEMS_LIMIT} messages.", at="events")
    return batch


def check_message(head: Head, door_type: MessageType | None) -> str:
    """Whether the message says who and what. Returns its visitor key: what keeps a visitor's messages in order.

    door_type: what the path says that the message is; None where the message says so itself.
    Raises Rejected with the member in `at`.
    """
    if door_type is not None and head.type not in (None, door_type):
        raise Rejected(f"A message of type {head.type} was sent to /{door_type}.", at="type")
    kind = head.type or door_type or "track"
    if kind == "track":
        _check_event(head.event)
    if head.message_id and (len(head.message_id) > MESSAGE_ID_LIMIT or not head.message_id.isprintable()):
        raise Rejected(f"message_id has at most {MESSAGE_ID_LIMIT} printable characters.", at="message_id")
    tracking_id = parse_tracking_id(head.tracking_id) if head.tracking_id else ""
    user_ids, refused = sort_user_ids(head.user_id or None)
    # An event of a known visitor is not lost for a bad id beside it: the worker notes the violation.
    if refused and not (user_ids or (tracking_id and kind == "track")):
        raise refused[0]
    if kind != "track" and not user_ids:
        raise Rejected(f"A message of type {kind} needs a user_id.", at="user_id")
    if kind == "alias":
        parse_previous_id(head.previous_id)
    if not tracking_id and not user_ids:
        raise Rejected("The message needs a tracking_id or a user_id.", at="tracking_id")
    return tracking_id or next(iter(user_ids.values()))


def explain(error: Exception, raw: bytes = b"") -> Rejected:
    """A decoder's error about `raw` in words that name the member."""
    if isinstance(error, RecursionError):
        return Rejected("The JSON is nested too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return Rejected("The text is not valid UTF-8.")
    text = str(error)
    if found := _TYPE_ERROR.fullmatch(text):
        expected = " or ".join(_WORDS.get(word, word) for word in found["expected"].split(" | "))
        at = _member(found["at"])
        return Rejected(
            f"{at or 'The body'} must be {expected}, not {_WORDS.get(found['got'], found['got'])}.", at=at
        )
    if found := _VALUE_ERROR.fullmatch(text):
        return Rejected(f"{_member(found['at'])}: {found['what'].replace('`', '')}.", at=_member(found["at"]))
    if text == "Input data was truncated" and not _LATE_SURROGATE.search(raw, max(0, len(raw) - 16)):
        return Rejected("Not valid JSON: it ends too early.")
    if "utf-16 surrogate" in text or "hex escape" in text or "truncated" in text:
        return Rejected("Not valid JSON: a string holds half a surrogate pair.")
    if text.startswith("JSON is malformed: "):
        return Rejected(f"Not valid JSON: {text.removeprefix('JSON is malformed: ')}.")
    return Rejected(f"{text.replace('`', '').rstrip('.')}.")


def _check_event(event: str | None) -> None:
    if event is None or not event.strip():
        raise Rejected("The event has no name.", at="event")
    if len(event) > EVENT_LIMIT:
        raise Rejected(f"An event's name has at most {EVENT_LIMIT} characters.", at="event")
    if "\0" in event:
        raise Rejected("An event's name holds no NUL character.", at="event")


def _parse_damaged_batch(body: bytes, reason: Exception) -> Batch:
    """reason: why the batch could not be read as one."""
    try:
        members, items = split_batch(body, ITEMS_LIMIT)
    except Unsplittable:
        raise explain(reason, body) from None
    known = (name for name in _BatchHead.__struct_fields__ if name in members)
    joined = b",".join(_encode(name) + b":" + members[name] for name in known)
    try:
        head = _decode_batch_head(b"{" + joined + b"}")
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(error) from None
    if items is None:
        raise (
            Rejected("events must be an array.", at="events")
            if "events" in members
            else explain(reason, body)
        )
    return Batch(
        events=[msgspec.Raw(item) for item in items],
        token=head.token, sent_at=head.sent_at, sandbox=head.sandbox, dropped=head.dropped,
    )  # fmt: skip


def _member(path: str | None) -> str | None:
    """`$.user_id[...]`, as the decoder writes a place, without its ends."""
    return (path or "").removesuffix("[...]").removeprefix(".") or None
