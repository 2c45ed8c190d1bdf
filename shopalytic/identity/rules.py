"""The rules: from the entries of a ledger to customers. Pure, and the same for any order of the entries.

A customer is a key and what belongs to it. A hard id belongs to one customer for all time. A visitor has a
timeline, since several people may share a browser: its first step reaches back to the beginning, later ones
start when somebody else signed in. Two customers that were both identified are never made one.

Why order cannot matter: the entries are a set, sorted here by event time and message id before they are read.
What clients repeat endlessly (an id on every event) is kept as its earliest sighting only, and a minimum does
not depend on the order either. Entries that share no id cannot influence each other, so that a part of the ledger
that is closed under shared ids may be folded alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Literal, NamedTuple, NewType
from uuid import UUID

import msgspec

from shopalytic.identity.ids import VISITOR, origin_id

Id = tuple[str, str]
"""(type, value); a visitor's type is `tracking_id`."""
NO_ID: Id = ("", "")
EntryKind = Literal["identify", "track", "alias", "same", "seen"]
EARLIEST_ONLY: frozenset[EntryKind] = frozenset(("track", "same", "seen"))
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
"""Where a first step starts; the earliest instant that the store's columns hold."""
OWNED_BY_ANOTHER = "owned_by_another"

Pair = NewType("Pair", tuple[str, str, Id, Id])
"""(kind, tracking_id, id, other): what an entry says, without when."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One link as the rules see it.

    identify, track: the visitor is the customer of `id`, said outright or by an event that carried both.
    alias: `id` is a further id of whoever the visitor is at that time; with `other`, of the customer who has that id by
    then, and of the visitor only where nobody has it. same: `id` and `other` came in one message.
    seen: `id` came without a visitor. Struck entries (`active` false) say nothing.
    """

    kind: EntryKind
    tracking_id: str = ""
    id: Id
    other: Id = NO_ID
    occurred_at: datetime
    message_id: str
    active: bool = True

    @property
    def moment(self) -> tuple[datetime, str]:
        return self.occurred_at, self.message_id

    @property
    def pair(self) -> Pair:
        return Pair((self.kind, self.tracking_id, self.id, self.other))

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
        if self.kind != "alias" or self.other == NO_ID:
            return []
        visitor = (VISITOR, self.tracking_id)
        return [self.other, visitor] if self.tracking_id == self.other[1] else [self.other]


class Step(NamedTuple):
    """From `from_at` on, up to the next step, the id is the customer's; `since`: when that was said."""

    from_at: datetime
    customer_id: UUID
    since: datetime


Timeline = tuple[Step, ...]
"""Ascending, never empty, the first step from BEGINNING, neighbours never of the same customer."""


class Refused(msgspec.Struct, frozen=True):
    """A link that would have made two customers one, or moved an id; nothing was changed by it.

    id: the one that is somebody else's; for `same` the less important of the two.
    """

    kind: EntryKind
    tracking_id: str
    id: Id
    message_id: str
    occurred_at: datetime
    reason: str = OWNED_BY_ANOTHER


class Customers(NamedTuple):
    """What the entries come to: a timeline for every id that any entry names, and the refused links.

    nobodys: ids that aliases only guessed at, and that turned out to mean nobody; they have no timeline.
    """

    timelines: dict[Id, Timeline]
    refused: list[Refused]
    nobodys: frozenset[Id] = frozenset()


def fold(project_id: int, entries: Iterable[Entry]) -> Customers:
    """Read the entries in the order of event time and message id, but for aliases: see `_messages`.

    entries: a set closed under shared ids, in any order; the same entry twice counts once.
    An id that only struck entries name is its own customer.
    """
    given = list(entries)
    reading = _Reading(project_id, given)
    for together in _messages(_effective(given)):
        reading.take_message(together)
    timelines = reading.timelines()
    named = {each for entry in given for each in entry.ids}
    return Customers(timelines, reading.unresolved(), frozenset(named - timelines.keys()))


