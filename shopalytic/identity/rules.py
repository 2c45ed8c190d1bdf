"""The rules: from the entries of a ledger to customers. Pure, and the same for any order of the entries.

A customer is a key and what belongs to it. A hard id belongs to one customer for all time. A visitor has a
timeline, since several people may share a browser: its first step reaches back to the beginning, later ones
start when somebody else signed in. Two customers that were both identified are never made one, unless somebody
decided so: such a merge is applied to what the messages came to.

Why order cannot matter: the entries are a set, sorted here by event time and message id before they are read.
What clients repeat endlessly (an id on every event) is kept as its earliest sighting only, and a minimum does
not depend on the order either. Entries that share no id cannot influence each other, so that a part of the ledger
that is closed under shared ids may be folded alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from shopalytic.identity.customers import (
    BOTH_IDENTIFIED,
    OWNED_BY_ANOTHER,
    SECOND_OF_UNIQUE_TYPE,
    TOO_MANY_IDS,
    TOO_MANY_LINKS,
    Customers,
    Refused,
    Step,
    Timeline,
    owner_at,
)
from shopalytic.identity.entries import (
    DECIDED,
    EARLIEST_ONLY,
    NO_ID,
    Entry,
    EntryKind,
    Id,
    Pair,
    Tie,
    is_union,
    sift,
    void,
)
from shopalytic.identity.policy import BEGINNING, DEFAULT_POLICY, Policy
from shopalytic.identity.reading import Reading

__all__ = [
    "BEGINNING", "BOTH_IDENTIFIED", "DECIDED", "EARLIEST_ONLY", "NO_ID", "OWNED_BY_ANOTHER", "SECOND_OF_UNIQUE_TYPE",
    "TOO_MANY_IDS", "TOO_MANY_LINKS", "Customers", "Entry", "EntryKind", "Id", "Pair", "Refused", "Step", "Tie", "Timeline",
    "fold", "owner_at", "void",
]  # fmt: skip


def fold(project_id: int, entries: Iterable[Entry], policy: Policy = DEFAULT_POLICY) -> Customers:
    """Read the entries in the order of event time and message id, but for aliases: see `_messages`.

    entries: a set closed under shared ids, in any order; the same entry twice counts once.
    An id that only struck entries name is its own customer.
    """
    given = list(entries)
    reading = Reading(project_id, given, policy)
    said, void_entries = sift(given)
    taken_back = deque(sorted(void_entries, key=_place))
    for together in _messages([entry for entry in said if not is_union(entry) and entry.kind != "undo"]):
        while taken_back and taken_back[0].moment < together[0].moment:
            reading.count(taken_back.popleft())
        reading.take_message(together)
    for entry in sorted(filter(is_union, said), key=_place):
        reading.merge(entry)
    timelines = reading.timelines()
    named = {each for entry in given for each in entry.ids}
    return Customers(timelines, reading.unresolved(), frozenset(named - timelines.keys()))


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
