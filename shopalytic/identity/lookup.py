"""What is asked about customers: who has an id, which ids somebody has, whose name begins with …"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Identity, Trait
from shopalytic.identity.derived import read_owners
from shopalytic.identity.id_rules import read_policy
from shopalytic.identity.ids import EMAIL, USER_ID, VISITOR, origin_id
from shopalytic.identity.judging import stand_in
from shopalytic.identity.rules import owner_at

IDENTITY = Identity.__table__.c
TRAIT = Trait.__table__.c


class CustomerId(msgspec.Struct, frozen=True):
    """since: when it was said that the id is this customer's."""

    type: str
    value: str
    since: datetime


class Found(msgspec.Struct, frozen=True):
    """A customer and by what a search found it: an id's type or a property's name, and its value as sent."""

    customer_id: UUID
    by: str
    value: str


def find_customer(db: Session, project_id: int, value: str) -> UUID | None:
    """Who has the id, of whatever type; where several have it under different types, `user_id` goes first, a
    visitor's last. A shared browser's is whose it is now. A soft id's is whose its visitor is.

    None: the ledger does not know it. A visitor who never said who he is has no entry; his customer is
    `origin_id(project_id, VISITOR, value)`, and whether he exists only the store knows.
    """
    value = value.strip()
    rows: list[Any] = list(
        db.execute(
            select(IDENTITY.id_type, IDENTITY.from_at, IDENTITY.customer_id).where(
                IDENTITY.project_id == project_id, IDENTITY.id_value == value
            )
        )
    )
    if not rows and (visitors := soft_visitors(db, project_id, value)):
        rows += db.execute(
            select(IDENTITY.id_type, IDENTITY.from_at, IDENTITY.customer_id).where(
                IDENTITY.project_id == project_id,
                IDENTITY.id_type == VISITOR,
                IDENTITY.id_value.in_(visitors),
            )
        )
    if not rows and value != value.lower():
        return find_by_email(db, project_id, value)
    newest_first = sorted(rows, key=lambda row: row.from_at, reverse=True)
    best = min(newest_first, key=lambda row: rank(row.id_type), default=None)
    return None if best is None else best.customer_id


def soft_visitors(db: Session, project_id: int, value: str) -> list[str]:
    """The tracking ids under which what came with this soft id alone stands, one for each soft type of the project."""
    values = {value, value.lower()}
    types = read_policy(db, project_id).soft_types()
    return [stand_in(name, each) for name in types for each in sorted(values if name == EMAIL else {value})]


def visitor_customers(db: Session, project_id: int, value: str) -> list[UUID]:
    """Whose rows it may be where the ledger knows nothing of an id: the customers of visitors whom it alone tells."""
    return [origin_id(project_id, VISITOR, each) for each in (value, *soft_visitors(db, project_id, value))]


def find_by_email(db: Session, project_id: int, email: str) -> UUID | None:
    """Who has the address as an id of the type `email`, in whatever case it is written."""
    for timeline in read_owners(db, project_id, {(EMAIL, email.strip().lower())}).values():
        return timeline[-1].customer_id
    return None


def customer_ids(db: Session, project_id: int, customer_id: UUID) -> list[CustomerId]:
    """All ids of a customer, the most important type first; `[]` for an anonymous visitor's, and for nobody's."""
    rows = db.execute(
        select(IDENTITY.id_type, IDENTITY.id_value, IDENTITY.since).where(
            IDENTITY.project_id == project_id, IDENTITY.customer_id == customer_id
        )
    )
    since: dict[tuple[str, str], datetime] = {}
    for id_type, id_value, at in rows:
        since[id_type, id_value] = min(at, since.get((id_type, id_value), at))
    found = [CustomerId(id_type, id_value, at) for (id_type, id_value), at in since.items()]
    return sorted(found, key=lambda one: (rank(one.type), one.since, one.value))


def origins_of(db: Session, project_id: int, customer_id: UUID) -> list[UUID]:
    """Origins that the customer's rows may stand under, first that of its own key. Never empty.

    A shared browser's origin is here for each of its customers: rows under it still have to be told apart.
    """
    ids = customer_ids(db, project_id, customer_id)
    return list(dict.fromkeys([customer_id, *(origin_id(project_id, one.type, one.value) for one in ids)]))


def search_customers(db: Session, project_id: int, text: str, limit: int) -> list[Found]:
    """Customers with an id, an e-mail address or a name that begins with the text; each once.

    Of several words each must begin one of them: "jon sm" finds Jon Smith. Case matters for ids other than
    e-mail addresses. Order: ids first, then by value.
    """
    text = text.replace("\0", "").strip()
    if not text or limit < 1:
        return []
    found = {one.customer_id: one for one in reversed(_by_trait(db, project_id, text.lower(), limit))}
    words = text.lower().split()
    if len(words) > 1:
        each = [
            {one.customer_id: one for one in _by_trait(db, project_id, word, 10 * limit)} for word in words
        ]
        found |= {who: one for who, one in each[0].items() if all(who in others for others in each[1:])}
    by_id = {one.customer_id: one for one in reversed(_by_id(db, project_id, text, limit))}
    rest = [one for one in found.values() if one.customer_id not in by_id]
    key = lambda one: (rank(one.by), one.value)  # noqa: E731
    return (sorted(by_id.values(), key=key) + sorted(rest, key=key))[:limit]


def rank(id_type: str) -> tuple[int, str]:
    """Order of types: `user_id`, then others by name, then a visitor's."""
    return (0 if id_type == USER_ID else 2 if id_type == VISITOR else 1), id_type


def _by_id(db: Session, project_id: int, text: str, limit: int) -> list[Found]:
    def query(prefix: str) -> Select[Any]:
        return (
            select(IDENTITY.id_type, IDENTITY.id_value)
            .where(IDENTITY.project_id == project_id, IDENTITY.id_value.startswith(prefix, autoescape=True))
            .order_by(IDENTITY.id_value)
            .distinct()
            .limit(limit)
        )

    rows = {tuple(row) for prefix in {text, text.lower()} for row in db.execute(query(prefix))}
    owners = read_owners(db, project_id, rows)
    return [
        Found(timeline[-1].customer_id, id_type, id_value) for (id_type, id_value), timeline in owners.items()
    ]


def _by_trait(db: Session, project_id: int, text: str, limit: int) -> list[Found]:
    rows = db.execute(
        select(TRAIT.id_type, TRAIT.id_value, TRAIT.name, TRAIT.value, TRAIT.occurred_at)
        .where(TRAIT.project_id == project_id, TRAIT.search.startswith(text, autoescape=True))
        .order_by(TRAIT.search)
        .limit(limit)
    ).all()
    return list(_owned(db, project_id, rows))


def _owned(db: Session, project_id: int, rows: Iterable[Any]) -> Iterable[Found]:
    timelines = read_owners(db, project_id, {(row.id_type, row.id_value) for row in rows})
    for row in rows:
        each = (row.id_type, row.id_value)
        timeline = timelines.get(each)
        owner = owner_at(timeline, row.occurred_at) if timeline else origin_id(project_id, *each)
        yield Found(owner, row.name, str(row.value))
