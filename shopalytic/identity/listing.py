"""All customers of a project, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Identity, Trait
from shopalytic.identity.lookup import CustomerId, rank
from shopalytic.identity.traits import traits_of

IDENTITY = Identity.__table__.c
TRAIT = Trait.__table__.c


class Person(msgspec.Struct, frozen=True):
    """ids: the most important type first."""

    customer_id: UUID
    ids: list[CustomerId]
    properties: dict[str, Any]


def list_shape(db: Session, project_id: int) -> tuple[list[str], list[str]]:
    """(all types of ids, the most important first; all names of properties)."""
    types = db.scalars(select(IDENTITY.id_type).where(IDENTITY.project_id == project_id).distinct())
    names = db.scalars(select(TRAIT.name).where(TRAIT.project_id == project_id).distinct())
    return sorted(types, key=rank), sorted(names)


def list_people(db: Session, project_id: int, after: UUID | None, limit: int) -> list[Person]:
    """Customers who have an id of the ledger, by `customer_id`, those after `after`; None: from the first.

    Visitors who never said who they are have none. Costs three queries a page.
    """
    query = select(IDENTITY.customer_id).where(IDENTITY.project_id == project_id).distinct()
    if after is not None:
        query = query.where(IDENTITY.customer_id > after)
    customers = db.scalars(query.order_by(IDENTITY.customer_id).limit(limit)).all()
    ids = _ids_of(db, project_id, customers)
    said = traits_of(
        db, project_id, customers, {(one.type, one.value) for each in ids.values() for one in each}
    )
    return [Person(each, ids[each], said.get(each, {})) for each in customers]


def _ids_of(db: Session, project_id: int, customers: Sequence[UUID]) -> dict[UUID, list[CustomerId]]:
    rows = db.execute(
        select(IDENTITY.customer_id, IDENTITY.id_type, IDENTITY.id_value, IDENTITY.since)
        .where(IDENTITY.project_id == project_id, IDENTITY.customer_id.in_(customers))
        .order_by(IDENTITY.since.desc())
    )
    found: dict[UUID, dict[tuple[str, str], CustomerId]] = {each: {} for each in customers}
    for customer_id, id_type, id_value, since in rows:
        found[customer_id][id_type, id_value] = CustomerId(id_type, id_value, since)
    return {
        each: sorted(own.values(), key=lambda one: (rank(one.type), one.since, one.value))
        for each, own in found.items()
    }
