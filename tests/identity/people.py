"""Messages for identity tests, a shop that receives them, and the store's part of reading rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Conflict, Identity, Link, Override
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.ledger import Resolved, Sighting, resolve
from shopalytic.identity.overrides import closed, instant_text
from shopalytic.identity.rules import Customers, Entry, Id, fold
from shopalytic.identity.sightings import entries_of

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
_projects = itertools.count(1)
_messages = itertools.count(1)


def saw(
    visitor: str = "",
    user: str | dict[str, str] = "",
    *,
    kind: str = "track",
    at: float = 0,
    message: str = "",
    previous: str = "",
) -> Sighting:
    """One message. at: seconds after noon. user: a plain id, or ids by type, the most important first."""
    user_ids = {"user_id": user} if user and isinstance(user, str) else dict(user or {})
    return Sighting(
        kind=kind,  # type: ignore[arg-type]
        tracking_id=visitor,
        user_ids=user_ids,
        occurred_at=NOON + timedelta(seconds=at),
        message_id=message or f"m{next(_messages):06}",
        cause="page_view" if kind == "track" else kind,
        previous_id=previous,
    )


def identify(visitor: str, user: str | dict[str, str], at: float, **more: Any) -> Sighting:
    return saw(visitor, user, kind="identify", at=at, **more)


def alias(visitor: str, user: str | dict[str, str], at: float, **more: Any) -> Sighting:
    return saw(visitor, user, kind="alias", at=at, **more)


class Row(NamedTuple):
    """What the store keeps of a message that matters here."""

    origin_id: UUID
    occurred_at: datetime
    customer_id: UUID


class Shop:
    """One project on a database, and a store that is a list of rows."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        self.project = next(_projects)
        self.rows: dict[str, Row] = {}

    def receive(self, *batch: Sighting) -> list[Resolved]:
        """Resolve, commit, store; a message stored before is not stored again."""
        answers = self.resolve(batch)
        self.store(batch, answers)
        return answers

    def resolve(self, batch: Sequence[Sighting]) -> list[Resolved]:
        with self.sessions.begin() as db:
            return resolve(db, self.project, batch)

    def store(self, batch: Iterable[Sighting], answers: Iterable[Resolved]) -> None:
        for sighting, answer in zip(batch, answers, strict=True):
            self.rows.setdefault(
                sighting.message_id, Row(answer.origin_id, sighting.said_at, answer.customer_id)
            )

    def read(self) -> dict[str, UUID]:
        """Whose every stored row is, by message id, the way reports read them: through the newest overrides."""
        with self.sessions() as db:
            overrides = db.execute(
                select(Override.origin_id, Override.timeline)
                .where(Override.project_id == self.project)
                .order_by(Override.version)
            ).all()
        newest = {origin: closed(timeline) for origin, timeline in overrides}
        return {message: read_row(row, newest) for message, row in self.rows.items()}

    def customer(self, id_type: str, id_value: str) -> UUID:
        """The customer that the id would be if nothing were known of it."""
        return origin_id(self.project, id_type, id_value)

    def visitor(self, tracking_id: str) -> UUID:
        return self.customer(VISITOR, tracking_id)

    def identities(self) -> dict[Id, tuple[tuple[datetime, UUID, datetime], ...]]:
        found: dict[Id, list[tuple[datetime, UUID, datetime]]] = {}
        with self.sessions() as db:
            for one in db.scalars(select(Identity).where(Identity.project_id == self.project)):
                found.setdefault((one.id_type, one.id_value), []).append(
                    (one.from_at, one.customer_id, one.since)
                )
        return {each: tuple(sorted(steps)) for each, steps in found.items()}

    def conflicts(self) -> set[tuple[str, str, str, str]]:
        with self.sessions() as db:
            found = db.scalars(select(Conflict).where(Conflict.project_id == self.project))
            return {(one.message_id, one.kind, one.id_type, one.id_value) for one in found}

    def tables(self) -> list[Any]:
        """Everything that identity keeps, for comparing before and after."""
        with self.sessions() as db:
            return [
                sorted(
                    tuple(map(repr, row))
                    # In no order of its own: PostgreSQL gives rows as they lie, which a rollback may change.
                    for row in db.execute(select(model.__table__).where(model.project_id == self.project))
                )  # type: ignore[attr-defined]
                for model in (Link, Identity, Conflict, Override)
            ]

    def overridden(self) -> list[UUID]:
        with self.sessions() as db:
            return list(db.scalars(select(Override.origin_id).where(Override.project_id == self.project)))


def read_row(row: Row, overrides: dict[UUID, list[tuple[str, str, str]]]) -> UUID:
    """As a range dictionary does: ranges closed at both ends, the row's own customer where there is none."""
    text = instant_text(row.occurred_at)
    for from_text, to_text, customer in overrides.get(row.origin_id, []):
        if from_text <= text <= to_text:
            return UUID(customer)
    return row.customer_id


def folded(project: int, sightings: Iterable[Sighting]) -> Customers:
    """What the rules make of all messages at once."""
    return fold(project, all_entries(sightings))


def all_entries(sightings: Iterable[Sighting]) -> list[Entry]:
    return [entry for sighting in sightings for entry in entries_of(sighting)]


@st.composite
def sighting_lists(draw: st.DrawFn, max_size: int = 14) -> list[Sighting]:
    """Messages of few visitors and few ids, close together in time, so that they get in each other's way."""
    visitors, users, mails = (
        ["", "t1", "t2", "t3"],
        ["", "a", "b", "c"],
        ["", "", "x@a.example", "y@a.example"],
    )
    found = []
    for number in range(draw(st.integers(1, max_size))):
        visitor = draw(st.sampled_from(visitors))
        named = {"user_id": draw(st.sampled_from(users)), "email": draw(st.sampled_from(mails))}
        user_ids = {id_type: value for id_type, value in named.items() if value}
        if not visitor and not user_ids:
            visitor = "t1"
        kind = draw(st.sampled_from(["track", "identify", "alias"])) if user_ids else "track"
        at = draw(st.integers(0, 12))
        previous = draw(st.sampled_from(["", "a", "b", "t1", "t2"])) if kind == "alias" else ""
        found.append(saw(visitor, user_ids, kind=kind, at=at, message=f"m{number:02}", previous=previous))
    return found


@st.composite
def batches_of(draw: st.DrawFn, sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """The messages in some order of arrival, cut into batches somewhere."""
    rest = list(draw(st.permutations(sightings)))
    batches = []
    while rest:
        size = draw(st.integers(1, len(rest)))
        batches.append(rest[:size])
        rest = rest[size:]
    return batches


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Sighting], list[list[Sighting]]]:
    sightings = draw(sighting_lists())
    return sightings, draw(batches_of(sightings))