def owner_at(timeline: Timeline, occurred_at: datetime) -> UUID:
    """Whose the id was at that instant; a step's own first instant belongs to it."""
    owner = timeline[0].customer_id
    for step in timeline:
        if step.from_at > occurred_at:
            break
        owner = step.customer_id
    return owner


def _effective(entries: list[Entry]) -> list[Entry]:
    """Repeated sightings shrink to the earliest, and only then struck ones go.

    The other way round, what is left after a strike would depend on which later sightings happened to be kept.
    """
    kept: dict[tuple[Pair, tuple[datetime, str] | None], Entry] = {}
    for entry in entries:
        key = (entry.pair, None if entry.kind in EARLIEST_ONLY else entry.moment)
        known = kept.get(key)
        if known is None or entry.moment < known.moment:
            kept[key] = entry
    return [entry for entry in kept.values() if entry.active]


def _messages(entries: list[Entry]) -> Iterator[list[Entry]]:
    """The entries of each message, in their order.

    Of one instant, an alias follows what else was said, but for what names the new id already: a program calls in that
    order within less than a millisecond, and the id that came first would be another customer's.
    """
    for _, together in groupby(sorted(entries, key=_place), key=lambda entry: entry.occurred_at):
        messages = [list(one) for _, one in groupby(together, key=lambda entry: entry.moment)]
        new_ids = {entry.id for one in messages for entry in one if entry.kind == "alias"}
        if new_ids and len(messages) > 1:
            messages.sort(key=lambda one: _rank(one, new_ids))
        yield from messages


def _rank(message: list[Entry], new_ids: set[Id]) -> int:
    if any(entry.kind == "alias" for entry in message):
        return 1
    return 2 if any(each in new_ids for entry in message for each in entry.ids) else 0


def _place(entry: Entry) -> tuple[datetime, str, Pair]:
    return *entry.moment, entry.pair


class _Customer:
    """While anonymous it has exactly one visitor, all of whose time is its own: that is what can still move."""

    __slots__ = ("hard_ids", "identified", "key", "visitor")

    def __init__(self, key: UUID, *, visitor: str = "", identified: bool) -> None:
        self.key = key
        self.visitor = visitor
        self.identified = identified
        self.hard_ids: list[Id] = []


class _Stretch(NamedTuple):
    from_at: datetime
    customer: _Customer
    since: datetime


