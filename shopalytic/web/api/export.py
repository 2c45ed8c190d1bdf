"""All that is known of a customer as one JSON file, in pieces: its size costs no memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Conflict, Trait
from shopalytic.errors import NotFound
from shopalytic.events.message import Envelope
from shopalytic.identity.explain import links, sentences
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.lookup import customer_ids
from shopalytic.identity.never import find_never
from shopalytic.identity.overrides import END_TEXT
from shopalytic.identity.statements import chunks
from shopalytic.identity.strip import Holdings, read_holdings
from shopalytic.privacy.quarantine import find_quarantined
from shopalytic.privacy.record import NO_CUSTOMER
from shopalytic.privacy.rows import read_rows
from shopalytic.reports.customer_summary import find_customer_summary
from shopalytic.web.api.answers import (
    CustomerId,
    ExportedLink,
    ExportedProperty,
    format_instant,
    format_store_instant,
)
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.events import event_answer

TRAIT = Trait.__table__.c
CONFLICT = Conflict.__table__.c

_encode = msgspec.json.Encoder().encode


def export_pieces(asked: Asked, customer_id: UUID) -> Iterator[bytes]:
    """Raises NotFound before the first piece where no id and no event is this customer's."""
    project_id = asked.project.project_id
    with reading(asked.parts.sessions) as db:
        holdings = read_holdings(db, project_id, customer_id)
        ids = [
            CustomerId(one.type, one.value, format_instant(one.since))
            for one in customer_ids(db, project_id, customer_id)
        ]
        found = links(db, project_id, customer_id)
        why = [
            ExportedLink(format_instant(link.since), sentence, link.active)
            for link, sentence in zip(found, sentences(found), strict=True)
        ]
        properties = _properties(db, project_id, holdings)
        refused = _refused(db, project_id, holdings)
        nobodys = _means_nobody(db, project_id, holdings)
    if not ids:
        seen = find_customer_summary(asked.parts.store, asked.project, customer_id, [customer_id])
        if seen is None:
            raise NotFound(NO_CUSTOMER, at="customer_id")
        if seen.tracking_id:
            holdings = msgspec.structs.replace(holdings, visitors=[seen.tracking_id])
            ids = [CustomerId(VISITOR, seen.tracking_id, format_store_instant(seen.first_seen))]
    head = {
        "exported_at": format_instant(asked.now),
        "customer_id": customer_id,
        "ids": ids,
        "why_one_person": why,
        "properties": properties,
        "refused_links": refused,
        "means_nobody": nobodys,
    }
    return _pieces(asked, holdings, _encode(head)[:-1])


def _pieces(asked: Asked, holdings: Holdings, head: bytes) -> Iterator[bytes]:
    yield head + b',"events":['
    yield from _listed(_events(asked, holdings))
    yield b'],"set_aside":['
    yield from _listed(_set_aside(asked, holdings))
    yield b"]}"


def _listed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    comma = b""
    for piece in pieces:
        yield comma + piece
        comma = b","


def _events(asked: Asked, holdings: Holdings) -> Iterator[bytes]:
    for rows in read_rows(asked.parts.store, asked.project.project_id, holdings.spans, END_TEXT):
        for row in rows:
            row.customer_id = str(holdings.customer_id)
        yield b",".join(_encode(event_answer(row)) for row in rows)


def _set_aside(asked: Asked, holdings: Holdings) -> Iterator[bytes]:
    for row in find_quarantined(
        asked.parts.store, asked.project.project_id, holdings.ids, holdings.own_visitors, holdings.said
    ):
        try:
            yield bytes(msgspec.json.decode(row.envelope, type=Envelope).message)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            yield _encode(row.envelope)


def _properties(db: Session, project_id: int, holdings: Holdings) -> list[ExportedProperty]:
    """Oldest first. What was said before is among the events `identify`, `account_register` and `account_update`."""
    own = {(span.origin_id, span.from_at, span.to_at) for span in holdings.spans}
    rows: list[Any] = []
    for origins in chunks({span.origin_id for span in holdings.spans}):
        rows += db.scalars(
            select(Trait)
            .where(TRAIT.project_id == project_id, TRAIT.origin_id.in_(origins))
            .order_by(TRAIT.occurred_at, TRAIT.name)
        )
    return [
        ExportedProperty(
            row.name, row.value, format_instant(row.occurred_at), f"{row.id_type} {row.id_value}"
        )
        for row in rows
        if any(
            row.origin_id == origin and from_at <= f"{row.occurred_at:%Y-%m-%d %H:%M:%S.%f}"[:23] <= to_at
            for origin, from_at, to_at in own
        )
    ]


def _refused(db: Session, project_id: int, holdings: Holdings) -> list[dict[str, Any]]:
    rows: list[Conflict] = []
    for some in chunks([value for _, value in holdings.ids]):
        rows += db.scalars(
            select(Conflict).where(CONFLICT.project_id == project_id, CONFLICT.id_value.in_(some))
        )
    return [
        {
            "at": format_instant(row.occurred_at), "kind": row.kind, "type": row.id_type, "value": row.id_value,
            "reason": row.reason,
        }
        for row in rows
        if (row.id_type, row.id_value) in set(holdings.ids)
    ]  # fmt: skip


def _means_nobody(db: Session, project_id: int, holdings: Holdings) -> list[CustomerId]:
    ids = [*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)]
    return [
        CustomerId(row.id_type, row.id_value, format_instant(row.effective_at))
        for row in find_never(db, project_id, ids, holdings.said)
    ]
