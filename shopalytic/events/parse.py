"""From an entry of the stream to an event.

Nothing here raises for anything that a client can send: what cannot become an event becomes a Quarantine that says
why. The clock comes in as a value.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

from shopalytic.events import clock, column
from shopalytic.events.catalogue import EVENT_SLIPS
from shopalytic.events.event import Event, Quarantine, QuarantineReason
from shopalytic.events.meaning import check_meaning, is_in_future
from shopalytic.events.message import Envelope, Ids, Instant, Message, MessageType
from shopalytic.events.properties import Taken, take_properties
from shopalytic.events.urls import split_url
from shopalytic.events.values import ID_LIMIT, LABEL_LIMIT, TEXT_LIMIT, URL_LIMIT, clean
from shopalytic.events.violations import Violation

AGENT_LIMIT = 1024
ADDRESS_LIMIT = 64
MESSAGE_ID_LIMIT = 64
NESTED_TOO_DEEPLY = "The message is nested too deeply."

_decode_message = msgspec.json.Decoder(Message, float_hook=Decimal).decode
_decode_envelope = msgspec.json.Decoder(Envelope).decode
_HEAD = re.compile(rb'\{"p":([0-9]{1,9}),"r":([0-9]{1,15})[,}]')

_CONTEXT_COLUMNS = (
    ("url", URL_LIMIT),
    ("referrer", URL_LIMIT),
    ("title", TEXT_LIMIT),
    ("screen", LABEL_LIMIT),
    ("language", LABEL_LIMIT),
    ("time_zone", LABEL_LIMIT),
)
_CAMPAIGN_COLUMNS = {
    "source": "utm_source",
    "medium": "utm_medium",
    "name": "utm_campaign",
    "term": "utm_term",
    "content": "utm_content",
}


class Parsed(msgspec.Struct):
    """An event, and what the later steps need of its message that is no column of it.

    user_ids: type → trimmed text, sorted with `user_id` first; whether they name anybody is not yet checked. The event's
    are as they were sent.
    user_agent, accept_language, ip: the visitor's, from the message's context where a server speaks for a visitor,
    else the request's. is_agent_named: the context gave the user agent. sent: the properties as they came.
    previous_id: of an alias, trimmed and not yet checked. told_email: an address in its properties that the project has
    count as an id. links_visitor: False: what the ids say is not about the visitor, who is nobody's. country: as the
    collector found it, where it does not hand on the address.
    """

    event: Event
    occurred_at: datetime
    user_ids: dict[str, str]
    kind: MessageType
    user_agent: str = ""
    accept_language: str = ""
    ip: str = ""
    is_agent_named: bool = False
    sent: dict[str, Any] = {}
    previous_id: str = ""
    told_email: str = ""
    links_visitor: bool = True
    country: str = ""


class _Refused(Exception):
    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        self.quarantine = Quarantine(reason, detail)


def parse_envelope(raw: bytes) -> Envelope:
    """The entry as the collector wrote it.

    An entry that is no JSON (the collector splices the message in as it came) gives an Envelope whose message is
    the whole entry, which `parse_message` then refuses: one bad entry must not stop the batch that it is in.
    """
    try:
        return _decode_envelope(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        head = _HEAD.match(raw)
        project_id, received_at = (int(head[1]), int(head[2])) if head else (0, 0)
        return Envelope(project_id=project_id, received_at=received_at, message=msgspec.Raw(raw or b"-"))


def parse_message(envelope: Envelope, stored_at_ms: int) -> Parsed | Quarantine:
    """The event of one message, its times corrected, its known properties converted and checked."""
    try:
        message = _decode_message(envelope.message)
    except RecursionError:
        return Quarantine(QuarantineReason.NOT_READABLE, NESTED_TOO_DEEPLY)
    except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
        detail = str(error).encode("utf-8", "replace").decode()[:300]
        return Quarantine(QuarantineReason.NOT_READABLE, f"The message cannot be read: {detail}")
    try:
        return _event(envelope, message, stored_at_ms)
    except _Refused as refused:
        return refused.quarantine
    except column.TooDeep as error:
        return Quarantine(QuarantineReason.NOT_READABLE, f"The message is {error}.")


def _event(envelope: Envelope, message: Message, stored_at_ms: int) -> Parsed:
    kind = envelope.type or message.type
    name, name_sent, violations = _name(kind, message)
    name_sent = envelope.name_sent or name_sent
    tracking_id = _tracking_id(message.tracking_id)
    sent_ids = _user_ids(message.user_id)
    user_ids = {name: value.strip() for name, value in sent_ids.items()}
    if not user_ids and (not tracking_id or kind != "track"):
        wanted = "neither tracking_id nor user_id" if kind == "track" else "no user_id"
        raise _Refused(QuarantineReason.NO_ID, f"A message of type {kind} came with {wanted}.")

    sent = message.properties or {}
    context = message.context or {}
    columns, context_left = _take_context(context)
    if name == "page_view":
        # The page's address is a property of a page view, which the tag may give in either place.
        sent = {key: columns[key] for key in ("url", "referrer") if columns.get(key)} | sent
    taken = take_properties(name, sent)
    columns |= taken.columns
    if name == "cart_add" and taken.columns.get("qty") == 0:
        violations.append(Violation.RENAMED.at(name))
        name = "cart_modify"
        # A removed item has no price to tell.
        taken.violations = [each for each in taken.violations if each != Violation.MISSING.at("price")]
    occurred_ms = _occurred_ms(envelope, message, taken, violations)
    violations += taken.violations
    violations += check_meaning(
        name, sent, taken.columns, envelope.received_at, is_platform=envelope.door == "webhook"
    )

    properties = column.split(taken.left)
    if context_left:
        properties[column.CONTEXT] = column.split(context_left)
    if name_sent is not None:
        properties[column.EVENT] = name_sent
    event = Event(
        project_id=envelope.project_id,
        event=name,
        occurred_at=clock.instant_text(occurred_ms),
        received_at=clock.instant_text(envelope.received_at),
        stored_at=clock.instant_text(stored_at_ms),
        message_id=_message_id(envelope.message_id or message.message_id or ""),
        door=envelope.door,
        source=clean(message.source or "", LABEL_LIMIT),
        library=clean(message.library or "", LABEL_LIMIT),
        tracking_id=tracking_id,
        user_ids=sent_ids,
        session_id=clean((message.session_id or "").strip(), ID_LIMIT),
        properties=properties,
        violations=violations,
        **columns,
    )
    if event.url:
        event.path = split_url(event.url).path[:TEXT_LIMIT]
    agent = _text(context, "user_agent")
    address = _text(context, "ip")
    if envelope.keeps_address:
        event.ip = clean(address or envelope.ip, ADDRESS_LIMIT)
    return Parsed(
        event,
        clock.instant(occurred_ms),
        user_ids,
        kind,
        (agent or envelope.user_agent)[:AGENT_LIMIT],
        envelope.language,
        address or envelope.ip,
        bool(agent),
        sent,
        "" if message.previous_id is None or kind != "alias" else str(message.previous_id).strip(),
        country="" if address else envelope.country,
    )


def _name(kind: MessageType, message: Message) -> tuple[str, str | None, list[str]]:
    """(name, the name as sent where the column could not hold it, violations)."""
    if kind != "track":
        return kind, None, []
    sent = message.event or ""
    name = clean(sent.strip(), LABEL_LIMIT)
    if not name:
        raise _Refused(QuarantineReason.NO_EVENT_NAME, "The message has no event name.")
    if name in EVENT_SLIPS:
        return EVENT_SLIPS[name], None, [Violation.RENAMED.at(name)]
    return name, None if name == sent.strip() else sent, []


def _message_id(sent: str) -> str:
    """Up to 64 characters as sent; a longer one by its digest, since two may begin alike."""
    text = clean(sent, MESSAGE_ID_LIMIT + 1)
    return (
        text
        if len(text) <= MESSAGE_ID_LIMIT
        else blake2b(sent.encode("utf-8", "replace"), digest_size=32).hexdigest()
    )


def _tracking_id(sent: str | None) -> str:
    tracking_id = (sent or "").strip()
    if len(tracking_id) > ID_LIMIT:
        raise _Refused(
            QuarantineReason.FORBIDDEN_ID,
            f"tracking_id has {len(tracking_id)} characters; at most {ID_LIMIT} are taken.",
        )
    if "\0" in tracking_id:
        raise _Refused(QuarantineReason.FORBIDDEN_ID, "tracking_id has a NUL character in it.")
    return tracking_id


def _user_ids(sent: Ids | None) -> dict[str, str]:
    if sent is None:
        return {}
    if not isinstance(sent, dict):
        return {"user_id": str(sent)}
    return {name: str(sent[name]) for name in sorted(sent, key=lambda name: (name != "user_id", name))}


def _take_context(context: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(column → value, what has no column). Addresses of the network and user agents are not kept."""
    columns: dict[str, Any] = {}
    left = dict(context)
    for name, limit in _CONTEXT_COLUMNS:
        value = context.get(name)
        if isinstance(value, str):
            columns[name] = text = clean(value, limit)
            if text == value:
                del left[name]
    for name in ("ip", "user_agent"):
        if isinstance(left.get(name), str):
            del left[name]
    if left.get("gpc") is False:
        # On nearly every message, and it says nothing.
        del left["gpc"]
    campaign = left.get("campaign")
    if isinstance(campaign, dict):
        for name, utm in _CAMPAIGN_COLUMNS.items():
            if isinstance(campaign.get(name), str):
                columns[utm] = clean(campaign[name], LABEL_LIMIT)
    return columns, left


