"""`/customers`: who has an id, what he did, and why these ids are one person."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from shopalytic.accounts.db import reading
from shopalytic.accounts.deciders import names_of_deciders
from shopalytic.errors import NotFound, Rejected
from shopalytic.events.value_types import find_type
from shopalytic.identity.explain import CustomerLink, links, sentences
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.lookup import customer_ids, find_customer, origins_of, visitor_customers
from shopalytic.identity.traits import traits
from shopalytic.reports.customer_events import customer_events
from shopalytic.reports.customer_summary import CustomerSummary, find_customer_summary
from shopalytic.reports.money import round_money
from shopalytic.reports.property_history import Held, property_history
from shopalytic.web.api.answers import (
    CustomerAnswer,
    CustomerId,
    EventsAnswer,
    IdentityAnswer,
    LinkAnswer,
    PropertyAnswer,
    PropertyValue,
    format_instant,
    format_store_instant,
)
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.events import events_answer
from shopalytic.web.api.parameters import CustomerEventsQuery, CustomerQuery, NoQuery

NOBODY = "Nobody in this project has this id."
NO_CUSTOMER = "This project has no such customer."


@dataclass(frozen=True)
class Person:
    """summary: None where the customer has no events, only ids."""

    customer_id: UUID
    ids: list[CustomerId]
    origins: list[UUID]
    properties: dict[str, Any]
    summary: CustomerSummary | None


def get_customer(asked: Asked, query: CustomerQuery) -> CustomerAnswer:
    person = _find_by_id(asked, query.id)
    if person is None:
        raise NotFound(NOBODY, at="id")
    seen = person.summary
    return CustomerAnswer(
        customer_id=person.customer_id,
        ids=person.ids,
        properties=person.properties,
        first_seen=format_store_instant(seen.first_seen) if seen else None,
        last_seen=format_store_instant(seen.last_seen) if seen else None,
        orders=seen.orders if seen else 0,
        revenue=round_money(seen.revenue if seen else Decimal(0), asked.project.currency),
    )


def get_customer_events(asked: Asked, query: CustomerEventsQuery, customer_id: UUID) -> EventsAnswer:
    person = get_person(asked, customer_id)
    try:
        page = customer_events(
            asked.parts.store,
            asked.project,
            customer_id,
            person.origins,
            event=query.event,
            limit=query.limit,
            cursor=query.cursor,
        )
    except ValueError as error:
        raise Rejected(f"cursor: {error}.", at="cursor") from None
    return events_answer(page)


def get_identity(asked: Asked, query: NoQuery, customer_id: UUID) -> IdentityAnswer:
    get_person(asked, customer_id)
    with reading(asked.parts.sessions) as db:
        found = links(db, asked.project.project_id, customer_id)
        names = names_of_deciders(db, {link.decided_by for link in found})
    return IdentityAnswer(customer_id, [_link_answer(link) for link in found], sentences(found, names))


def get_property(asked: Asked, query: NoQuery, customer_id: UUID, name: str) -> PropertyAnswer:
    person = get_person(asked, customer_id)
    found = property_history(asked.parts.store, asked.project, customer_id, person.origins, name)
    if name not in person.properties and not found.values:
        raise NotFound(f"Nobody ever said {name[:100]!r} of this customer.", at="name")
    value = person.properties.get(name)
    return PropertyAnswer(
        customer_id, name, value, find_type(value), [_held(one) for one in found.values], found.is_cut
    )


def _held(one: Held) -> PropertyValue:
    return PropertyValue(
        value=one.value,
        type=find_type(one.value),
        since=format_store_instant(one.first.occurred_at),
        last_said=format_store_instant(one.last_said),
        times=one.times,
        event=one.first.event,
        message_id=one.first.message_id,
        url=one.first.url,
        door=one.first.door,
        said_of=" ".join(one.first.id),
    )


def _link_answer(link: CustomerLink) -> LinkAnswer:
    return LinkAnswer(
        link_id=link.link_id,
        type=link.type,
        value=link.value,
        since=format_instant(link.since),
        cause=link.cause,
        message_id=link.message_id,
        active=link.active,
    )


def _find_by_id(asked: Asked, value: str) -> Person | None:
    """By any id of the ledger, by the tracking id of a visitor who never said who he is, or by a customer id."""
    value = value.strip()
    if "\0" in value:  # PostgreSQL refuses it, and nobody can have it.
        return None
    project_id = asked.project.project_id
    with reading(asked.parts.sessions) as db:
        known = find_customer(db, project_id, value)
        visitors = [] if known is not None else visitor_customers(db, project_id, value)
    if known is not None:
        return _read_person(asked, known)
    for visitor in visitors:
        anonymous = _find_person(asked, visitor)
        if anonymous is not None:
            return anonymous
    try:
        return _find_person(asked, UUID(value))
    except ValueError:
        return None


def get_person(asked: Asked, customer_id: UUID, at: str = "customer_id") -> Person:
    """Raises NotFound, which names the member `at`."""
    person = _find_person(asked, customer_id)
    if person is None:
        raise NotFound(NO_CUSTOMER, at=at)
    return person


def _find_person(asked: Asked, customer_id: UUID) -> Person | None:
    """None where no id and no event is this customer's, be it that they moved to another one."""
    person = _read_person(asked, customer_id)
    return person if person.ids or person.summary else None


def _read_person(asked: Asked, customer_id: UUID) -> Person:
    project_id = asked.project.project_id
    with reading(asked.parts.sessions) as db:
        ids = [
            CustomerId(one.type, one.value, format_instant(one.since))
            for one in customer_ids(db, project_id, customer_id)
        ]
        origins = origins_of(db, project_id, customer_id)
        properties = traits(db, project_id, customer_id)
    summary = find_customer_summary(asked.parts.store, asked.project, customer_id, origins)
    if not ids and summary and summary.tracking_id:
        ids = [CustomerId(VISITOR, summary.tracking_id, format_store_instant(summary.first_seen))]
    return Person(customer_id, ids, origins, properties, summary)
