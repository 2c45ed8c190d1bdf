"""Taking a person out of the ledger, so that nobody else's history changes and no id leads back."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Conflict, Identity, IdentityCheck, Link, Override, Trait
from shopalytic.identity.derived import read_owners
from shopalytic.identity.id_rules import read_policy
from shopalytic.identity.ids import USER_ID, VISITOR, origin_id
from shopalytic.identity.ledger import connected, refold, row_of
from shopalytic.identity.overrides import END_TEXT, instant_text, write_overrides
from shopalytic.identity.rules import BEGINNING, Entry, EntryKind, Id, Timeline, fold, owner_at
from shopalytic.identity.statements import chunks, hold_identity, insert_into

LINK = Link.__table__.c
TRAIT = Trait.__table__.c
CONFLICT = Conflict.__table__.c
IDENTITY = Identity.__table__.c
OVERRIDE = Override.__table__.c

PLACEHOLDER = "erased-"
"""How the value of an id begins that stands for an erased one where others share its browser."""
NAMING = frozenset({"email", "first_name", "last_name", "name", "phone"})
"""Properties whose values are looked for wherever else they were sent."""


class Span(msgspec.Struct, frozen=True):
    """Rows of one origin, of a time: both instants inclusive UTC texts to the millisecond."""

    origin_id: UUID
    from_at: str
    to_at: str

    @property
    def is_whole(self) -> bool:
        return self.from_at == instant_text(BEGINNING) and self.to_at == END_TEXT


class Holdings(msgspec.Struct, frozen=True):
    """What belongs to a customer. shared: those of the visitors who are somebody else's at other times.

    said: what its properties call it: names, addresses.
    """

    customer_id: UUID
    ids: list[Id]
    visitors: list[str]
    shared: list[str]
    spans: list[Span]
    said: list[str]

    @property
    def own_visitors(self) -> list[str]:
        return [visitor for visitor in self.visitors if visitor not in set(self.shared)]


def read_holdings(db: Session, project_id: int, customer_id: UUID) -> Holdings:
    """Of a visitor who never said who he is, the rows alone: which visitor it is, and whether there are any, only the
    store knows.
    """
    named = db.execute(
        select(IDENTITY.id_type, IDENTITY.id_value)
        .where(IDENTITY.project_id == project_id, IDENTITY.customer_id == customer_id)
        .distinct()
    ).all()
    timelines = read_owners(db, project_id, [(row.id_type, row.id_value) for row in named])
    spans = [
        span for each, steps in timelines.items() for span in _spans(project_id, each, steps, customer_id)
    ]
    ids = sorted(each for each in timelines if each[0] != VISITOR)
    visitors = sorted(value for id_type, value in timelines if id_type == VISITOR)
    shared = [value for value in visitors if len(timelines[VISITOR, value]) > 1]
    if not timelines:
        spans = [Span(customer_id, instant_text(BEGINNING), END_TEXT)]
    said = [
        str(row.value)
        for row in _traits(db, project_id, spans)
        if row.name in NAMING and isinstance(row.value, str | int)
    ]
    return Holdings(customer_id, ids, visitors, shared, spans, sorted(set(said)))


def strip_customer(db: Session, project_id: int, holdings: Holdings) -> int:
    """Take the customer out of ledger, properties, conflicts and overrides. Gives how many properties went.

    The caller holds the project's lock since before it read the holdings, and nothing is between the stream and the
    store. Where others share a browser, a placeholder that leads nowhere keeps the customer's place in its time: else
    what they did would move. A repeat changes nothing.
    """
    hold_identity(db, project_id)
    removed = _remove_traits(db, project_id, holdings)
    _remove_conflicts(db, project_id, holdings)
    others = _strip_links(db, project_id, holdings)
    _forget_samples(db, project_id, holdings)
    own = [*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)]
    for id_type, values in _by_type(own).items():
        for some in chunks(values):
            db.execute(
                _quiet(
                    delete(Identity).where(
                        IDENTITY.project_id == project_id,
                        IDENTITY.id_type == id_type,
                        IDENTITY.id_value.in_(some),
                    )
                )
            )
    for origins in chunks({span.origin_id for span in holdings.spans}):
        db.execute(
            _quiet(delete(Override).where(OVERRIDE.project_id == project_id, OVERRIDE.origin_id.in_(origins)))
        )
    _keep_others(db, project_id, others)
    shared = {(VISITOR, visitor) for visitor in holdings.shared}
    refold(db, project_id, others | shared)
    # What told of the others' time on a shared browser went with the overrides of the erased one's.
    timelines = read_owners(db, project_id, shared)
    write_overrides(
        db, project_id, {origin_id(project_id, *each): steps for each, steps in timelines.items()}
    )
    return removed


def known_values(holdings: Holdings) -> set[str]:
    """All texts that name the customer; a browser that others share is not among them."""
    return {*(value for _, value in holdings.ids), *holdings.own_visitors, *holdings.said}


def _spans(project_id: int, each: Id, timeline: Timeline, customer_id: UUID) -> Iterable[Span]:
    origin = origin_id(project_id, *each)
    ends = [*(instant_text(step.from_at - timedelta(milliseconds=1)) for step in timeline[1:]), END_TEXT]
    for step, to_at in zip(timeline, ends, strict=True):
        if step.customer_id == customer_id:
            yield Span(origin, instant_text(step.from_at), to_at)


def _traits(db: Session, project_id: int, spans: Sequence[Span]) -> list[Any]:
    columns = (TRAIT.id_type, TRAIT.id_value, TRAIT.name, TRAIT.value, TRAIT.occurred_at, TRAIT.said_as)
    rows: list[Any] = []
    for origins in chunks({span.origin_id for span in spans}):
        rows += db.execute(
            select(*columns).where(TRAIT.project_id == project_id, TRAIT.origin_id.in_(origins))
        )
    return rows


def _remove_traits(db: Session, project_id: int, holdings: Holdings) -> int:
    timelines = read_owners(db, project_id, [(VISITOR, visitor) for visitor in holdings.shared])
    shared = set(holdings.shared)
    removed = 0
    for row in _traits(db, project_id, holdings.spans):
        is_shared = row.id_type == VISITOR and row.id_value in shared
        if is_shared and not _is_owner(timelines, row, holdings.customer_id):
            continue
        gone = (
            delete(Trait)
            .where(
                TRAIT.project_id == project_id,
                TRAIT.id_type == row.id_type,
                TRAIT.id_value == row.id_value,
                TRAIT.name == row.name,
                TRAIT.said_as == row.said_as,
            )
            .returning(TRAIT.name)
        )
        removed += len(db.execute(_quiet(gone)).all())
    return removed


def _is_owner(timelines: dict[Id, Timeline], row: Any, customer_id: UUID) -> bool:
    timeline = timelines.get((row.id_type, row.id_value))
    occurred_at: datetime = row.occurred_at
    return timeline is not None and owner_at(timeline, occurred_at) == customer_id


def _remove_conflicts(db: Session, project_id: int, holdings: Holdings) -> None:
    """What was refused on a browser that others share is derived anew afterwards, from what is left of the ledger."""
    conditions: list[Any] = [
        or_(CONFLICT.owner_id == holdings.customer_id, CONFLICT.asked_id == holdings.customer_id)
    ]
    conditions += [CONFLICT.tracking_id.in_(some) for some in chunks(holdings.own_visitors)]
    own = [*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)]
    for id_type, values in _by_type(own).items():
        for some in chunks(values):
            conditions += [
                (CONFLICT.id_type == id_type) & CONFLICT.id_value.in_(some),
                (CONFLICT.other_type == id_type) & CONFLICT.other_value.in_(some),
            ]
    for condition in conditions:
        db.execute(_quiet(delete(Conflict).where(CONFLICT.project_id == project_id, condition)))


def _strip_links(db: Session, project_id: int, holdings: Holdings) -> set[Id]:
    """Gives the ids of others that the entries named too."""
    own = {*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)}
    shared = set(holdings.shared)
    gone = [
        row
        for row in _touching(db, project_id, holdings)
        if (row.id_type, row.id_value) in own
        or (row.other_type, row.other_value) in own
        # Else somebody else's, about a browser that they share.
        or row.tracking_id not in shared
    ]
    for ids in chunks(row.id for row in gone):
        db.execute(_quiet(delete(Link).where(LINK.id.in_(ids))))
    places = _places(project_id, holdings)
    if places:
        db.execute(insert_into(db, Link), places)
    named = {
        each
        for row in gone
        for each in (
            (row.id_type, row.id_value),
            (row.other_type, row.other_value),
            (VISITOR, row.tracking_id),
        )
    }
    return {each for each in named if each[1]} - own


def _forget_samples(db: Session, project_id: int, holdings: Holdings) -> None:
    """What checks of the customers told of the person, be it by numbers alone."""
    erased = {str(one) for one in (holdings.customer_id, *(span.origin_id for span in holdings.spans))}
    for check in db.scalars(select(IdentityCheck).where(IdentityCheck.project_id == project_id)):
        kept = [one for one in check.samples if erased.isdisjoint(map(str, one.values()))]
        if len(kept) < len(check.samples):
            check.samples = kept


def _keep_others(db: Session, project_id: int, others: set[Id]) -> None:
    """Where another customer had an id by what was said of it and of an erased one at once, an entry of nobody's message
    says that it is its: else what it did would move, or its id be unknown.
    """
    before = read_owners(db, project_id, others)
    now = fold(project_id, connected(db, project_id, others), read_policy(db, project_id)).timelines
    places = []
    for each, timeline in before.items():
        [*_, (_, owner, since)] = timeline
        if each[0] == VISITOR or (each in now and now[each][0].customer_id == owner):
            continue
        browser = _browser_of(db, project_id, owner)
        places.append(_place(project_id, "alias" if browser else "seen", browser, each, since))
    if places:
        db.execute(insert_into(db, Link), places)


def _browser_of(db: Session, project_id: int, customer_id: UUID) -> str:
    """The one that the customer began as; empty where it did not begin as a browser."""
    visitors = db.scalars(
        select(IDENTITY.id_value).where(
            IDENTITY.project_id == project_id,
            IDENTITY.customer_id == customer_id,
            IDENTITY.id_type == VISITOR,
            IDENTITY.from_at == BEGINNING,
        )
    )
    return next((one for one in visitors if origin_id(project_id, VISITOR, one) == customer_id), "")


def _places(project_id: int, holdings: Holdings) -> list[dict[str, Any]]:
    """Entries by which nobody signs in to a shared browser whenever the customer's time there begins.

    Of one instant they are read last, as the customer's own sign-in was. Each browser has a nobody of its own: two
    browsers of one customer must not be told to be so.
    """
    nobodys = {
        origin_id(project_id, VISITOR, visitor): (visitor, PLACEHOLDER + secrets.token_hex(16))
        for visitor in holdings.shared
    }
    return [
        _place(
            project_id,
            "identify",
            nobodys[span.origin_id][0],
            (USER_ID, nobodys[span.origin_id][1]),
            datetime.fromisoformat(span.from_at),
        )
        for span in holdings.spans
        if span.origin_id in nobodys
    ]


def _place(project_id: int, kind: EntryKind, tracking_id: str, each: Id, at: datetime) -> dict[str, Any]:
    """An entry of nobody's message."""
    entry = Entry(
        kind=kind,
        tracking_id=tracking_id,
        id=each,
        occurred_at=at.replace(tzinfo=UTC),
        message_id=f"~~{secrets.token_hex(16)}",
    )
    return row_of(project_id, entry, cause="erased")


