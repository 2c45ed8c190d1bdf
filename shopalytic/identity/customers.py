"""What a ledger comes to: customers, as the timelines of their ids, and the links that were refused."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from shopalytic.identity.entries import EntryKind, Id

OWNED_BY_ANOTHER = "owned_by_another"
SECOND_OF_UNIQUE_TYPE = "second_of_unique_type"
TOO_MANY_IDS = "too_many_ids"
TOO_MANY_LINKS = "too_many_links"
"""The link waits for a decision."""
BOTH_IDENTIFIED = "both_identified"
"""Of a merge of two visitors: they have turned out to be two different people since."""


class Step(NamedTuple):
    """From `from_at` on, up to the next step, the id is the customer's; `since`: when that was said."""

    from_at: datetime
    customer_id: UUID
    since: datetime


Timeline = tuple[Step, ...]
"""Ascending, never empty, the first step from BEGINNING, neighbours never of the same customer."""


class Refused(msgspec.Struct, frozen=True):
    """A link that would have made two customers one, moved an id, or gone over a limit; nothing was changed by it.

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


def owner_at(timeline: Timeline, occurred_at: datetime) -> UUID:
    """Whose the id was at that instant; a step's own first instant belongs to it."""
    owner = timeline[0].customer_id
    for step in timeline:
        if step.from_at > occurred_at:
            break
        owner = step.customer_id
    return owner
