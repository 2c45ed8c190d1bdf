"""`/data/v2/…`: what is known of customers, by Exponea's calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from shopalytic.accounts.db import reading
from shopalytic.collector.exponea.translate import COOKIE, read_ids
from shopalytic.collector.translated import read_object
from shopalytic.errors import Rejected
from shopalytic.events.event import Event
from shopalytic.events.properties import event_properties
from shopalytic.identity.derived import read_owners
from shopalytic.identity.id_rules import read_policy
from shopalytic.identity.ids import VISITOR, origin_id, parse_tracking_id, parse_user_ids
from shopalytic.identity.judging import stand_in
from shopalytic.identity.listing import list_people, list_shape
from shopalytic.identity.lookup import CustomerId, customer_ids, origins_of
from shopalytic.identity.rules import Id
from shopalytic.identity.traits import traits
from shopalytic.parts import Parts
from shopalytic.reports.customer_history import customer_history
from shopalytic.reports.customer_summary import find_customer_summary
from shopalytic.reports.period import parse_sql_instant
from shopalytic.reports.project import Project

EVENTS_LIMIT = 10_000
"""Events in one answer; `customers/events` goes on with `skip`."""
NO_EVENTS = frozenset({"identify", "alias"})
"""Rows that at Exponea are no events but changes of a customer; given where they are asked for by name."""
ROWS_AT_ONCE = 500

to_json = _encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Asked:
    """One authorized call: its parts, its project, its body, and the number of its key."""

    parts: Parts
    project: Project
    body: dict[str, Any]
    key_id: int = 0


@dataclass(frozen=True)
class Customer:
    customer_id: UUID
    ids: list[CustomerId]
    origins: list[UUID]
    properties: dict[str, Any]


def ask(parts: Parts, project_id: int, body: bytes, key_id: int = 0) -> Asked:
    return Asked(parts, Project(project_id), read_object(body or b"{}"), key_id)


def export_one(asked: Asked) -> bytes:
    customer = _get_customer(asked)
    newest = _history(asked, customer, [], EVENTS_LIMIT, 0, is_newest_first=True)
    ids = _group_ids(customer.ids)
    return _encode(
        {
            "success": True,
            "ids": ids,
            "properties": customer.properties,
            "events": [_event(event) for event in reversed(newest) if event.event not in NO_EVENTS],
        }
    )


def list_events(asked: Asked) -> bytes:
    names = asked.body.get("event_types")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise Rejected("event_types must be an array of event names.", at="event_types")
    order = asked.body.get("order") or "asc"
    if order not in ("asc", "desc"):
        raise Rejected("order must be asc or desc.", at="order")
    limit, skip = _number(asked, "limit", 1000, EVENTS_LIMIT), _number(asked, "skip", 0, 10**9)
    customer = _get_customer(asked)
    events = _history(asked, customer, names, limit, skip, is_newest_first=order == "desc")
    return _encode({"success": True, "data": [_event(event) for event in events]})


def list_attributes(asked: Asked) -> bytes:
    wanted = asked.body.get("attributes")
    if not isinstance(wanted, list):
        raise Rejected("attributes must be an array.", at="attributes")
    customer = _get_customer(asked)
    ids = _group_ids(customer.ids)
    return _encode({"success": True, "results": [_attribute(one, ids, customer) for one in wanted]})


def export_all(asked: Asked) -> Iterator[bytes]:
    """The answer in pieces, so that its size costs no memory. What is wrong is raised before the first piece."""
    if asked.body.get("format") != "native_json":
        raise Rejected("format must be native_json.", at="format")
    for name in ("filter", "attributes"):
        if asked.body.get(name):
            raise Rejected(f"{name} is not supported: all customers are exported whole.", at=name)
    with reading(asked.parts.sessions) as db:
        types, names = list_shape(db, asked.project.project_id)
    return _export(asked, types, names)


def _export(asked: Asked, types: list[str], names: list[str]) -> Iterator[bytes]:
    fields = [{"type": "id", "id": COOKIE if name == VISITOR else name} for name in types]
    fields += [{"type": "property", "property": name} for name in names]
    yield b'{"success":true,"fields":' + _encode(fields) + b',"data":['
    after: UUID | None = None
    comma = b""
    while True:
        with reading(asked.parts.sessions) as db:
            people = list_people(db, asked.project.project_id, after, ROWS_AT_ONCE)
        for person in people:
            ids = _group_ids(person.ids)
            row = [ids.get(field["id"]) for field in fields if field["type"] == "id"]
            yield comma + _encode(row + [person.properties.get(name) for name in names])
            comma = b","
        if len(people) < ROWS_AT_ONCE:
            break
        after = people[-1].customer_id
    yield b"]}"


def named_ids(asked: Asked) -> list[Id]:
    """Those of the body's `customer_ids`, the most important first; a cookie, which is a visitor's, is the last, and
    before it the visitors whom soft ids tell.
    """
    sent = read_ids(asked.body)
    ids = list(parse_user_ids(sent.others).items())
    with reading(asked.parts.sessions) as db:
        soft_types = set(read_policy(db, asked.project.project_id).soft_types()) if ids else set()
    ids += [(VISITOR, stand_in(*each)) for each in ids if each[0] in soft_types]
    return [*ids, (VISITOR, parse_tracking_id(sent.cookie))] if sent.cookie else ids


def _get_customer(asked: Asked) -> Customer:
    """Raises Rejected where nobody has the ids. Of ids of different customers the most important one counts."""
    project_id = asked.project.project_id
    ids = named_ids(asked)
    with reading(asked.parts.sessions) as db:
        owners = read_owners(db, project_id, ids)
        owner = next((owners[each][-1].customer_id for each in ids if each in owners), None)
        customer_id = owner or origin_id(project_id, *ids[-1])
        origins = origins_of(db, project_id, customer_id)
        known = customer_ids(db, project_id, customer_id)
        properties = traits(db, project_id, customer_id)
    if owner is None:
        # A visitor who never said who he is: only his events know him.
        seen = find_customer_summary(asked.parts.store, asked.project, customer_id, origins)
        if ids[-1][0] != VISITOR or seen is None:
            raise Rejected("No customer has these ids.", at="customer_ids")
        known = [CustomerId(VISITOR, ids[-1][1], parse_sql_instant(seen.first_seen))]
    return Customer(customer_id, known, origins, properties)


def _history(
    asked: Asked, customer: Customer, names: list[str], limit: int, skip: int, *, is_newest_first: bool
) -> list[Event]:
    return customer_history(
        asked.parts.store,
        asked.project,
        customer.customer_id,
        customer.origins,
        events=names,
        limit=limit,
        skip=skip,
        is_newest_first=is_newest_first,
    )


def _event(event: Event) -> dict[str, Any]:
    at = parse_sql_instant(event.occurred_at).timestamp()
    return {"type": event.event, "timestamp": at, "properties": event_properties(event)}


def _group_ids(ids: Iterable[CustomerId]) -> dict[str, str | list[str]]:
    """By type: one id as a text, several as a list."""
    found: dict[str, list[str]] = {}
    for one in ids:
        found.setdefault(COOKIE if one.type == VISITOR else one.type, []).append(one.value)
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


def _attribute(wanted: Any, ids: dict[str, str | list[str]], customer: Customer) -> dict[str, Any]:
    match wanted:
        case {"type": "property", "property": str(name)}:
            return {"success": True, "value": customer.properties.get(name)}
        case {"type": "id", "id": str(name)}:
            return {"success": True, "value": ids.get(name)}
    return {"success": False, "errors": ["An attribute is a property or an id here."]}


def _number(asked: Asked, name: str, default: int, most: int) -> int:
    value = asked.body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Rejected(f"{name} must be a whole number from 0 to {most}.", at=name)
    return value
