"""What people decide of who is who: undo of a link, split, merge, and taking a decision back.

A decision is entries of the ledger that share a message id, made under the project's lock. It is judged by what the
ledger says at that moment; whoever comes second is told what the first has done.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Link
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.derived import read_owners
from shopalytic.identity.entries import DECIDED, NO_ID, Entry, Id, Tie, effective, void
from shopalytic.identity.id_rules import read_policy
from shopalytic.identity.ids import USER_ID, VISITOR, origin_id
from shopalytic.identity.ledger import ENTRY_COLUMNS, connected, entry_of, refold
from shopalytic.identity.lookup import customer_ids, rank
from shopalytic.identity.overrides import END_TEXT, instant_text
from shopalytic.identity.rules import BEGINNING, Step, Timeline, fold, owner_at
from shopalytic.identity.statements import hold_identity, insert_into
from shopalytic.identity.strip import Span

Kind = Literal["undo", "split", "merge"]

NO_CUSTOMER = "This project has no such customer."
LINK = Link.__table__.c


class Change(msgspec.Struct, frozen=True):
    """What a decision did. moved: rows that are somebody else's after it; customers: whose the ids that it touched are
    afterwards, first the one it was about, where there is such a one still.
    """

    decision_id: str
    moved: list[Span]
    customers: list[UUID]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One that was made. by: `user:<id>` or `key:<id>`. takes_back: the decision that this one takes back, else ''.
    undone_by: the decision that took this one back and still stands, else ''.
    """

    decision_id: str
    kind: Kind
    at: datetime
    by: str
    door: str
    entries: list[Entry]
    takes_back: str = ""
    undone_by: str = ""


def undo_link(
    db: Session,
    project_id: int,
    customer_id: UUID,
    link_id: int,
    *,
    by: str,
    door: str,
    at: datetime | None = None,
) -> Change:
    """Have a link of the customer count for nothing, however often it was said till now.

    What is said afterwards (a new sign-in) links again. at: None is now. Raises NotFound; Rejected where the entry links
    nothing or counts for nothing already. Of a decision it takes back the whole.
    """
    hold_identity(db, project_id)
    row = db.execute(
        select(*ENTRY_COLUMNS).where(LINK.project_id == project_id, LINK.id == link_id)
    ).one_or_none()
    entry = entry_of(row) if row else None
    if entry is None or customer_id not in _owners(db, project_id, entry.ids):
        raise NotFound("This customer has no such link.", at="link_id")
    if entry.kind in DECIDED:
        return undo_decision(db, project_id, entry.message_id, by=by, door=door, at=at)
    if entry.kind == "seen":
        raise Rejected("This entry links no two ids, so there is nothing to undo.", at="link_id")
    known = connected(db, project_id, entry.ids)
    if not any(one.tie == entry.tie and one.kind not in ("undo", "seen") for one in effective(known)):
        raise Rejected("This link was undone already.", at="link_id")
    decision = _Decision("undo", by, door, _after(at, (one for one in known if one.tie == entry.tie)))
    decision.undo(entry)
    return _carry_out(db, project_id, decision, known, [customer_id])


def split_customer(
    db: Session,
    project_id: int,
    customer_id: UUID,
    ids: Sequence[Id],
    *,
    by: str,
    door: str,
    at: datetime | None = None,
) -> Change:
    """Make a customer of its own of some of a customer's ids.

    All that links them to the others counts for nothing, as with `undo_link`; where nothing else holds them together,
    they are merged. Raises NotFound; Rejected for no ids, for all of them, for one that is not the customer's.
    """
    hold_identity(db, project_id)
    of_customer = {(one.type, one.value) for one in customer_ids(db, project_id, customer_id)}
    if not of_customer:
        raise NotFound(NO_CUSTOMER, at="customer_id")
    chosen = dict.fromkeys(ids)
    foreign = next((each for each in chosen if each not in of_customer), None)
    if foreign is not None:
        raise Rejected(f"{foreign[0]} {foreign[1]} is not an id of this customer.", at="ids")
    if not chosen or len(chosen) == len(of_customer):
        raise Rejected("Choose some of the customer's ids, and not all of them.", at="ids")
    known = connected(db, project_id, of_customer)
    rest = of_customer - chosen.keys()
    crossing = [entry for entry in effective(known) if _crosses(entry, chosen, rest)]
    decision = _Decision("split", by, door, _after(at, crossing))
    for entry in crossing:
        decision.undo(entry)
    for pair in _held_apart(db, project_id, list(chosen), [*known, *decision.entries]):
        decision.merge(*pair)
    return _carry_out(db, project_id, decision, known, [customer_id])


