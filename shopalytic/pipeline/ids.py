"""Which of a message's ids say who did it: those that can be somebody's, by what the project has set."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from shopalytic.events import column
from shopalytic.events.event import Quarantine, QuarantineReason
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_message
from shopalytic.events.properties import event_properties
from shopalytic.events.violations import Violation
from shopalytic.identity.ids import (
    EMAIL,
    USER_ID,
    VISITOR,
    ForbiddenId,
    parse_previous_id,
    parse_tracking_id,
    sort_user_ids,
)
from shopalytic.identity.judging import IDLE, Judge, stand_in
from shopalytic.identity.traits import TRAIT_EVENTS

SENT_LENGTH_MAX = 1000
"""Of an id as sent, with the blanks around it; a longer one is kept without them."""


def read_message(envelope: Envelope, stored_at_ms: int, judge: Judge = IDLE) -> Parsed | Quarantine:
    """`parse_message`, and its ids checked."""
    parsed = parse_message(envelope, stored_at_ms)
    if isinstance(parsed, Quarantine):
        return parsed
    judged_ms = envelope.judged_at or envelope.received_at
    return check_ids(parsed, judge, datetime.fromtimestamp(judged_ms / 1000, UTC))


def check_ids(
    parsed: Parsed, judge: Judge = IDLE, received_at: datetime | None = None
) -> Parsed | Quarantine:
    """The message with those of its ids that can be somebody's; a violation for each other.

    Its event keeps the ids as they were sent. Quarantine where none is left: the message belongs to nobody. Changes
    `parsed` in place; twice is once. Depends on the message and on the judge alone.
    """
    event = parsed.event
    ids, refused = sort_user_ids(event.user_ids) if event.user_ids else ({}, [])
    try:
        event.tracking_id = parse_tracking_id(event.tracking_id) if event.tracking_id else ""
    except ForbiddenId as error:
        event.tracking_id = ""
        refused = [*refused, error]
    soft: dict[str, str] = {}
    if received_at is not None and not judge.is_idle:
        ids, soft, nobodys = _judge(parsed, ids, judge, received_at)
        refused = [*refused, *nobodys]
    if not ids and not event.tracking_id:
        return Quarantine(QuarantineReason.FORBIDDEN_ID, " ".join(error.message for error in refused))
    try:
        parsed.previous_id = parse_previous_id(parsed.previous_id)
        if parsed.previous_id and received_at is not None:
            _refuse_nobody(judge, (USER_ID, parsed.previous_id), received_at, "previous_id")
            _refuse_nobody(judge, (VISITOR, parsed.previous_id), received_at, "previous_id")
    except ForbiddenId as error:
        parsed.previous_id = ""
        refused = [*refused, error]
    if refused:
        event.violations = event.violations + [
            Violation.FORBIDDEN_ID.at(error.at or "user_id") for error in refused
        ]
    if words := {error.at: error.nobody for error in refused if error.nobody}:
        event.properties[column.NOBODY_IDS] = msgspec.json.encode(words).decode()
    as_sent = _as_sent(event.user_ids, ids | soft)
    if soft:
        event.properties[column.SOFT_IDS] = column.split({name: as_sent[name] for name in soft})
    parsed.user_ids = ids
    event.user_ids = {name: as_sent[name] for name in ids}
    return parsed


def _judge(
    parsed: Parsed, ids: dict[str, str], judge: Judge, received_at: datetime
) -> tuple[dict[str, str], dict[str, str], list[ForbiddenId]]:
    """(ids that link, ids that do not, what is refused). A visitor whom only a soft id tells gets that as tracking id."""
    event = parsed.event
    hard: dict[str, str] = {}
    soft: dict[str, str] = {}
    refused = []
    for each in ids.items():
        at = each[0] if each[0] == USER_ID else f"{USER_ID}.{each[0]}"
        try:
            _refuse_nobody(judge, each, received_at, at)
        except ForbiddenId as error:
            refused.append(error)
            continue
        (soft if judge.is_soft(each[0], received_at) else hard)[each[0]] = each[1]
    if not event.tracking_id:
        for each in soft.items():
            event.tracking_id = stand_in(*each)
            break
    if event.tracking_id and hard and judge.is_nobody((VISITOR, event.tracking_id), received_at):
        # Alone the row stays the visitor's own: its events are lost to nobody.
        parsed.links_visitor = False
        refused.append(ForbiddenId("The tracking id identifies nobody in this project.", at=VISITOR))
    if event.event in TRAIT_EVENTS and judge.takes_told_email(received_at):
        parsed.told_email = _told_email(parsed, hard, judge, received_at)
    return hard, soft, refused


def _told_email(parsed: Parsed, ids: dict[str, str], judge: Judge, received_at: datetime) -> str:
    """Empty where it tells none that can be an id, or is there as one already."""
    value = event_properties(parsed.event).get("email")
    found, _ = sort_user_ids({EMAIL: value}) if isinstance(value, str) and EMAIL not in ids else ({}, [])
    email = found.get(EMAIL, "")
    return "" if judge.is_nobody((EMAIL, email), received_at) else email


def _refuse_nobody(judge: Judge, id: tuple[str, str], received_at: datetime, at: str) -> None:
    """Raises ForbiddenId."""
    if judge.is_nobody(id, received_at):
        raise ForbiddenId("An id that identifies nobody in this project.", at=at)


def _as_sent(sent: dict[str, str], ids: dict[str, str]) -> dict[str, str]:
    """What the client wrote for each of the ids."""
    if ids == sent:
        return ids
    found = dict(ids)
    for name, value in sent.items():
        known, _ = sort_user_ids({name: value}) if len(value) <= SENT_LENGTH_MAX else ({}, [])
        for id_type, id_value in known.items():
            if ids.get(id_type) == id_value:
                found[id_type] = value
    return found
