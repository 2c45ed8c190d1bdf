"""Who did it: the step between parsed messages and the identity ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from shopalytic.events.event import Event, Quarantine, QuarantineReason
from shopalytic.events.parse import Parsed
from shopalytic.events.properties import event_properties
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.ledger import Resolved, Sighting, resolve
from shopalytic.identity.traits import email_owner, save_traits

ACCOUNT_EVENTS = {"account_register", "account_update"}
TRAIT_EVENTS = ACCOUNT_EVENTS | {"identify"}


def settle_people(db: Session, project_id: int, messages: Sequence[Parsed]) -> list[Quarantine | None]:
    """Record what the messages say of who is who, and give each event its origin and customer.

    Returns for each None, or why it is set aside: an account event with an e-mail that somebody else holds.
    """
    sightings = [_sighting(message) for message in messages]
    outcomes: list[Quarantine | None] = []
    traits: list[tuple[str, str, dict[str, Any], datetime, str]] = []
    holders: dict[str, str] = {}
    for message, resolved in zip(messages, resolve(db, project_id, sightings), strict=True):
        event = message.event
        event.origin_id = str(resolved.origin_id)
        event.customer_id = str(resolved.customer_id)
        if resolved.refused:
            event.violations = [*event.violations, f"{resolved.refused}:user_id"]
        if event.event not in TRAIT_EVENTS:
            outcomes.append(None)
            continue
        refusal = _refuse_email(db, project_id, event, resolved, holders)
        outcomes.append(refusal)
        properties = event_properties(event)
        if refusal is None and properties:
            id_type, id_value = origin_of(message)
            traits.append((id_type, id_value, properties, message.occurred_at, event.message_id))
    if traits:
        save_traits(db, project_id, traits)
    return outcomes


def origin_of(message: Parsed) -> tuple[str, str]:
    """(type, value) of the id that the row stands under: its first hard id, else its tracking id."""
    for item in message.user_ids.items():
        return item
    return VISITOR, message.event.tracking_id


def _sighting(message: Parsed) -> Sighting:
    event = message.event
    return Sighting(
        kind=message.kind,
        tracking_id=event.tracking_id,
        user_ids=message.user_ids,
        occurred_at=message.occurred_at,
        message_id=event.message_id,
        cause=event.event if message.kind == "track" else message.kind,
        door=event.door,
        url=event.url,
    )


def _refuse_email(
    db: Session, project_id: int, event: Event, resolved: Resolved, holders: dict[str, str]
) -> Quarantine | None:
    """An account event with another customer's e-mail address is refused; `holders`: of this batch so far."""
    if event.event not in ACCOUNT_EVENTS:
        return None
    email = event_properties(event).get("email")
    if not isinstance(email, str) or not email.strip():
        return None
    email = email.strip().lower()
    found = email_owner(db, project_id, email)
    holder = str(found) if found else holders.setdefault(email, event.customer_id)
    if holder == event.customer_id:
        return None
    return Quarantine(
        QuarantineReason.EMAIL_IN_USE, "Another customer of the project has this e-mail address."
    )