def merge_customers(
    db: Session,
    project_id: int,
    customer_id: UUID,
    other_id: UUID,
    *,
    by: str,
    door: str,
    at: datetime | None = None,
    visitors: Mapping[UUID, str] | None = None,
) -> Change:
    """Make one person of two customers, who keeps the key of the first; of an anonymous one and another, the other's.

    visitors: the tracking ids of customers whom only the store knows. Raises NotFound; Rejected where they are one.
    """
    hold_identity(db, project_id)
    if customer_id == other_id:
        raise Rejected("This is the same customer.", at="with")
    into = _representative(db, project_id, customer_id, visitors or {}, at="customer_id")
    other = _representative(db, project_id, other_id, visitors or {}, at="with")
    shared = [each for each, steps in read_owners(db, project_id, {into, other}).items() if len(steps) > 1]
    known = connected(db, project_id, {into, other})
    decision = _Decision("merge", by, door, _after(at, (one for one in known if one.kind in DECIDED)))
    decision.merge(into, other, as_sign_in=not shared)
    return _carry_out(db, project_id, decision, known, [customer_id, other_id])


def undo_decision(
    db: Session, project_id: int, decision_id: str, *, by: str, door: str, at: datetime | None = None
) -> Change:
    """Take a decision back, wholly, be it one that took back another. Raises NotFound; Rejected where it was already."""
    hold_identity(db, project_id)
    made = [entry for entry in _decided(db, project_id, decision_id) if entry.message_id == decision_id]
    if not made:
        raise NotFound("This project has no such decision.", at="decision_id")
    known = connected(db, project_id, {each for entry in made for each in entry.ids})
    gone = void(known)
    if all(entry in gone for entry in made):
        raise Rejected("This decision was taken back already.", at="decision_id")
    before = _owners(db, project_id, {each for entry in made for each in entry.ids})
    decision = _Decision("undo", by, door, _after(at, (one for one in known if one.kind in DECIDED)))
    for entry in made:
        decision.undo(entry, target=decision_id)
    return _carry_out(db, project_id, decision, known, sorted(before, key=str))


def list_decisions(
    db: Session, project_id: int, customer_id: UUID | None = None, *, limit: int = 200
) -> list[Decision]:
    """Newest first; of a customer those about its ids of today, and about ids that are linked with them by a decision."""
    of_project = select(*ENTRY_COLUMNS, LINK.cause, LINK.door, LINK.decided_by).where(
        LINK.project_id == project_id, LINK.kind.in_(tuple(DECIDED))
    )
    rows = {row.id: row for row in db.execute(of_project.order_by(LINK.occurred_at.desc(), LINK.message_id))}
    entries = {link_id: entry_of(row) for link_id, row in rows.items()}
    gone = void(entries.values())
    taken_back = {one.target: one.message_id for one in entries.values() if one.target and one not in gone}
    wanted: set[str] | None = None
    if customer_id is not None:
        own = {(one.type, one.value) for one in customer_ids(db, project_id, customer_id)}
        wanted = {entry.message_id for entry in entries.values() if own.intersection(entry.ids)}
    found: dict[str, Decision] = {}
    for link_id, row in rows.items():
        if wanted is not None and row.message_id not in wanted:
            continue
        if row.message_id not in found:
            if len(found) == limit:
                break
            found[row.message_id] = Decision(
                decision_id=row.message_id,
                kind=row.cause,
                at=row.occurred_at,
                by=row.decided_by,
                door=row.door,
                entries=[],
                takes_back=row.target,
                undone_by=taken_back.get(row.message_id, ""),
            )
        found[row.message_id].entries.append(entries[link_id])
    return list(found.values())


class _Decision:
    """Entries on their way into the ledger."""

    def __init__(self, kind: Kind, by: str, door: str, at: datetime) -> None:
        self.kind = kind
        self.by = by
        self.door = door
        self.at = at
        self.id = str(uuid.uuid4())
        self.entries: list[Entry] = []
        self._undone: set[Tie] = set()

    def undo(self, entry: Entry, target: str = "") -> None:
        if entry.tie not in self._undone:
            self._undone.add(entry.tie)
            self._add("undo", entry.tracking_id, entry.id, entry.other, target)

    def merge(self, into: Id, other: Id, *, as_sign_in: bool = True) -> None:
        """as_sign_in: of a visitor and a hard id, as if he had signed in; False: he has become somebody else since, and
        it is about what he did before.
        """
        hard = next((each for each in (into, other) if each[0] != VISITOR), None)
        visitor = next((each for each in (other, into) if each[0] == VISITOR), None)
        if hard is None:
            self._add("merge", other[1], into)
        elif visitor is None or not as_sign_in:
            self._add("merge", "", into, other)
        else:
            self._add("merge", visitor[1], hard)

    def _add(
        self, kind: Literal["undo", "merge"], tracking_id: str, id: Id, other: Id = NO_ID, target: str = ""
    ) -> None:
        self.entries.append(
            Entry(
                kind=kind, tracking_id=tracking_id, id=id, other=other, occurred_at=self.at, message_id=self.id,
                target=target,
            )
        )  # fmt: skip

    def rows(self, project_id: int) -> list[dict[str, object]]:
        recorded_at = datetime.now(UTC)
        return [
            {
                "project_id": project_id,
                "kind": entry.kind,
                "tracking_id": entry.tracking_id,
                "id_type": entry.id[0],
                "id_value": entry.id[1],
                "other_type": entry.other[0],
                "other_value": entry.other[1],
                "occurred_at": entry.occurred_at,
                "message_id": entry.message_id,
                "cause": self.kind,
                "door": self.door,
                "url": "",
                "recorded_at": recorded_at,
                "active": True,
                "decided_by": self.by,
                "target": entry.target,
            }
            for entry in self.entries
        ]


