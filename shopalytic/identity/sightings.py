"""From what a message said of ids to the entries that it may add to the ledger. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from shopalytic.identity.ids import USER_ID, VISITOR, origin_id
from shopalytic.identity.rules import EARLIEST_ONLY, NO_ID, Entry, Id, Pair, Timeline


class Sighting(msgspec.Struct, frozen=True):
    """One message's ids. At least one of `tracking_id` and `user_ids` is there.

    user_ids: as `parse_user_ids` gives them, the most important first. occurred_at: aware UTC.
    previous_id: of an alias, an id that the customer is known by already: one of previous_type, or a visitor's. cause: what
    the customer's page says of it, such as an event's name.
    """

    kind: Literal["track", "identify", "alias"]
    tracking_id: str
    user_ids: dict[str, str]
    occurred_at: datetime
    message_id: str
    cause: str = ""
    door: str = "native"
    url: str = ""
    previous_id: str = ""
    previous_type: str = USER_ID

    @property
    def origin(self) -> Id:
        """The id that the row stands under.

        An alias stands under its visitor: where it is refused, its id is that of somebody else. One with a previous
        id alone stands under the new one: nobody can tell yet whether the previous one is a visitor's.
        """
        if self.kind == "alias" and self.tracking_id:
            return VISITOR, self.tracking_id
        for each in self.user_ids.items():
            return each
        if not self.tracking_id:
            raise ValueError(f"message {self.message_id!r} has neither a tracking id nor a user id")
        return VISITOR, self.tracking_id

    @property
    def said_at(self) -> datetime:
        """To the millisecond, as rows are stored: a finer step would start after the row that made it."""
        return self.occurred_at.replace(microsecond=self.occurred_at.microsecond // 1000 * 1000)


class Resolved(msgspec.Struct, frozen=True):
    """Where the message's row belongs; refused: `owned_by_another` where its ids are of different customers."""

    origin_id: UUID
    customer_id: UUID
    refused: str | None = None


Wish = tuple[Entry, Sighting]


def wishes(sightings: Iterable[Sighting]) -> dict[tuple[Pair, str], Wish]:
    """The entries that the sightings would add, each with where it came from.

    The key is the pair, with the message id for the kinds that are all kept; of the others only the earliest is here.
    """
    found: dict[tuple[Pair, str], Wish] = {}
    for sighting in sightings:
        for entry in entries_of(sighting):
            key = wish_key(entry)
            known = found.get(key)
            if known is None or entry.moment < known[0].moment:
                found[key] = (entry, sighting)
    return found


def wish_key(entry: Entry) -> tuple[Pair, str]:
    return entry.pair, "" if entry.kind in EARLIEST_ONLY else entry.message_id


def entries_of(sighting: Sighting) -> list[Entry]:
    """What one message says. A visitor's event without a customer's id says nothing."""
    if not sighting.user_ids:
        return []
    at, message_id, visitor = sighting.said_at, sighting.message_id, sighting.tracking_id
    first, *others = sighting.user_ids.items()
    previous = previous_of(sighting)
    if sighting.kind == "alias" and (visitor or previous != NO_ID):
        return [
            Entry(
                kind="alias", tracking_id=visitor or previous[1], id=each, other=previous, occurred_at=at,
                message_id=message_id,
            )
            for each in (first, *others)
        ]  # fmt: skip
    if visitor:
        kind: Literal["identify", "track"] = "identify" if sighting.kind == "identify" else "track"
        entries = [Entry(kind=kind, tracking_id=visitor, id=first, occurred_at=at, message_id=message_id)]
    else:
        entries = [Entry(kind="seen", id=first, occurred_at=at, message_id=message_id)]
    return entries + [
        Entry(kind="same", id=first, other=other, occurred_at=at, message_id=message_id) for other in others
    ]


def previous_of(sighting: Sighting) -> Id:
    """What an alias says that the customer is known by; NO_ID where it says nothing, or the new id again."""
    previous = sighting.previous_type, sighting.previous_id
    is_said = sighting.kind == "alias" and sighting.previous_id
    return NO_ID if not is_said or previous in sighting.user_ids.items() else previous


def meant_by(previous: Id, visitor: str, timelines: Mapping[Id, Timeline], at: datetime) -> Id:
    """Whose further id an alias gave: that of the customer who had the previous id by then, else the visitor's."""
    known = timelines.get(previous)
    return previous if known and known[0].since <= at else (VISITOR, visitor)


def resolve_row(
    project_id: int, sighting: Sighting, customer_id: UUID, owners_of_user_ids: Iterable[UUID]
) -> Resolved:
    """The answer for one message, once its origin's customer and the owners of its ids are known."""
    refused = any(owner != customer_id for owner in owners_of_user_ids)
    return Resolved(
        origin_id(project_id, *sighting.origin), customer_id, "owned_by_another" if refused else None
    )
