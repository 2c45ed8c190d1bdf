"""The ledger: entries go in, `identity` (whose every id is) comes out, and overrides for rows stored before.

Why no row is ever left with a stale customer, with several workers and without a lock for what is not new:

1. Whatever changes `identity` holds the project's lock until its transaction ends, and where it changes the timeline
   of an id that rows may already stand under, writes an override with the whole new timeline in the same
   transaction. An override covers all rows of its origin, whenever they are stored.
2. A visitor has the default timeline (its own customer, always) until one is written. So at any time either its
   timeline was never anything but the default, and any row is right; or an override with the newest is there.
   It does not matter how old the timeline was that a worker read.
3. A hard id has no default to rely on, and its first entry writes no override. But a row under it is stored only after
   its first entry is committed: a worker that finds no entry makes one, and derives whose the id is under the lock, from
   all that others committed before. From then on the same holds: its timeline never changed, or an override says what it is now.
4. The caller commits before it inserts rows. Where it dies in between, the batch is repeated: its entries are there,
   nothing changes, and it reads what is true by then. Where the rows were in already, 1 to 3 cover them.

A repeated batch finds its explicit entries by message id and its sightings by their minimum, adds nothing, and takes
no lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Link
from shopalytic.identity.derived import read_owners, replace_derived
from shopalytic.identity.id_rules import read_policy
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.overrides import PendingOverride, mark_overrides_sent, pending_overrides
from shopalytic.identity.repeats import without_repeats
from shopalytic.identity.rules import EARLIEST_ONLY, NO_ID, Entry, Id, Pair, fold, owner_at
from shopalytic.identity.sightings import (
    Resolved,
    Sighting,
    Wish,
    meant_by,
    previous_of,
    resolve_row,
    wish_key,
    wishes,
)
from shopalytic.identity.statements import chunks, hold_identity, insert_into

__all__ = [
    "PendingOverride",
    "Resolved",
    "Sighting",
    "mark_overrides_sent",
    "pending_overrides",
    "refold",
    "resolve",
]

CAUSE_LENGTH_MAX = 32
URL_LENGTH_MAX = 2000

LINK = Link.__table__.c
ENTRY_COLUMNS = (
    LINK.id,
    LINK.kind,
    LINK.tracking_id,
    LINK.id_type,
    LINK.id_value,
    LINK.other_type,
    LINK.other_value,
    LINK.occurred_at,
    LINK.message_id,
    LINK.active,
    LINK.target,
)


def resolve(db: Session, project_id: int, sightings: Sequence[Sighting]) -> list[Resolved]:
    """Record what the messages say of who is who, and answer whose each message is.

    All of them are recorded before any is answered: their order within the batch makes no difference.
    The caller owns the transaction and commits it before it stores rows. A repeat changes nothing.
    Cost: two look-ups an id type for a batch with nothing new; else also the entries of all who are
    connected with what is new, which is slow where thousands share a browser (0.1 ms each).
    """
    wished = wishes(sightings)
    new = _new(db, project_id, wished) if wished else []
    if new:
        hold_identity(db, project_id)
        # Somebody may have added the same meanwhile: an explicit entry is then skipped, a later sighting is one
        # more that the fold leaves out.
        _append(db, project_id, new)
        telling = without_repeats(db, project_id, [entry for entry, _ in new])
        refold(db, project_id, {each for entry in telling for each in entry.ids})
    return _answer(db, project_id, sightings)


def refold(db: Session, project_id: int, ids: Iterable[Id]) -> None:
    """Derive anew whose the ids are, and all that they are connected with, from the ledger as it is now. One that no entry
    names any more is nobody's.

    The caller holds the project's lock (`hold_identity`) since before it changed the ledger.
    """
    asked = set(ids)
    if not asked:
        return
    customers = fold(project_id, connected(db, project_id, asked), read_policy(db, project_id))
    unnamed = asked - customers.timelines.keys()
    replace_derived(db, project_id, customers._replace(nobodys=customers.nobodys | unnamed))


def _answer(db: Session, project_id: int, sightings: Sequence[Sighting]) -> list[Resolved]:
    asked: set[Id] = set()
    for sighting in sightings:
        asked.add(sighting.origin)
        asked.update(sighting.user_ids.items())
        if (previous := previous_of(sighting)) != NO_ID:
            asked.update((previous, (VISITOR, sighting.tracking_id or previous[1])))
    timelines = read_owners(db, project_id, asked)

    def owner(each: Id, at: datetime) -> UUID:
        timeline = timelines.get(each)
        return owner_at(timeline, at) if timeline else origin_id(project_id, *each)

    answers = []
    for sighting in sightings:
        at = sighting.said_at
        owners = [owner(each, at) for each in sighting.user_ids.items()]
        if (previous := previous_of(sighting)) != NO_ID:
            meant = meant_by(previous, sighting.tracking_id or previous[1], timelines, at)
            owners += [owner(meant, at)] if meant in timelines else []
        answers.append(resolve_row(project_id, sighting, owner(sighting.origin, at), owners))
    return answers


def _new(db: Session, project_id: int, wished: Mapping[tuple[Pair, str], Wish]) -> list[Wish]:
    """Those that the ledger lacks, or has only later sightings of."""
    known: dict[tuple[Pair, str], tuple[datetime, str]] = {}
    for row in _rows(db, _known_queries(project_id, [entry for entry, _ in wished.values()])):
        entry = entry_of(row)
        key = wish_key(entry)
        known[key] = min(entry.moment, known.get(key, entry.moment))
    return [
        (entry, sighting)
        for key, (entry, sighting) in wished.items()
        if key not in known or (entry.kind in EARLIEST_ONLY and entry.moment < known[key])
    ]


def _known_queries(project_id: int, entries: Iterable[Entry]) -> Iterable[Select[Any]]:
    by_type: dict[str, list[Entry]] = {}
    explicit: set[str] = set()
    for entry in entries:
        if entry.kind in EARLIEST_ONLY:
            by_type.setdefault(entry.id[0], []).append(entry)
        else:
            explicit.add(entry.message_id)
    in_project = select(*ENTRY_COLUMNS).where(LINK.project_id == project_id)
    for messages in chunks(explicit):
        yield in_project.where(LINK.message_id.in_(messages), LINK.kind.in_(("identify", "alias")))
    for id_type, of_type in by_type.items():
        for some in chunks(of_type):
            # Without the visitors, an id that many browsers share brings all of them along.
            yield in_project.where(
                LINK.id_type == id_type,
                LINK.id_value.in_({entry.id[1] for entry in some}),
                LINK.tracking_id.in_({entry.tracking_id for entry in some}),
                LINK.kind.in_(tuple(EARLIEST_ONLY)),
            )


def _append(db: Session, project_id: int, new: Iterable[Wish]) -> None:
    rows = [
        row_of(
            project_id,
            entry,
            cause=(sighting.cause or sighting.kind)[:CAUSE_LENGTH_MAX],
            door=sighting.door,
            url=_storable(sighting.url)[:URL_LENGTH_MAX],
        )
        for entry, sighting in new
    ]
    db.execute(insert_into(db, Link).on_conflict_do_nothing(), rows)


def _storable(text: str) -> str:
    """PostgreSQL refuses NUL, and UTF-8 has no lone surrogates: one bad address would fail the whole batch."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def connected(db: Session, project_id: int, ids: Iterable[Id]) -> list[Entry]:
    """All entries, struck ones too, that are reached from the ids over shared ids."""
    start = set(ids)
    entries: dict[int, Entry] = {}
    reached: set[Id] = set()
    while frontier := start - reached:
        reached |= frontier
        for row in _rows(db, touching_queries(project_id, frontier)):
            if row.id not in entries:
                entry = entries[row.id] = entry_of(row)
                start.update(entry.ids)
    return list(entries.values())