def _carry_out(
    db: Session, project_id: int, decision: _Decision, known: Sequence[Entry], asked: Sequence[UUID]
) -> Change:
    """known: all entries connected with the decision's ids, before it."""
    if not decision.entries:
        raise Rejected("This would change nothing.")
    ids = {each for entry in [*known, *decision.entries] for each in entry.ids}
    before = read_owners(db, project_id, ids)
    db.execute(insert_into(db, Link), decision.rows(project_id))
    refold(db, project_id, {each for entry in decision.entries for each in entry.ids})
    after = read_owners(db, project_id, ids)
    own = _default(project_id)
    moved: list[Span] = []
    touched: set[UUID] = set()
    for each in ids:
        for from_at, to_at, was, now in _side_by_side(
            before.get(each) or own(each), after.get(each) or own(each)
        ):
            if was != now:
                moved.append(Span(origin_id(project_id, *each), from_at, to_at))
            if was in asked:
                touched.add(now)
    first = [one for one in asked if one in touched]
    return Change(decision.id, moved, [*first, *sorted(touched - {*first}, key=str)])


def _side_by_side(before: Timeline, after: Timeline) -> Iterable[tuple[str, str, UUID, UUID]]:
    """(from, to, owner before, owner after): both instants inclusive texts to the millisecond."""
    starts = sorted({step.from_at for step in (*before, *after)})
    ends = [*(instant_text(start - timedelta(milliseconds=1)) for start in starts[1:]), END_TEXT]
    for start, end in zip(starts, ends, strict=True):
        yield instant_text(start), end, owner_at(before, start), owner_at(after, start)


def _default(project_id: int) -> Callable[[Id], Timeline]:
    return lambda each: (Step(BEGINNING, origin_id(project_id, *each), BEGINNING),)


def _owners(db: Session, project_id: int, ids: Iterable[Id]) -> set[UUID]:
    listed = list(ids)
    timelines = read_owners(db, project_id, listed)
    own = _default(project_id)
    return {step.customer_id for each in listed for step in timelines.get(each) or own(each)}


def _after(at: datetime | None, said: Iterable[Entry]) -> datetime:
    """Now, to the millisecond, or after what it is about: clocks of browsers go wrong by minutes."""
    now = at or datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    latest = max((entry.occurred_at for entry in said), default=None)
    return now if latest is None or latest < now else latest + timedelta(milliseconds=1)


def _crosses(entry: Entry, chosen: Mapping[Id, None], rest: set[Id]) -> bool:
    """Whether it links one of the chosen with one of the others."""
    ends = entry.ids
    if entry.kind == "alias" and (entry.other in chosen or entry.other in rest):
        ends = [entry.id, entry.other]
    return (
        entry.kind != "undo" and any(each in chosen for each in ends) and any(each in rest for each in ends)
    )


def _held_apart(
    db: Session, project_id: int, chosen: Sequence[Id], entries: Iterable[Entry]
) -> Iterable[tuple[Id, Id]]:
    """Pairs to merge, so that the chosen are one customer; not those who turn out to be somebody else's altogether."""
    timelines = fold(project_id, entries, read_policy(db, project_id)).timelines
    own = _default(project_id)
    by_customer: dict[UUID, list[Id]] = {}
    for each in sorted(chosen, key=lambda one: (rank(one[0]), one[1])):
        by_customer.setdefault((timelines.get(each) or own(each))[0].customer_id, []).append(each)
    others = {
        step.customer_id for each, steps in timelines.items() if each not in set(chosen) for step in steps
    }
    first, *rest = [ids[0] for owner, ids in by_customer.items() if owner not in others] or [NO_ID]
    return [(first, each) for each in rest]


def _representative(
    db: Session, project_id: int, customer_id: UUID, visitors: Mapping[UUID, str], *, at: str
) -> Id:
    """The id that a merge names: a hard one where the customer has one, since that is its own for all time."""
    known = [(one.type, one.value) for one in customer_ids(db, project_id, customer_id)]
    visitor = (VISITOR, visitors.get(customer_id, ""))
    if not known and origin_id(project_id, *visitor) == customer_id:
        return visitor
    if not known:
        raise NotFound(NO_CUSTOMER, at=at)
    return min(known, key=lambda each: (each[0] == VISITOR, each[0] != USER_ID, each))


def _decided(db: Session, project_id: int, decision_id: str) -> list[Entry]:
    query = select(*ENTRY_COLUMNS).where(
        LINK.project_id == project_id, LINK.message_id == decision_id, LINK.kind.in_(tuple(DECIDED))
    )
    return [entry_of(row) for row in db.execute(query)]