def _touching(db: Session, project_id: int, holdings: Holdings) -> list[Any]:
    """Entries that name an id of the customer."""
    conditions: list[Any] = [LINK.tracking_id.in_(some) for some in chunks(holdings.visitors)]
    # Of a decision a visitor may be the one as well as the other.
    own_visitors = [(VISITOR, visitor) for visitor in holdings.own_visitors]
    for id_type, values in _by_type([*holdings.ids, *own_visitors]).items():
        for some in chunks(values):
            conditions.append(
                or_(
                    (LINK.id_type == id_type) & LINK.id_value.in_(some),
                    (LINK.other_type == id_type) & LINK.other_value.in_(some),
                )
            )
    columns = (
        LINK.id, LINK.kind, LINK.tracking_id, LINK.id_type, LINK.id_value, LINK.other_type, LINK.other_value,
    )  # fmt: skip
    rows: dict[int, Any] = {}
    for condition in conditions:
        found = db.execute(select(*columns).where(LINK.project_id == project_id, condition))
        rows |= {row.id: row for row in found}
    return list(rows.values())


def _by_type(ids: Iterable[Id]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id_type, value in ids:
        found.setdefault(id_type, []).append(value)
    return found


def _quiet(statement: Any) -> Any:
    """The session has none of these rows in memory; looking for them takes longer than the statement."""
    return statement.execution_options(synchronize_session=False)
