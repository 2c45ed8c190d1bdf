"""Traits: what a shop says of a customer (a name, a country), kept under the id that it was said of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Trait
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import EMAIL, VISITOR, origin_id
from shopalytic.identity.lookup import origins_of
from shopalytic.identity.overrides import instant_text
from shopalytic.identity.rules import Id, Timeline, owner_at
from shopalytic.identity.statements import chunks, hold_identity, insert_into

NAME_LENGTH_MAX = 255
SEARCH_LENGTH_MAX = 255
SAYINGS_KEPT = 100
"""Of one property of one browser: whose each is depends on who used the browser then, which may be told later."""
SEARCHED = frozenset({"email", "first_name", "last_name", "name"})
TRAIT_EVENTS = frozenset({"account_register", "account_update", "identify"})
"""Events whose properties are the customer's."""

TRAIT = Trait.__table__.c

Saying = tuple[str, str, Mapping[str, Any], datetime, str]
"""(id type, id value, properties, occurred_at, message id)."""


def save_traits(db: Session, project_id: int, sayings: Iterable[Saying]) -> None:
    """Save or update properties. The newest by (occurred_at, message id) stays, in whatever order they come; of a
    browser, which several people may use one after the other, the newest SAYINGS_KEPT.

    A repeat changes nothing. Names that are empty, too long or hold a NUL are left out.
    """
    newest: dict[tuple[str, ...], dict[str, Any]] = {}
    for id_type, id_value, properties, occurred_at, message_id in sayings:
        for name, value in properties.items():
            if not name or len(name) > NAME_LENGTH_MAX or "\0" in name or not _is_utf8(name):
                continue
            said_as = f"{instant_text(occurred_at)} {message_id}" if id_type == VISITOR else ""
            known = newest.get((id_type, id_value, name, said_as))
            if known is None or (known["occurred_at"], known["message_id"]) < (occurred_at, message_id):
                newest[id_type, id_value, name, said_as] = {
                    "project_id": project_id,
                    "id_type": id_type,
                    "id_value": id_value,
                    "name": name,
                    "value": value,
                    "search": search_text(value) if name in SEARCHED else "",
                    "occurred_at": occurred_at,
                    "message_id": message_id,
                    "said_as": said_as,
                    "origin_id": origin_id(project_id, id_type, id_value),
                }
    if not newest:
        return
    insert = insert_into(db, Trait)
    new = insert.excluded
    # Sorted: two workers that update the same rows in different order would wait for each other.
    db.execute(
        insert.on_conflict_do_update(
            index_elements=["project_id", "id_type", "id_value", "name", "said_as"],
            set_={each: new[each] for each in ("value", "search", "occurred_at", "message_id")},
            where=or_(
                TRAIT.occurred_at < new.occurred_at,
                and_(TRAIT.occurred_at == new.occurred_at, TRAIT.message_id < new.message_id),
            ),
        ),
        [newest[key] for key in sorted(newest)],
    )
    _forget_oldest(db, project_id, {key[1] for key in newest if key[0] == VISITOR})


def _forget_oldest(db: Session, project_id: int, visitors: Iterable[str]) -> None:
    """Else a browser that says its properties on every page fills the table."""
    for some in chunks(visitors):
        of_visitors = (TRAIT.project_id == project_id) & (TRAIT.id_type == VISITOR) & TRAIT.id_value.in_(some)
        too_many = db.execute(
            select(TRAIT.id_value, TRAIT.name)
            .where(of_visitors)
            .group_by(TRAIT.id_value, TRAIT.name)
            .having(func.count() > SAYINGS_KEPT)
        ).all()
        for visitor, name in too_many:
            one = of_visitors & (TRAIT.id_value == visitor) & (TRAIT.name == name)
            newest = select(TRAIT.said_as).where(one).order_by(TRAIT.said_as.desc())
            oldest_kept = db.scalar(newest.offset(SAYINGS_KEPT - 1).limit(1))
            gone = delete(Trait).where(one, TRAIT.said_as < oldest_kept)
            db.execute(gone.execution_options(synchronize_session=False))


def traits(db: Session, project_id: int, customer_id: UUID) -> dict[str, Any]:
    """A customer's properties: of each name the newest, over all its ids, and of a shared browser's only those of
    its own time. `{}` for a customer nobody said anything of.
    """
    rows = _said_of(db, project_id, origins_of(db, project_id, customer_id))
    timelines = read_owners(db, project_id, {(row.id_type, row.id_value) for row in rows})
    return {
        row.name: row.value
        for row in rows
        if _owner(project_id, timelines, (row.id_type, row.id_value), row.occurred_at) == customer_id
    }


def traits_of(
    db: Session, project_id: int, customers: Iterable[UUID], ids: Iterable[Id]
) -> dict[UUID, dict[str, Any]]:
    """`traits` of many customers; one of whom nothing was said is missing. ids: all of theirs."""
    origins = {*customers, *(origin_id(project_id, *each) for each in ids)}
    rows = _said_of(db, project_id, list(origins))
    timelines = read_owners(db, project_id, {(row.id_type, row.id_value) for row in rows})
    found: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        owner = _owner(project_id, timelines, (row.id_type, row.id_value), row.occurred_at)
        found.setdefault(owner, {})[row.name] = row.value
    return found


def email_owner(db: Session, project_id: int, email: str) -> UUID | None:
    """The customer who holds the address: as an id, or as its newest property `email`. None: it is free.

    Takes the project's identity lock until the transaction ends, so that of two who ask at once and then save the
    address the second finds the first.
    """
    hold_identity(db, project_id)
    email = search_text(email)
    if not email:
        return None
    by_id = read_owners(db, project_id, {(EMAIL, email)})
    for timeline in by_id.values():
        return timeline[-1].customer_id
    said = db.execute(
        select(TRAIT.id_type, TRAIT.id_value, TRAIT.occurred_at)
        .where(TRAIT.project_id == project_id, TRAIT.search == email, TRAIT.name == "email")
        .order_by(TRAIT.occurred_at, TRAIT.message_id)
    ).all()
    timelines = read_owners(db, project_id, {(row.id_type, row.id_value) for row in said})
    owners = [_owner(project_id, timelines, (row.id_type, row.id_value), row.occurred_at) for row in said]
    for owner in dict.fromkeys(owners):
        # Somebody who has changed the address since, under another id, does not hold it any more.
        if search_text(traits(db, project_id, owner).get("email")) == email:
            return owner
    return None


def search_text(value: Any) -> str:
    """Lower-case text that look-ups compare; empty for what is no text."""
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode().strip().lower()[:SEARCH_LENGTH_MAX]


def _said_of(db: Session, project_id: int, origins: list[UUID]) -> list[Any]:
    """Rows of the origins, oldest first."""
    rows: list[Any] = []
    for some in chunks(origins):
        rows += db.execute(
            select(
                TRAIT.id_type, TRAIT.id_value, TRAIT.name, TRAIT.value, TRAIT.occurred_at, TRAIT.message_id
            ).where(TRAIT.project_id == project_id, TRAIT.origin_id.in_(some))
        )
    return sorted(rows, key=lambda row: (row.occurred_at, row.message_id))


def _owner(project_id: int, timelines: Mapping[Id, Timeline], each: Id, at: datetime) -> UUID:
    timeline = timelines.get(each)
    return owner_at(timeline, at) if timeline else origin_id(project_id, *each)


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
