"""Who did it: the step between parsed messages and the identity ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from shopalytic.events.event import Event, Quarantine, QuarantineReason
from shopalytic.events.parse import MESSAGE_ID_LIMIT, Parsed
from shopalytic.events.properties import event_properties
from shopalytic.identity.ids import EMAIL, USER_ID, VISITOR
from shopalytic.identity.ledger import Resolved, Sighting, resolve
from shopalytic.identity.statements import hold_identity
from shopalytic.identity.traits import TRAIT_EVENTS, email_owner, save_traits
from shopalytic.pipeline.verdicts import EMAIL_FREE, EMAIL_IN_USE, keep_verdicts, read_verdicts

ACCOUNT_EVENTS = {"account_register", "account_update"}


def settle_people(
    db: Session, project_id: int, messages: Sequence[Parsed], token: str
) -> list[Quarantine | None]:
    """Record what the messages say of who is who, and give each event its origin and customer.

    Returns for each None, or why it is set aside: an account event with an e-mail that somebody else holds. Such a
    message says nothing of who is who either. token: the batch's; its repeat refuses the same messages, whoever holds
    the addresses by then.
    """
    refused, answers = _judge(db, project_id, messages, token)
    taken = [message for message in messages if message.event.message_id not in refused]
    traits: list[tuple[str, str, dict[str, Any], datetime, str]] = []
    for message, resolved in zip(taken, answers, strict=True):
        event = message.event
        event.origin_id = str(resolved.origin_id)
        event.customer_id = str(resolved.customer_id)
        violation = f"{resolved.refused}:user_id"
        # Twice where the batch could not be settled together and the message is here again alone.
        if resolved.refused and violation not in event.violations:
            event.violations = [*event.violations, violation]
        properties = event_properties(event) if event.event in TRAIT_EVENTS else {}
        if properties:
            id_type, id_value = origin_of(message)
            traits.append((id_type, id_value, properties, message.occurred_at, event.message_id))
    if traits:
        save_traits(db, project_id, traits)
    refusal = Quarantine(
        QuarantineReason.EMAIL_IN_USE, "Another customer of the project has this e-mail address."
    )
    return [refusal if message.event.message_id in refused else None for message in messages]


def _judge(
    db: Session, project_id: int, messages: Sequence[Parsed], token: str
) -> tuple[set[str], list[Resolved]]:
    """The ids of the messages that are refused for their e-mail, and whose each of the others is.

    Whose a message is shows only once its links are recorded. So they are, all; where some messages turn out to be
    refused, that is undone, and done again without these.
    """
    asking = {message.event.message_id for message in messages if _email(message.event)}
    if not asking:
        return set(), _resolve(db, project_id, messages)
    # Before the savepoint, whose rollback would give the lock back. Before the verdicts are read, too: another
    # worker that is at the same batch must have written its own by then.
    hold_identity(db, project_id)
    verdicts = {each.message_id: each.verdict for each in read_verdicts(db, project_id, token)}
    refused = {each for each in asking if verdicts.get(each) == EMAIL_IN_USE}
    while True:
        taken = [message for message in messages if message.event.message_id not in refused]
        savepoint = db.begin_nested()
        answers = _resolve(db, project_id, taken)
        also = _refused(db, project_id, list(zip(taken, answers, strict=True)), asking - verdicts.keys())
        if not also:
            savepoint.commit()
            break
        savepoint.rollback()
        refused |= also
    keep_verdicts(
        db,
        project_id,
        token,
        [
            (each, EMAIL_IN_USE if each in refused else EMAIL_FREE, "")
            for each in sorted(asking - set(verdicts))
        ],
    )
    return refused, answers


def _refused(
    db: Session, project_id: int, messages: Sequence[tuple[Parsed, Resolved]], undecided: set[str]
) -> set[str]:
    """The ids of those of the undecided messages with an e-mail that another customer holds.

    One after the other, as though each were a batch of its own: an address that one gives up is free for the next, and
    one that it takes is not. So what it says of addresses is saved here already.
    """
    refused = set()
    for message, resolved in messages:
        event = message.event
        if event.message_id in undecided:
            holder = email_owner(db, project_id, _email(event))
            if holder is not None and holder != resolved.customer_id:
                refused.add(event.message_id)
                continue
        address = event_properties(event).get("email") if event.event in TRAIT_EVENTS else None
        if address:
            id_type, id_value = origin_of(message)
            said = (id_type, id_value, {"email": address}, message.occurred_at, event.message_id)
            save_traits(db, project_id, [said])
    return refused


def _email(event: Event) -> str:
    """The e-mail address that an account event asks for; empty where there is none to judge."""
    email = event_properties(event).get("email") if event.event in ACCOUNT_EVENTS else None
    return email.strip().lower() if isinstance(email, str) else ""


def origin_of(message: Parsed) -> tuple[str, str]:
    """(type, value) of the id that the row stands under: its first hard id, else its tracking id."""
    for item in message.user_ids.items():
        return item
    return VISITOR, message.event.tracking_id


def _resolve(db: Session, project_id: int, messages: Sequence[Parsed]) -> list[Resolved]:
    """Whose each message is."""
    told = [
        _told_sighting(message) for message in messages if message.told_email and not _is_identify(message)
    ]
    return resolve(db, project_id, [*map(_sighting, messages), *told])[: len(messages)]


def _told_sighting(message: Parsed) -> Sighting:
    """An account event's address is a further id of whoever it is about: a new account with an address that somebody
    holds does not become his, but is refused.

    It has a message id of its own: the fold reads it after what the message itself says.
    """
    previous_type, previous_id = next(iter(message.user_ids.items()), (USER_ID, ""))
    sighting = _sighting(message)
    return msgspec.structs.replace(
        sighting, kind="alias", user_ids={EMAIL: message.told_email}, message_id=_told_id(sighting.message_id),
        previous_type=previous_type, previous_id=previous_id,
    )  # fmt: skip


def _is_identify(message: Parsed) -> bool:
    """One that says who the visitor is, and not only what he is like."""
    return message.kind == "identify" and bool(message.user_ids)


def _told_id(message_id: str) -> str:
    told = f"{message_id}:email"
    return (
        told
        if len(told) <= MESSAGE_ID_LIMIT
        else blake2b(told.encode("utf-8", "replace"), digest_size=32).hexdigest()
    )


def _sighting(message: Parsed) -> Sighting:
    """The address that an identify tells is an id like those that it names."""
    event = message.event
    is_id = message.told_email and _is_identify(message)
    return Sighting(
        kind=message.kind,
        tracking_id=event.tracking_id if message.links_visitor else "",
        user_ids=message.user_ids | {EMAIL: message.told_email} if is_id else message.user_ids,
        occurred_at=message.occurred_at,
        message_id=event.message_id,
        cause=event.event if message.kind == "track" else message.kind,
        door=event.door,
        url=event.url,
        previous_id=message.previous_id,
    )
