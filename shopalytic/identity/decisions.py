"""What people decide of who is who: undo of a link, split, merge, and taking a decision back.

A decision is entries of the ledger that share a message id, made under the project's lock. It is judged by what the
ledger says at that moment; whoever comes second is told what the first has done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shopalytic.accounts.models import IS_DECIDED, Link
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.derived import read_owners
from shopalytic.identity.draft import Change, Draft, Kind, carry_out, default_timeline
from shopalytic.identity.entries import DECIDED, NO_ID, Entry, Id, Tie, effective, is_union, reaches, void
from shopalytic.identity.id_rules import read_policy
from shopalytic.identity.ids import USER_ID, VISITOR, origin_id
from shopalytic.identity.ledger import ENTRY_COLUMNS, connected, entry_of
from shopalytic.identity.lookup import customer_ids, rank
from shopalytic.identity.rules import Timeline, fold
from shopalytic.identity.statements import hold_identity

__all__ = [
    "Change",
    "Decision",
    "list_decisions",
    "merge_customers",
    "split_customer",
    "undo_decision",
    "undo_link",
]

NO_CUSTOMER = "This project has no such customer."
LINK = Link.__table__.c


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
    # SQLite takes no larger number.
    asked = link_id if 0 < link_id < 2**63 else 0
    row = db.execute(
        select(*ENTRY_COLUMNS).where(LINK.project_id == project_id, LINK.id == asked)
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
    same = [one for one in known if one.tie == entry.tie]
    if entry.tracking_id:
        # An alias may also name what the visitor was known by, which nobody has.
        alike = [one for one in known if (one.tracking_id, one.id) == (entry.tracking_id, entry.id)]
        owned = read_owners(db, project_id, {one.other for one in alike if one.other != NO_ID})
        if entry.other not in owned:
            same += [one for one in alike if one.other not in owned]
    decision = Draft("undo", by, door, _after(at, same))
    for one in (entry, *same):
        decision.undo(one)
    return carry_out(db, project_id, decision, known, [customer_id])


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
    they are merged, and so are the others. Raises Rejected for no ids, for all of them, for one that is not the
    customer's.
    """
    hold_identity(db, project_id)
    of_customer = {(one.type, one.value) for one in customer_ids(db, project_id, customer_id)}
    if len(of_customer) < 2:
        raise Rejected("This customer has no two ids, so there is nothing to split.", at="ids")
    chosen = dict.fromkeys(ids)
    foreign = next((each for each in chosen if each not in of_customer), None)
    if foreign is not None:
        raise Rejected(f"{foreign[0]} {foreign[1]} is not an id of this customer.", at="ids")
    if not chosen or len(chosen) == len(of_customer):
        raise Rejected("Choose some of the customer's ids, and not all of them.", at="ids")
    known = connected(db, project_id, of_customer)
    rest = of_customer - chosen.keys()
    crossing = [entry for entry in effective(known) if _crosses(entry, chosen, rest)]
    decision = Draft("split", by, door, _after(at, crossing))
    for entry in crossing:
        decision.undo(entry)
    cut = fold(project_id, [*known, *decision.entries], read_policy(db, project_id)).timelines
    for part in (list(chosen), list(rest)):
        for pair in _held_apart(project_id, part, cut):
            decision.merge(*pair)
    return carry_out(db, project_id, decision, known, [customer_id])


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
    people = [(customer_id, "customer_id"), (other_id, "with")]
    ids = {one: _ids_of(db, project_id, one, (visitors or {}).get(one, ""), at=name) for one, name in people}
    known = connected(db, project_id, {each for of_one in ids.values() for each in of_one})
    alone = [entry for entry in known if not is_union(entry)]
    without_merges = fold(project_id, alone, read_policy(db, project_id)).timelines
    into, other = (_representative(project_id, one, ids[one], without_merges) for one, _ in people)
    shared = [each for each in (into, other) if len(without_merges.get(each, ())) > 1]
    decision = Draft("merge", by, door, _after(at, (one for one in known if one.kind in DECIDED)))
    decision.merge(into, other, as_sign_in=not shared)
    return carry_out(db, project_id, decision, known, [customer_id, other_id])


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
    decision = Draft("undo", by, door, _after(at, (one for one in known if one.kind in DECIDED)))
    for entry in made:
        decision.undo(entry, target=decision_id)
    return carry_out(db, project_id, decision, known, sorted(before, key=str))


