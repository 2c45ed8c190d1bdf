"""Messages sent with `sandbox: true`: checked at once and answered with all that is wrong; nothing is stored."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import structlog

from shopalytic.accounts.plans import Plans
from shopalytic.errors import Rejected
from shopalytic.events.event import Event
from shopalytic.events.parse import parse_envelope
from shopalytic.events.properties import event_properties
from shopalytic.pipeline.check import Finding, Refusal, check_envelope
from shopalytic.pipeline.steps import StepContext

log = structlog.get_logger(__name__)


class Quarantined(Rejected):
    """The door would take the message, and the worker set it aside. `code` is the quarantine's reason."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message, at=finding.property or None)
        self.code = finding.kind


class EventShown(msgspec.Struct):
    """An event as it would be stored; an empty text means not known."""

    event: str
    message_id: str
    occurred_at: str
    tracking_id: str
    user_ids: dict[str, str]
    session_id: str
    properties: dict[str, Any]
    url: str
    referrer: str
    channel: str
    device: str
    browser: str
    os: str
    is_bot: bool
    source: str
    library: str


class Answer(msgspec.Struct):
    message_id: str
    event: EventShown
    violations: list[Finding]
    status: str = "accepted"
    sandbox: bool = True


_NO_LOOK_UPS = StepContext()
_encode = msgspec.json.Encoder(decimal_format="number").encode


def try_entry(entry: bytes, plans: Plans) -> bytes:
    """The answer to one entry of the stream, which stays out of it. Raises Quarantined, DatabaseUnavailable."""
    envelope = parse_envelope(entry)
    plan = plans.find(envelope.plan_id)
    checked = check_envelope(envelope, _NO_LOOK_UPS, time.time_ns() // 1_000_000, plan)
    if isinstance(checked, Refusal):
        if checked.fault is not None:
            log.error("a message in the sandbox could not be processed", exc_info=checked.fault)
        raise Quarantined(checked.finding)
    return _encode(Answer(checked.event.message_id, _show(checked.event), checked.findings))


def _show(event: Event) -> EventShown:
    return EventShown(
        event=event.event,
        message_id=event.message_id,
        occurred_at=event.occurred_at.replace(" ", "T") + "Z",
        tracking_id=event.tracking_id,
        user_ids=event.user_ids,
        session_id=event.session_id,
        properties=event_properties(event),
        url=event.url,
        referrer=event.referrer,
        channel=event.channel,
        device=event.device,
        browser=event.browser,
        os=event.os,
        is_bot=event.is_bot,
        source=event.source,
        library=event.library,
    )
