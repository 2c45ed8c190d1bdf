"""Entries of the ledger, and which of them count. Pure.

An entry is what a message said of who is who, or what a person decided. Nothing is ever taken out of the ledger: a
decision that takes something back is one more entry, and may itself be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, NewType

import msgspec

from shopalytic.identity.ids import VISITOR

Id = tuple[str, str]
"""(type, value); a visitor's type is `tracking_id`."""
NO_ID: Id = ("", "")
EntryKind = Literal["identify", "track", "alias", "same", "seen", "merge", "undo"]
EARLIEST_ONLY: frozenset[EntryKind] = frozenset(("track", "same", "seen"))
DECIDED: frozenset[EntryKind] = frozenset(("merge", "undo"))

Pair = NewType("Pair", tuple[str, str, Id, Id])
"""(kind, tracking_id, id, other): what an entry says, without when."""
Tie = NewType("Tie", tuple[str, Id, Id])
"""Between whom an entry is: (tracking_id, id, other); without a visitor the two ids in a fixed order."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One link as the rules see it.

    identify, track: the visitor is the customer of `id`, said outright or by an event that carried both.
    alias: `id` is a further id of whoever the visitor is at that time; with `other`, of the customer who has that id by
    then, and of the visitor only where nobody has it. same: `id` and `other` came in one message.
    seen: `id` came without a visitor.
    merge: somebody decided that `id` and `other` are one person; or, with a visitor, that it is the customer of `id`,
    which may be another visitor's. undo: what was said before of the same tie counts for nothing; with a `target` only
    what that decision said. Struck entries (`active` false) say nothing.
    """

    kind: EntryKind
    tracking_id: str = ""
    id: Id
    other: Id = NO_ID
    occurred_at: datetime
    message_id: str
    active: bool = True
    target: str = ""

    @property
    def moment(self) -> tuple[datetime, str]:
        return self.occurred_at, self.message_id

    @property
    def pair(self) -> Pair:
        return Pair((self.kind, self.tracking_id, self.id, self.other))

    @property
    def tie(self) -> Tie:
        if self.tracking_id:
            return Tie((self.tracking_id, self.id, self.other))
        first, second = sorted((self.id, self.other))
        return Tie(("", first, second))

    @property
    def ids(self) -> list[Id]:
        """All ids that it names, the visitor's too."""
        found = [self.id]
        if self.tracking_id:
            found.append((VISITOR, self.tracking_id))
        if self.other != NO_ID:
            found.append(self.other)
        return found

    @property
    def guessed(self) -> list[Id]:
        """Ids that it may mean or not: an alias's previous id is a customer's, or a visitor's of the same value."""
        if self.kind not in ("alias", "undo") or not self.tracking_id or self.other == NO_ID:
            return []
        visitor = (VISITOR, self.tracking_id)
        return [self.other, visitor] if self.tracking_id == self.other[1] else [self.other]


def effective(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that say something: see `sift`."""
    return sift(entries)[0]


def sift(entries: Iterable[Entry]) -> tuple[list[Entry], set[Entry]]:
    """What says something, and what was taken back, of repeated sightings the earliest alone.

    They are shrunk to it first: the other way round, what is left would depend on which later ones happened to be kept.
    """
    kept: dict[tuple[Pair, tuple[datetime, str] | None], Entry] = {}
    for entry in entries:
        key = (entry.pair, None if entry.kind in EARLIEST_ONLY else entry.moment)
        known = kept.get(key)
        if known is None or entry.moment < known.moment:
            kept[key] = entry
    taken_back = void(kept.values())
    return [entry for entry in kept.values() if entry.active and entry not in taken_back], taken_back


def is_union(entry: Entry) -> bool:
    """A merge of two customers; one of a visitor into the customer of a hard id is read like a sign-in."""
    return entry.kind == "merge" and not (entry.tracking_id and entry.id[0] != VISITOR)


def void(entries: Iterable[Entry]) -> set[Entry]:
    """Those that were taken back by an `undo` that was not taken back itself.

    entries: all of each tie among them. An undo only reaches what was said before it, so the newest are settled first.
    """
    by_tie: dict[Tie, list[Entry]] = {}
    listed = list(entries)
    undone = {entry.tie for entry in listed if entry.kind == "undo"}
    if not undone:
        return set()
    for entry in listed:
        if entry.tie in undone:
            by_tie.setdefault(entry.tie, []).append(entry)
    found: set[Entry] = set()
    for of_tie in by_tie.values():
        of_tie.sort(key=lambda entry: entry.moment, reverse=True)
        for entry in of_tie:
            if entry.kind == "undo" and entry.active and entry not in found:
                found.update(other for other in of_tie if reaches(entry, other))
    return found


def reaches(undo: Entry, other: Entry) -> bool:
    """Whether the undo takes back what the other says; both of one tie.

    Sightings it takes back whenever they were: an event that happens to carry two ids does not sign anybody in.
    """
    if undo.target:
        return other.kind in DECIDED and other.message_id == undo.target and other.moment < undo.moment
    return other.kind in EARLIEST_ONLY or (other.kind != "undo" and other.moment < undo.moment)