def list_decisions(
    db: Session, project_id: int, customer_id: UUID | None = None, *, limit: int = 200
) -> list[Decision]:
    """Newest first; of a customer those about its ids of today, and about ids that are linked with them by a decision."""
    of_project = select(*ENTRY_COLUMNS, LINK.cause, LINK.door, LINK.decided_by).where(
        LINK.project_id == project_id, text(IS_DECIDED)
    )
    rows = {row.id: row for row in db.execute(of_project.order_by(LINK.occurred_at.desc(), LINK.message_id))}
    entries = {link_id: entry_of(row) for link_id, row in rows.items()}
    gone = void(entries.values())
    taken_back = _taken_back(entries.values(), gone)
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


def _taken_back(decided: Collection[Entry], gone: set[Entry]) -> dict[str, str]:
    """Which decision took back another, by the other's id: wholly, on purpose or as one of many things said."""
    standing: dict[Tie, list[Entry]] = {}
    for entry in decided:
        if entry.kind == "undo" and entry not in gone:
            standing.setdefault(entry.tie, []).append(entry)
    left = {entry.message_id for entry in decided if entry not in gone}
    return {
        entry.message_id: undo.message_id
        for entry in decided
        if entry.message_id not in left
        for undo in standing.get(entry.tie, ())
        if reaches(undo, entry)
    }


def _owners(db: Session, project_id: int, ids: Iterable[Id]) -> set[UUID]:
    listed = list(ids)
    timelines = read_owners(db, project_id, listed)
    own = default_timeline(project_id)
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
    project_id: int, part: Sequence[Id], timelines: Mapping[Id, Timeline]
) -> Iterable[tuple[Id, Id]]:
    """Pairs to merge, so that the part is one customer; without those who turn out to be somebody else's altogether."""
    own = default_timeline(project_id)
    by_customer: dict[UUID, list[Id]] = {}
    for each in sorted(part, key=lambda one: (rank(one[0]), one[1])):
        by_customer.setdefault((timelines.get(each) or own(each))[0].customer_id, []).append(each)
    others = {
        step.customer_id for each, steps in timelines.items() if each not in set(part) for step in steps
    }
    first, *rest = [ids[0] for owner, ids in by_customer.items() if owner not in others] or [NO_ID]
    return [(first, each) for each in rest]


def _ids_of(db: Session, project_id: int, customer_id: UUID, visitor: str, *, at: str) -> list[Id]:
    """visitor: what only the store knows, of a customer without ids."""
    known = [(one.type, one.value) for one in customer_ids(db, project_id, customer_id)]
    own = (VISITOR, visitor)
    is_own = origin_id(project_id, *own) == customer_id and not read_owners(db, project_id, [own])
    if not known and not is_own:
        raise NotFound(NO_CUSTOMER, at=at)
    return known or [own]


def _representative(
    project_id: int, customer_id: UUID, ids: Sequence[Id], without_merges: Mapping[Id, Timeline]
) -> Id:
    """The id that a merge names: of those that were the customer's before any merge, so that taking back an earlier one
    leaves it where it belongs; and a hard one where there is one, since that is its own for all time.
    """
    own = default_timeline(project_id)
    first = [each for each in ids if (without_merges.get(each) or own(each))[0].customer_id == customer_id]
    return min(first or ids, key=lambda each: (each[0] == VISITOR, each[0] != USER_ID, each))


def _decided(db: Session, project_id: int, decision_id: str) -> list[Entry]:
    query = select(*ENTRY_COLUMNS).where(
        LINK.project_id == project_id, LINK.message_id == decision_id, text(IS_DECIDED)
    )
    return [entry_of(row) for row in db.execute(query)]
