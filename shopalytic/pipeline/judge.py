"""What a project's tracking plan makes of a message."""

from __future__ import annotations

from shopalytic.events.event import Drop, Quarantine
from shopalytic.events.parse import Parsed
from shopalytic.events.planned import PlannedProject


def judge(parsed: Parsed, plan: PlannedProject | None) -> Drop | Quarantine | None:
    """None where the message goes on. Adds what the plan finds to the event's violations, in place; twice is once.

    Depends on the message and the plan alone, so that a repeat ends the same.
    """
    if plan is None:
        return None
    event = parsed.event
    found = plan.check(event.event, parsed.sent, event.violations)
    if found:
        event.violations = event.violations + found
    return plan.decide(event.event, event.violations) if event.violations else None


def judge_again(parsed: Parsed, plan: PlannedProject | None) -> Drop | Quarantine | None:
    """What becomes of it once the violations are known that only the other messages could tell."""
    event = parsed.event
    return plan.decide(event.event, event.violations) if plan is not None and event.violations else None