class _Reading:
    def __init__(self, project_id: int, entries: list[Entry]) -> None:
        self._project_id = project_id
        self._owners: dict[Id, _Customer] = {}
        self._owned_since: dict[Id, datetime] = {}
        self._stretches: dict[str, list[_Stretch]] = {}
        self._refused: list[Entry] = []
        self._of_other: set[Entry] = set()
        self._named: set[Id] = set()
        self._first_at: dict[Id, datetime] = {}
        for entry in entries:
            self._named.update(set(entry.ids) - set(entry.guessed))
            for each in entry.ids:
                self._first_at[each] = min(entry.occurred_at, self._first_at.get(each, entry.occurred_at))

    def take_message(self, entries: list[Entry]) -> None:
        """All entries of one message. An id that is known tells whose its unknown companion is, before either

        is looked at alone: otherwise the unknown one would become a customer of its own, and then a conflict.
        """
        for entry in entries:
            if entry.kind == "same":
                self._join(entry)
        for entry in entries:
            match entry.kind:
                case "identify" | "track":
                    self._identify(entry.tracking_id, entry.id, entry.occurred_at)
                case "alias":
                    self._alias(entry)
                case "seen" if entry.id not in self._owners:
                    self._own(self._new_customer(entry.id), entry.id, entry.occurred_at)
        for entry in entries:
            if entry.kind == "same":
                self._same(entry)

    def timelines(self) -> dict[Id, Timeline]:
        found: dict[Id, Timeline] = {}
        for each, first_at in self._first_at.items():
            id_type, id_value = each
            if id_type == VISITOR and id_value in self._stretches:
                found[each] = _settled(self._stretches[id_value])
            elif each in self._owners:
                found[each] = (Step(BEGINNING, self._owners[each].key, self._owned_since[each]),)
            elif each in self._named:
                found[each] = (Step(BEGINNING, self._origin(each), first_at),)
        return found

    def unresolved(self) -> list[Refused]:
        """Refused links that a later sign-in did not fulfil after all."""
        found = []
        for entry in self._refused:
            if entry.kind == "same":
                about, wanted = entry.other, self._owners[entry.id].key
            elif entry in self._of_other:
                about, wanted = entry.id, self._owners[entry.other].key
            else:
                stretches = self._stretches[entry.tracking_id]
                about, wanted = entry.id, owner_at(_settled(stretches), entry.occurred_at)
            if self._owners[about].key != wanted:
                found.append(
                    Refused(entry.kind, entry.tracking_id, about, entry.message_id, entry.occurred_at)
                )
        return found

    def _identify(self, tracking_id: str, user: Id, at: datetime) -> None:
        current = self._current(tracking_id)
        owner = self._owners.get(user)
        if owner is None and not current.identified:
            owner = current
        elif owner is None:
            owner = self._new_customer(user)
        self._own(owner, user, at)
        owner.identified = True
        if owner is current:
            return
        if current.identified:
            self._stretches[tracking_id].append(_Stretch(at, owner, at))
        else:
            self._move_wholly(current, owner, at)

    def _move_wholly(self, anonymous: _Customer, owner: _Customer, at: datetime) -> None:
        for each in anonymous.hard_ids:
            self._owners[each] = owner
            self._owned_since[each] = at
        owner.hard_ids += anonymous.hard_ids
        self._stretches[anonymous.visitor] = [_Stretch(BEGINNING, owner, at)]

    def _alias(self, entry: Entry) -> None:
        known = self._owners.get(entry.other)
        if known is not None:
            self._of_other.add(entry)
        current = known or self._current(entry.tracking_id)
        owner = self._owners.get(entry.id)
        if owner is None:
            self._own(current, entry.id, entry.occurred_at)
        elif owner is not current:
            self._refused.append(entry)

    def _join(self, entry: Entry) -> None:
        """Where exactly one of the two has an owner, the other gets the same."""
        first, second = self._owners.get(entry.id), self._owners.get(entry.other)
        if (first is None) == (second is None):
            return
        owner, unowned = (first, entry.other) if first is not None else (second, entry.id)
        assert owner is not None
        self._own(owner, unowned, entry.occurred_at)
        owner.identified = True

    def _same(self, entry: Entry) -> None:
        if entry.id not in self._owners and entry.other not in self._owners:
            self._own(self._new_customer(entry.id), entry.id, entry.occurred_at)
        self._join(entry)
        if self._owners[entry.id] is not self._owners[entry.other]:
            self._refused.append(entry)

    def _current(self, tracking_id: str) -> _Customer:
        stretches = self._stretches.get(tracking_id)
        if stretches is None:
            visitor = (VISITOR, tracking_id)
            customer = _Customer(self._origin(visitor), visitor=tracking_id, identified=False)
            stretches = [_Stretch(BEGINNING, customer, self._first_at[visitor])]
            self._stretches[tracking_id] = stretches
        return stretches[-1].customer

    def _new_customer(self, user: Id) -> _Customer:
        return _Customer(self._origin(user), identified=True)

    def _own(self, customer: _Customer, user: Id, at: datetime) -> None:
        if user not in self._owners:
            self._owners[user] = customer
            self._owned_since[user] = at
            customer.hard_ids.append(user)

    def _origin(self, each: Id) -> UUID:
        return origin_id(self._project_id, *each)


def _settled(stretches: list[_Stretch]) -> Timeline:
    """One step an instant, the last said; and none that goes on as before."""
    by_instant = {max(one.from_at, BEGINNING): one for one in stretches}
    steps: list[Step] = []
    for from_at, one in sorted(by_instant.items()):
        if not steps or steps[-1].customer_id != one.customer.key:
            steps.append(Step(from_at, one.customer.key, one.since))
    return tuple(steps)
