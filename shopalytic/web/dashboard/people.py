"""Customers as the pages show them, put together from the ledger and the event store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.lookup import (
    CustomerId,
    customer_ids,
    find_customer,
    origins_of,
    search_customers,
    visitor_customers,
)
from shopalytic.identity.successors import find_merged
from shopalytic.identity.traits import traits
from shopalytic.parts import Parts
from shopalytic.reports.customer_summary import CustomerSummary, customer_summaries
from shopalytic.reports.period import parse_sql_instant
from shopalytic.reports.project import Project
from shopalytic.reports.recent_customers import recent_customers
from shopalytic.web.dashboard.timeline import customer_name, visitor_name

SEARCH_LIMIT = 50


@dataclass(frozen=True)
class Row:
    """One customer in a list. found_by: (what, value) of a search. last_seen: the store's time text, '' for never."""

    customer_id: UUID
    name: str
    is_named: bool
    about: str
    last_seen: str
    orders: int
    revenue: Decimal


@dataclass(frozen=True)
class Person:
    customer_id: UUID
    name: str
    ids: list[CustomerId]
    origins: list[UUID]
    properties: dict[str, Any]
    summary: CustomerSummary | None

    @property
    def is_named(self) -> bool:
        return any(one.type != VISITOR for one in self.ids)


def list_recent(parts: Parts, project: Project, limit: int = SEARCH_LIMIT) -> list[Row]:
    """The customers seen last, anonymous visitors too."""
    seen = recent_customers(parts.store, project, now=datetime.now(UTC), limit=limit)
    with reading(parts.sessions) as db:
        introduced = {one.customer_id: _introduce(db, project.project_id, one.customer_id) for one in seen}
    anonymous = [who for who, (name, _) in introduced.items() if not name]
    summaries = customer_summaries(parts.store, project, anonymous) if anonymous else {}
    rows = []
    for one in seen:
        name, about = introduced[one.customer_id]
        summary = summaries.get(one.customer_id)
        name = name or _visitor(one.customer_id, summary)
        rows.append(Row(one.customer_id, name, bool(about), about, one.last_seen, one.orders, one.revenue))
    return rows


def search(parts: Parts, project: Project, text: str) -> list[Row]:
    """By any id, an e-mail address or a name that begins so; by a whole tracking or customer id also a visitor who
    never said who he is."""
    project_id = project.project_id
    with reading(parts.sessions) as db:
        found = [one.customer_id for one in search_customers(db, project_id, text, SEARCH_LIMIT)]
        whole = None if "\0" in text else find_customer(db, project_id, text)
        found += [whole] if whole is not None else []
        asked = list(dict.fromkeys([*found, *_possible_visitors(db, project_id, text)]))
        origins = {one: origins_of(db, project_id, one) for one in asked}
        introduced = {one: _introduce(db, project_id, one) for one in asked}
    summaries = customer_summaries(parts.store, project, [each for one in origins.values() for each in one])
    known = [one for one in asked if one in found or one in summaries]
    return [_found_row(one, introduced[one], summaries.get(one)) for one in known]


def find_person(parts: Parts, project: Project, customer_id: UUID) -> Person | None:
    """None where no id and no event is this customer's, be it that all of them moved to another one."""
    project_id = project.project_id
    with reading(parts.sessions) as db:
        ids = customer_ids(db, project_id, customer_id)
        origins = origins_of(db, project_id, customer_id)
        properties = traits(db, project_id, customer_id)
    summary = customer_summaries(parts.store, project, origins).get(customer_id)
    if not ids and summary is None:
        return None
    if not ids and summary is not None and summary.tracking_id:
        ids = [CustomerId(VISITOR, summary.tracking_id, parse_sql_instant(summary.first_seen))]
    name = customer_name(properties, [(one.type, one.value) for one in ids])
    return Person(customer_id, name, ids, origins, properties, summary)


def find_successor(parts: Parts, project: Project, customer_id: UUID) -> UUID | None:
    """Whose the events are now that were once this customer's, or whom he was merged into; None where they are several's
    or nobody's."""
    owners = customer_summaries(parts.store, project, [customer_id])
    if len(owners) == 1:
        return next(iter(owners))
    with reading(parts.sessions) as db:
        return find_merged(db, project.project_id, customer_id)


def names_of(parts: Parts, project_id: int, customers: Iterable[UUID]) -> dict[UUID, str]:
    """What those are called of whom the ledger knows an id; anonymous visitors are left out."""
    with reading(parts.sessions) as db:
        names = {one: _introduce(db, project_id, one)[0] for one in customers}
    return {one: name for one, name in names.items() if name}


def _introduce(db: Session, project_id: int, customer_id: UUID) -> tuple[str, str]:
    """(name, ids in a line); empty for an anonymous visitor."""
    ids = [one for one in customer_ids(db, project_id, customer_id) if one.type != VISITOR]
    if not ids:
        return "", ""
    name = customer_name(traits(db, project_id, customer_id), [(one.type, one.value) for one in ids])
    return name, ", ".join(dict.fromkeys(one.value for one in ids[:3]))


def _possible_visitors(db: Session, project_id: int, text: str) -> Iterable[UUID]:
    text = text.strip()
    if text and "\0" not in text:
        yield from visitor_customers(db, project_id, text)
    try:
        yield UUID(text)
    except ValueError:
        return


def _found_row(customer_id: UUID, introduced: tuple[str, str], summary: CustomerSummary | None) -> Row:
    name, about = introduced
    return Row(
        customer_id,
        name or _visitor(customer_id, summary),
        bool(about),
        about,
        summary.last_seen if summary else "",
        summary.orders if summary else 0,
        summary.revenue if summary else Decimal(0),
    )


def _visitor(customer_id: UUID, summary: CustomerSummary | None) -> str:
    return visitor_name(summary.tracking_id if summary and summary.tracking_id else str(customer_id))
