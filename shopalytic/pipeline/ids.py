"""Ids that identify nobody."""

from __future__ import annotations

from shopalytic.events.event import Quarantine, QuarantineReason
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_message
from shopalytic.events.violations import Violation
from shopalytic.identity.ids import ForbiddenId, parse_previous_id, parse_tracking_id, sort_user_ids


def read_message(envelope: Envelope, stored_at_ms: int) -> Parsed | Quarantine:
    """`parse_message`, and its ids checked."""
    parsed = parse_message(envelope, stored_at_ms)
    return parsed if isinstance(parsed, Quarantine) else check_ids(parsed)


def check_ids(parsed: Parsed) -> Parsed | Quarantine:
    """The message with those of its ids that can be somebody's; a violation for each other.

    Quarantine where none is left: the message belongs to nobody. Changes `parsed` in place; twice is once.
    """
    event = parsed.event
    ids, refused = sort_user_ids(parsed.user_ids) if parsed.user_ids else ({}, [])
    try:
        event.tracking_id = parse_tracking_id(event.tracking_id) if event.tracking_id else ""
    except ForbiddenId as error:
        event.tracking_id = ""
        refused = [*refused, error]
    if not ids and not event.tracking_id:
        return Quarantine(QuarantineReason.FORBIDDEN_ID, " ".join(error.message for error in refused))
    try:
        parsed.previous_id = parse_previous_id(parsed.previous_id)
    except ForbiddenId as error:
        parsed.previous_id = ""
        refused = [*refused, error]
    if refused:
        event.violations = event.violations + [
            Violation.FORBIDDEN_ID.at(error.at or "user_id") for error in refused
        ]
    parsed.user_ids = event.user_ids = ids
    return parsed