def touching_queries(project_id: int, ids: Iterable[Id]) -> Iterable[Select[Any]]:
    by_type: dict[str, list[str]] = {}
    for id_type, id_value in ids:
        by_type.setdefault(id_type, []).append(id_value)
    in_project = select(*ENTRY_COLUMNS).where(LINK.project_id == project_id)
    for id_type, values in by_type.items():
        for some in chunks(values):
            # A visitor's as well: somebody may have decided that it is another one's person.
            yield in_project.where(LINK.id_type == id_type, LINK.id_value.in_(some))
            yield in_project.where(LINK.other_type == id_type, LINK.other_value.in_(some))
            if id_type == VISITOR:
                yield in_project.where(LINK.tracking_id.in_(some))


def _rows(db: Session, queries: Iterable[Select[Any]]) -> Iterable[Row[Any]]:
    for query in queries:
        yield from db.execute(query).all()


def entry_of(row: Any) -> Entry:
    """Of a row that begins with the columns `ENTRY_COLUMNS`."""
    # By name it takes twice as long, and a batch of sign-ins reads thousands.
    _, kind, tracking_id, id_type, id_value, other_type, other_value, at, message_id, active, target, *_ = row
    return Entry(
        kind=kind,
        tracking_id=tracking_id,
        id=(id_type, id_value),
        other=(other_type, other_value),
        occurred_at=at,
        message_id=message_id,
        active=active,
        target=target,
    )


def row_of(
    project_id: int, entry: Entry, *, cause: str, door: str = "native", url: str = "", decided_by: str = ""
) -> dict[str, Any]:
    """What `Link` keeps of an entry, recorded now."""
    return {
        "project_id": project_id,
        "kind": entry.kind,
        "tracking_id": entry.tracking_id,
        "id_type": entry.id[0],
        "id_value": entry.id[1],
        "other_type": entry.other[0],
        "other_value": entry.other[1],
        "occurred_at": entry.occurred_at,
        "message_id": entry.message_id,
        "cause": cause,
        "door": door,
        "url": url,
        "recorded_at": datetime.now(UTC),
        "active": entry.active,
        "decided_by": decided_by,
        "target": entry.target,
    }
