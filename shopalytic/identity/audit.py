"""Is what is kept of the customers what the ledger comes to? Asked part by part; each is folded anew and compared.

A part is closed under shared ids, so that nothing outside of it can have a say. It belongs to the slice that has its
oldest entry: each is read once, and none has to be remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from shopalytic.accounts.models import Conflict, Identity, Link
from shopalytic.identity.derived import read_owners, replace_derived
from shopalytic.identity.id_rules import read_policy
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.ledger import ENTRY_COLUMNS, entry_of, touching_queries
from shopalytic.identity.refusals import Parties, parties_of
from shopalytic.identity.rules import BEGINNING, Customers, Entry, Id, Step, Timeline, fold
from shopalytic.identity.statements import chunks

LINK = Link.__table__.c
IDENTITY = Identity.__table__.c
CONFLICT = Conflict.__table__.c

IDENTITY_MISSING = "identity_missing"
IDENTITY_WRONG = "identity_wrong"
IDENTITY_EXTRA = "identity_extra"
CONFLICT_MISSING = "conflict_missing"
CONFLICT_EXTRA = "conflict_extra"
CONFLICT_WRONG = "conflict_wrong"


class Difference(NamedTuple):
    """kind: one of the names above. id: which it is about. customer_id: whose it is by the ledger, the last one's of a
    timeline; found: what is kept instead, None where there is nothing.
    """

    kind: str
    id: Id
    customer_id: UUID | None = None
    found: UUID | None = None


class Slice(NamedTuple):
    """Parts of the ledger, folded. last: the newest entry that was looked at; None: there are no more."""

    last: int | None
    entries: int
    customers: Customers


def newest_entry(db: Session, project_id: int) -> int:
    """The highest link id; 0: there is none."""
    return db.scalar(select(func.max(LINK.id)).where(LINK.project_id == project_id)) or 0


def read_slice(db: Session, project_id: int, after: int, until: int, limit: int) -> Slice:
    """The parts whose oldest entry is among the next `limit` entries of after < id <= until."""
    page = _page(project_id, after, until, limit)
    last = db.scalar(select(func.max(page.c.id)))
    if last is None:
        return Slice(None, 0, Customers({}, []))
    # Those that say something of an id that was spoken of before belong to an earlier slice, in all likelihood.
    firsts = {each for row in db.execute(_unheard_of(project_id, page)) for each in entry_of(row).ids}
    parts = [part for part in _parts(db, project_id, firsts) if part.oldest > after]
    entries = [entry for part in parts for entry in part.entries]
    return Slice(last, len(entries), fold(project_id, entries, read_policy(db, project_id)))


def read_timelines(db: Session, project_id: int, ids: Iterable[Id]) -> dict[Id, Timeline]:
    """What the ledger says of the ids; one that it does not know is its own customer."""
    asked = set(ids)
    timelines = _fold_parts(db, project_id, asked).timelines
    return {
        each: timelines.get(each, (Step(BEGINNING, origin_id(project_id, *each), BEGINNING),))
        for each in asked
    }


def compare(db: Session, project_id: int, customers: Customers) -> list[Difference]:
    """What the tables say otherwise than the fold of parts of the ledger."""
    timelines = customers.timelines
    kept = read_owners(db, project_id, {*timelines, *customers.nobodys})
    found = []
    for each, timeline in timelines.items():
        if each not in kept:
            found.append(Difference(IDENTITY_MISSING, each, timeline[-1].customer_id))
        elif kept[each] != timeline:
            owner = timeline[-1].customer_id
            found.append(Difference(IDENTITY_WRONG, each, owner, kept[each][-1].customer_id))
    for each in customers.nobodys:
        if each in kept:
            found.append(Difference(IDENTITY_EXTRA, each, None, kept[each][-1].customer_id))
    return found + _compare_conflicts(db, project_id, customers)


def look_again(
    db: Session, project_id: int, differences: Sequence[Difference], *, mends: bool
) -> list[Difference]:
    """Those that are still there. The caller holds the project's lock, so that nothing changes in between.

    mends: make the tables say what the ledger says; rows follow by overrides.
    """
    asked = {one.id for one in differences}
    customers = _fold_parts(db, project_id, asked)
    known = customers.timelines.keys() | customers.nobodys
    strays = asked - known
    whole = Customers(customers.timelines, customers.refused, customers.nobodys | strays)
    left = [one for one in compare(db, project_id, whole) if one.id in asked]
    if mends and left:
        replace_derived(db, project_id, whole)
        _drop_conflicts(db, project_id, whole.nobodys)
    return left


def stray_identities(
    db: Session, project_id: int, after: UUID, limit: int
) -> tuple[UUID | None, list[Difference]]:
    """Ids in the table `identity` that no entry names, of the next `limit` customers after `after`; and the last of
    these customers, None where there are no more.
    """
    of_project = select(IDENTITY.customer_id).where(
        IDENTITY.project_id == project_id, IDENTITY.customer_id > after
    )
    customers = db.scalars(of_project.distinct().order_by(IDENTITY.customer_id).limit(limit)).all()
    if not customers:
        return None, []
    rows = db.execute(
        select(IDENTITY.id_type, IDENTITY.id_value, IDENTITY.customer_id).where(
            IDENTITY.project_id == project_id,
            IDENTITY.customer_id > after,
            IDENTITY.customer_id <= customers[-1],
            ~_is_named(project_id, IDENTITY.id_type, IDENTITY.id_value),
        )
    )
    found = {(id_type, id_value): customer_id for id_type, id_value, customer_id in rows}
    return customers[-1], [Difference(IDENTITY_EXTRA, each, None, owner) for each, owner in found.items()]


def stray_conflicts(
    db: Session, project_id: int, after: int, limit: int
) -> tuple[int | None, list[Difference]]:
    """The same of the table `conflict`, by its own numbers."""
    page = (
        select(CONFLICT.id, CONFLICT.id_type, CONFLICT.id_value)
        .where(CONFLICT.project_id == project_id, CONFLICT.id > after)
        .order_by(CONFLICT.id)
        .limit(limit)
        .subquery()
    )
    last = db.scalar(select(func.max(page.c.id)))
    rows = db.execute(
        select(page.c.id_type, page.c.id_value).where(~_is_named(project_id, page.c.id_type, page.c.id_value))
    )
    return last, [Difference(CONFLICT_EXTRA, (id_type, id_value)) for id_type, id_value in rows]


class _Part(NamedTuple):
    oldest: int
    entries: list[Entry]


def _fold_parts(db: Session, project_id: int, ids: set[Id]) -> Customers:
    entries = [entry for part in _parts(db, project_id, ids) for entry in part.entries]
    return fold(project_id, entries, read_policy(db, project_id))


def _parts(db: Session, project_id: int, ids: set[Id]) -> list[_Part]:
    """All that is reached from the ids over shared ids, apart where nothing is shared."""
    rows: dict[int, Entry] = {}
    above: dict[Id, Id] = {}
    reached: set[Id] = set()
    frontier = set(ids)
    while frontier:
        reached |= frontier
        for query in touching_queries(project_id, frontier):
            for row in db.execute(query):
                if row.id not in rows:
                    entry = rows[row.id] = entry_of(row)
                    first, *others = entry.ids
                    for other in others:
                        above[_top(above, other)] = _top(above, first)
        frontier = {each for entry in rows.values() for each in entry.ids} - reached
    parts: dict[Id, _Part] = {}
    for number, entry in sorted(rows.items()):
        parts.setdefault(_top(above, entry.id), _Part(number, [])).entries.append(entry)
    return list(parts.values())


def _top(above: dict[Id, Id], each: Id) -> Id:
    """The id that stands for the part; on the way up paths are halved, so that none grows long."""
    while (next_up := above.setdefault(each, each)) != each:
        above[each] = each = above[next_up]
    return each


def _page(project_id: int, after: int, until: int, limit: int) -> Any:
    return (
        select(*ENTRY_COLUMNS)
        .where(LINK.project_id == project_id, LINK.id > after, LINK.id <= until)
        .order_by(LINK.id)
        .limit(limit)
        .subquery()
    )


def _unheard_of(project_id: int, page: Any) -> Select[Any]:
    """The page's entries without those whose visitor or id an older one names in the same place."""
    older: Any = aliased(Link.__table__)
    same_visitor = exists().where(
        older.c.project_id == project_id,
        older.c.tracking_id == page.c.tracking_id,
        older.c.id < page.c.id,
    )
    same_id = exists().where(
        older.c.project_id == project_id,
        older.c.id_type == page.c.id_type,
        older.c.id_value == page.c.id_value,
        older.c.id < page.c.id,
    )
    return select(page).where(~and_(page.c.tracking_id != "", same_visitor), ~same_id)


