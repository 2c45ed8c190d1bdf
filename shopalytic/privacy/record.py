"""Erasures as they are asked for, kept and proved. The work itself is in `run`."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import ErasedId, Erasure
from shopalytic.errors import NotFound, QueueUnavailable, Rejected
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.lookup import find_customer, visitor_customers
from shopalytic.identity.rules import Id
from shopalytic.identity.statements import hold_identity
from shopalytic.identity.strip import Holdings, read_holdings
from shopalytic.parts import Parts
from shopalytic.reports.customer_summary import find_customer_summary
from shopalytic.reports.project import Project
from shopalytic.settings import get_secret_key

Kind = Literal["anonymise", "forget"]
FIRST_STEP = "waiting"
NAMING_STEPS = frozenset(
    {"waiting", "cutting", "rows", "hiding", "others", "overrides", "quarantine", "purge"}
)
"""While the customer may still be found. Whoever is found afterwards under the same ids is somebody new."""
DONE = "done"
ERASED = Erasure.__table__.c
NO_CUSTOMER = "This project has no such customer."


class Forecast(msgspec.Struct, frozen=True):
    """What an erasure is about: a customer's events and orders as reports count them. revenue: exact, not rounded."""

    events: int
    orders: int
    revenue: Decimal
    ids: int


class Asked(msgspec.Struct, frozen=True):
    """The answer to an erasure that was asked for. erasure_id: '' where it was only asked what it would be.

    is_repeat: it was asked for before, or done already; then nothing was begun.
    """

    forecast: Forecast
    erasure_id: str = ""
    is_done: bool = False
    is_repeat: bool = False


def find_subject(parts: Parts, project: Project, text: str) -> UUID | None:
    """The customer who has an id of whatever type, is the visitor of a tracking id, or has this customer id."""
    text = text.strip()
    if not text or "\0" in text:
        return None
    with reading(parts.sessions) as db:
        known = find_customer(db, project.project_id, text)
        visitors = [] if known is not None else visitor_customers(db, project.project_id, text)
    if known is not None:
        return known
    for visitor in visitors:
        if forecast(parts, project, visitor) is not None:
            return visitor
    try:
        customer_id = UUID(text)
    except ValueError:
        return None
    return customer_id if forecast(parts, project, customer_id) is not None else None


def forecast(parts: Parts, project: Project, customer_id: UUID) -> Forecast | None:
    """None where no id and no event is this customer's."""
    found = _find(parts, project, customer_id)
    return None if found is None else found[1]


def ask(
    parts: Parts,
    project: Project,
    customer_id: UUID,
    kind: Kind,
    *,
    asked_by: str,
    is_dry_run: bool = False,
) -> Asked:
    """Record that a customer is to be anonymised or forgotten, and have a worker do it.

    Asked again while it is under way, or after it was done, it gives the first one. asked_by: `user:<id>`, `key:<id>`
    or `command`. Raises NotFound, Unavailable, Rejected where the other kind is under way.
    """
    found = _find(parts, project, customer_id)
    if found is None:
        earlier = find_erasure_of(parts, project.project_id, str(customer_id))
        if earlier is None:
            raise NotFound(NO_CUSTOMER, at="customer_id")
        return _repeat(earlier)
    holdings, expected = found
    if is_dry_run:
        return Asked(expected)
    with parts.sessions.begin() as db:
        # Two who ask at once make one erasure.
        hold_identity(db, project.project_id)
        digests = [_digest(parts, project.project_id, str(customer_id))]
        running = _newest(db, project.project_id, digests[0])
        if running is not None and running.step in NAMING_STEPS:
            if running.kind != kind:
                raise Rejected(
                    f"The customer is being erased already ({running.kind}); ask again when it is done."
                )
            return Asked(expected, running.id, is_repeat=True)
        erasure = Erasure(
            id=str(uuid.uuid4()),
            project_id=project.project_id,
            kind=kind,
            asked_by=asked_by,
            step=FIRST_STEP,
            plan={"customer_id": str(customer_id)},
            counts=msgspec.to_builtins(expected),
        )
        digests += [_digest(parts, project.project_id, f"{one[0]} {one[1]}") for one in _provable(holdings)]
        db.add(erasure)
        db.add_all(
            ErasedId(project_id=project.project_id, digest=digest, erasure_id=erasure.id)
            for digest in dict.fromkeys(digests)
        )
    # Where the queue does not answer, the sweeper finds it.
    with suppress(QueueUnavailable):
        parts.stream.enqueue_erasure(erasure.id)
    return Asked(expected, erasure.id)


def find_erasure_of(parts: Parts, project_id: int, id_text: str) -> Erasure | None:
    """The newest erasure of a customer id, or of an id as `<type> <value>`."""
    with reading(parts.sessions) as db:
        return _newest(db, project_id, _digest(parts, project_id, id_text))


def find_erasure(sessions: sessionmaker[Session], erasure_id: str) -> Erasure | None:
    with reading(sessions) as db:
        return db.get(Erasure, erasure_id)


def list_erasures(sessions: sessionmaker[Session], project_id: int, limit: int = 200) -> list[Erasure]:
    """Newest first."""
    query = select(Erasure).where(ERASED.project_id == project_id).order_by(ERASED.asked_at.desc())
    with reading(sessions) as db:
        return list(db.scalars(query.limit(limit)))


def unfinished(sessions: sessionmaker[Session]) -> list[str]:
    """Ids of erasures that nobody works on now, oldest first."""
    now = datetime.now(UTC)
    with reading(sessions) as db:
        return list(
            db.scalars(
                select(ERASED.id)
                .where(ERASED.done_at.is_(None), ERASED.held_until.is_(None) | (ERASED.held_until < now))
                .order_by(ERASED.asked_at)
            )
        )


def forecast_of(erasure: Erasure) -> Forecast:
    """As it was when it was asked for."""
    known: dict[str, Any] = erasure.counts
    return Forecast(
        known.get("events", 0),
        known.get("orders", 0),
        Decimal(known.get("revenue", "0")),
        known.get("ids", 0),
    )


def _repeat(erasure: Erasure) -> Asked:
    return Asked(forecast_of(erasure), erasure.id, is_done=erasure.done_at is not None, is_repeat=True)


def _find(parts: Parts, project: Project, customer_id: UUID) -> tuple[Holdings, Forecast] | None:
    with reading(parts.sessions) as db:
        holdings = read_holdings(db, project.project_id, customer_id)
    origins = list(dict.fromkeys([customer_id, *(span.origin_id for span in holdings.spans)]))
    seen = find_customer_summary(parts.store, project, customer_id, origins)
    count = len(holdings.ids) + len(holdings.visitors)
    if not count and seen is None:
        return None
    if seen is None:
        return holdings, Forecast(0, 0, Decimal(0), count)
    return holdings, Forecast(
        seen.events, seen.orders, seen.revenue, max(count, 1 if seen.tracking_id else 0)
    )


def _provable(holdings: Holdings) -> list[Id]:
    return [*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)]


def _newest(db: Session, project_id: int, digest: str) -> Erasure | None:
    return db.scalars(
        select(Erasure)
        .join(ErasedId, ErasedId.erasure_id == ERASED.id)
        .where(ErasedId.project_id == project_id, ErasedId.digest == digest)
        .order_by(ERASED.asked_at.desc())
        .limit(1)
    ).one_or_none()


def _digest(parts: Parts, project_id: int, text: str) -> str:
    key = get_secret_key(parts.settings).encode()
    return hmac.new(key, f"erased\x1f{project_id}\x1f{text}".encode(), hashlib.sha256).hexdigest()
