"""What became of a message, in the words of whoever sent it: for the debugger, and as the sandbox's answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec
import structlog

from shopalytic.events.event import NIL, Drop, DropReason, Duplicate, Event, Quarantine
from shopalytic.events.properties import event_properties, name_sent, sent_ids
from shopalytic.events.sentences import PLACES, QUARANTINE, tell_violation
from shopalytic.events.violations import Violation
from shopalytic.identity.ids import sort_user_ids
from shopalytic.pipeline.check import Finding
from shopalytic.pipeline.run import Item
from shopalytic.stream.feed import ENTRIES_KEPT, Feed

log = structlog.get_logger(__name__)

OutcomeName = Literal["stored", "duplicate", "dropped", "quarantined", "refused"]
"""`refused`: at the door, with an HTTP status."""

RAW_LIMIT_BYTES = 16 * 1024
PROPERTIES_LIMIT_BYTES = 16 * 1024
"""Of one message in the feed, whose entries are kept in the queue's memory."""

DUPLICATE = "A message with this message_id came before; it counts once."
DROPPED = {
    DropReason.ORDER_KNOWN: "This order is known, and counts once.",
    DropReason.REFUSED_BY_PLAN: "The tracking plan refuses it.",
    DropReason.NOT_TRACKED: "Its person is tracked no more; nothing of it is kept.",
}


class EventShown(msgspec.Struct):
    """An event as it is stored; an empty text means not known."""

    event: str
    message_id: str
    occurred_at: str
    tracking_id: str
    user_ids: dict[str, str]
    customer_id: str
    session_id: str
    properties: dict[str, Any]
    url: str
    referrer: str
    channel: str
    device: str
    browser: str
    os: str
    country: str
    is_bot: bool
    source: str
    library: str


class Told(msgspec.Struct, omit_defaults=True, kw_only=True):
    """received_at_ms, told_at_ms: UTC milliseconds. event: as understood, also of one that was not stored; None where
    it could not be understood. raw: the message as it came, '' in answers to its own sender. reason, sentence: why it
    was not stored; at: the member that this is about. name_sent: the event's name in the client's own protocol.
    number: of the answer's request.
    """

    outcome: OutcomeName
    door: str
    received_at_ms: int
    told_at_ms: int = 0
    message_id: str = ""
    event: EventShown | None = None
    findings: list[Finding] = []
    reason: str = ""
    sentence: str = ""
    at: str = ""
    raw: str = ""
    is_raw_cut: bool = False
    are_properties_cut: bool = False
    name_sent: str = ""
    user_agent: str = ""
    status: int = 0
    """The HTTP status of a refusal."""
    number: int = 0


_encoder = msgspec.json.Encoder(decimal_format="number")
decode_told = msgspec.json.Decoder(Told, float_hook=Decimal).decode
"""Amounts stay as exact as they came. Raises msgspec.MsgspecError for what another version wrote otherwise."""


class Teller:
    """Tells what became of batches; one per worker process."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def tell(self, items: Sequence[Item]) -> None:
        """Raises nothing: a batch is done whether or not anybody hears of it."""
        try:
            self._answer(items)
            for project_id in self._feed.watched():
                self._publish(project_id, items)
        except Exception:
            log.exception("what became of a batch could not be told")

    def _answer(self, items: Sequence[Item]) -> None:
        answers: dict[str, list[bytes]] = {}
        for item in items:
            if item.envelope.ticket and (content := _try(_encode_answer, item)):
                answers.setdefault(item.envelope.ticket.partition(":")[0], []).append(content)
        for ticket, contents in answers.items():
            self._feed.answer(ticket, contents)

    def _publish(self, project_id: int, items: Sequence[Item]) -> None:
        own = [item for item in items if item.envelope.project_id == project_id and not item.is_hidden]
        contents = [content for item in own[-ENTRIES_KEPT:] if (content := _try(_encode_for_feed, item))]
        if contents:
            self._feed.publish(project_id, contents)


def _try(encode: Callable[[Item], bytes], item: Item) -> bytes:
    """b"" where it cannot be told: its neighbours are."""
    try:
        return encode(item)
    except Exception:
        log.exception("what became of a message could not be told", message_id=item.message_id)
        return b""


def _encode_answer(item: Item) -> bytes:
    told = tell(item)
    told.number = int(item.envelope.ticket.partition(":")[2])
    return _encoder.encode(told)


def tell(item: Item) -> Told:
    """item: one that has its outcome."""
    envelope = item.envelope
    told = Told(
        outcome="stored",
        door=envelope.door,
        received_at_ms=envelope.received_at,
        told_at_ms=time.time_ns() // 1_000_000,
        message_id=item.message_id,
    )
    if item.parsed is not None and not item.is_hidden:
        event = item.parsed.event
        told.event = show_event(event)
        told.findings = find_findings(event.violations)
        told.name_sent = name_sent(event)
    match item.outcome:
        case Duplicate():
            told.outcome, told.reason, told.sentence = "duplicate", "duplicate", DUPLICATE
        case Quarantine(reason=reason, detail=detail):
            told.outcome, told.reason = "quarantined", reason
            told.sentence, told.at = f"{detail} {QUARANTINE[reason]}", PLACES.get(reason, "")
        case Drop(reason=reason, violations=violations, detail=detail):
            told.outcome, told.reason = "dropped", reason
            told.sentence = " ".join(filter(None, (DROPPED[reason], detail)))
            known = item.parsed.event.violations if item.parsed is not None else []
            told.findings = find_findings([*known, *violations])
        case Event():
            pass
        case None:
            raise AssertionError("the message has no outcome")
    return told


def find_findings(violations: Iterable[str]) -> list[Finding]:
    return [find_finding(violation) for violation in dict.fromkeys(violations)]


def find_finding(violation: str) -> Finding:
    """violation: as an event has it, `kind:property`."""
    kind, _, at = violation.partition(":")
    return Finding(kind, at, tell_violation(Violation(kind), at))


def _encode_for_feed(item: Item) -> bytes:
    """With the message as it came, both cut to what the feed may keep. The visitor's address is not among it."""
    told, raw = tell(item), bytes(item.envelope.message)
    told.raw = raw[:RAW_LIMIT_BYTES].decode("utf-8", "replace")
    told.is_raw_cut = len(raw) > RAW_LIMIT_BYTES
    told.user_agent = item.envelope.user_agent
    # As understood it is about as large as it came.
    if len(raw) > PROPERTIES_LIMIT_BYTES and told.event is not None:
        told.event.properties = {}
        told.are_properties_cut = True
    return _encoder.encode(told)


def show_event(event: Event) -> EventShown:
    return EventShown(
        event=event.event,
        message_id=event.message_id,
        occurred_at=event.occurred_at.replace(" ", "T") + "Z",
        tracking_id=event.tracking_id,
        user_ids=sort_user_ids(sent_ids(event))[0],
        customer_id="" if event.customer_id == NIL else event.customer_id,
        session_id=event.session_id,
        properties=event_properties(event),
        url=event.url,
        referrer=event.referrer,
        channel=event.channel,
        device=event.device,
        browser=event.browser,
        os=event.os,
        country=event.country,
        is_bot=event.is_bot,
        source=event.source,
        library=event.library,
    )