def _is_named(project_id: int, id_type: Any, id_value: Any) -> Any:
    """Whether any entry names the id."""
    by: Any = aliased(Link.__table__)
    as_visitor = exists().where(by.c.project_id == project_id, by.c.tracking_id == id_value)
    as_id = exists().where(by.c.project_id == project_id, by.c.id_type == id_type, by.c.id_value == id_value)
    as_other = exists().where(
        by.c.project_id == project_id, by.c.other_type == id_type, by.c.other_value == id_value
    )
    return or_(as_id, as_other, and_(id_type == VISITOR, as_visitor))


def _compare_conflicts(db: Session, project_id: int, customers: Customers) -> list[Difference]:
    wanted = {(one.message_id, one.kind, *one.id): one for one in customers.refused}
    table: Any = Conflict.__table__
    found = []
    for condition in _of_ids(customers.timelines.keys() | customers.nobodys):
        for row in db.execute(select(table).where(CONFLICT.project_id == project_id, condition)):
            each = row.id_type, row.id_value
            refused = wanted.pop((row.message_id, row.kind, *each), None)
            if refused is None:
                found.append(Difference(CONFLICT_EXTRA, each, None, row.owner_id))
                continue
            parties = parties_of(row, each, (row.other_type, row.other_value), customers.timelines)
            # Rows of before whose parties were kept have none until they are next written.
            kept = parties if row.owner_id is None else Parties(row.owner_id, row.asked_id)
            if (refused.reason, *parties) != (row.reason, *kept):
                found.append(Difference(CONFLICT_WRONG, each, parties.owner, row.owner_id))
    return found + [Difference(CONFLICT_MISSING, each.id) for each in wanted.values()]


def _drop_conflicts(db: Session, project_id: int, ids: Iterable[Id]) -> None:
    table: Any = Conflict.__table__
    for condition in _of_ids(ids):
        db.execute(delete(table).where(CONFLICT.project_id == project_id, condition))


def _of_ids(ids: Iterable[Id]) -> Iterable[Any]:
    by_type: dict[str, list[str]] = {}
    for id_type, id_value in ids:
        by_type.setdefault(id_type, []).append(id_value)
    for id_type, values in by_type.items():
        for some in chunks(values):
            yield and_(CONFLICT.id_type == id_type, CONFLICT.id_value.in_(some))