def _text(context: dict[str, Any], name: str) -> str:
    value = context.get(name)
    return value if isinstance(value, str) else ""


def _occurred_ms(envelope: Envelope, message: Message, taken: Taken, violations: list[str]) -> int:
    """The message's time, corrected; a property's (`order_date`) where that stands for it; else the arrival."""
    stated_ms = taken.time_ms
    if stated_ms is None or (message.timestamp is not None and not taken.is_time_always):
        return _message_ms(envelope, message, violations)
    if taken.is_day:
        # Midnight would put today's order before the visit that led to it.
        own_ms = _message_ms(envelope, message, violations)
        if clock.is_near_day(own_ms, stated_ms):
            return own_ms
    return min(stated_ms, envelope.received_at)


def _message_ms(envelope: Envelope, message: Message, violations: list[str]) -> int:
    received_ms = envelope.received_at
    if message.timestamp is None:
        return received_ms
    try:
        original_ms = clock.parse_instant(message.timestamp)
    except ValueError:
        raise _bad_timestamp(message.timestamp, "is no time") from None
    sent_ms = None
    sent = message.sent_at if message.sent_at is not None else envelope.sent_at
    if sent is not None and envelope.door != "import":
        try:
            sent_ms = clock.parse_instant(sent)
        except ValueError:
            violations.append(Violation.NOT_A_TIMESTAMP.at("sent_at"))
    occurred_ms = clock.correct_clock(original_ms, sent_ms, received_ms)
    if not clock.is_storable(occurred_ms):
        raise _bad_timestamp(message.timestamp, "lies outside the years 1970 to 2299")
    if occurred_ms == received_ms and is_in_future(original_ms, received_ms if sent_ms is None else sent_ms):
        violations.append(Violation.IN_THE_FUTURE.at("timestamp"))
    return occurred_ms


def _bad_timestamp(sent: Instant, what: str) -> _Refused:
    return _Refused(QuarantineReason.BAD_TIMESTAMP, f"The timestamp {str(sent)[:60]!r} {what}.")
