"""A message told what the worker would make of it, without a database, a store or a queue.

What other messages decide is not seen: whose an id is, whether an order or a message id was there before.
"""

from __future__ import annotations

import msgspec

from shopalytic.events.event import Drop, DropReason, Event, Outcome, Quarantine, QuarantineReason
from shopalytic.events.message import Envelope
from shopalytic.events.planned import PlannedProject
from shopalytic.events.sentences import PLACES, QUARANTINE, tell_violation
from shopalytic.events.violations import Violation
from shopalytic.pipeline.ids import read_message
from shopalytic.pipeline.judge import judge
from shopalytic.pipeline.steps import StepContext, process


class Finding(msgspec.Struct, frozen=True):
    """property: as in a violation, such as `line_items[2].sku`; empty where it is the whole message."""

    kind: str
    property: str
    message: str


class Refusal(msgspec.Struct, frozen=True):
    """The message would be no event. fault: ours, where that is why."""

    finding: Finding
    fault: Exception | None = None


class Understood(msgspec.Struct, frozen=True):
    """The event that the message would be; whose it is, is not settled."""

    event: Event
    findings: list[Finding]


def check_envelope(
    envelope: Envelope, context: StepContext, now_ms: int, plan: PlannedProject | None = None
) -> Understood | Refusal:
    """Parse, check ids and plan and run the steps, as the worker does. Raises nothing for anything that a client can
    send.
    """
    fault: Exception | None = None
    try:
        parsed = read_message(envelope, now_ms)
        outcome: Outcome
        if isinstance(parsed, Quarantine):
            outcome = parsed
        else:
            outcome = judge(parsed, plan) or process(parsed, context)
    except Exception as error:
        fault = error
        outcome = Quarantine(QuarantineReason.PIPELINE_FAILED, "The message could not be processed.")
    if isinstance(outcome, Quarantine):
        message = f"{outcome.detail} {QUARANTINE[outcome.reason]}"
        return Refusal(Finding(outcome.reason, PLACES.get(outcome.reason, ""), message), fault)
    if isinstance(outcome, Drop):
        return Refusal(Finding(outcome.reason, "", _tell_drop(outcome)))
    assert isinstance(outcome, Event)
    return Understood(outcome, [_finding(violation) for violation in outcome.violations])


def _tell_drop(drop: Drop) -> str:
    if drop.reason is DropReason.REFUSED_BY_PLAN:
        told = " ".join(_finding(violation).message for violation in drop.violations[:5])
        return f"The tracking plan refuses it. {told}"
    return "Nothing is wrong with the message, but it does not count."


def _finding(violation: str) -> Finding:
    kind, _, at = violation.partition(":")
    return Finding(kind, at, tell_violation(Violation(kind), at))
