from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from shopalytic.events.event import Event
from shopalytic.events.properties import event_properties
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.traits import TRAIT_EVENTS
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store

SAYINGS_LIMIT = 10_000
"""A page that identifies its visitor on every view says the same thousands of times."""
_PLAIN = re.compile(r"[A-Za-z0-9_ -]+")

_encode = msgspec.json.Encoder(order="deterministic").encode


class Saying(msgspec.Struct, frozen=True):
    """One event that said something of the customer; columns are named as Event's."""

    event: str
    occurred_at: str
    message_id: str
    door: str
    url: str
    tracking_id: str
    user_ids: dict[str, str]
    properties: dict[str, Any]

    @property
    def id(self) -> tuple[str, str]:
        """(type, value) of the id that it was said of."""
        return next(iter(self.user_ids.items()), (VISITOR, self.tracking_id))


class Held(msgspec.Struct, frozen=True):
    """A value that the property had. first: what said so first. times: how often it was said until another came.

    last_said: the last time, the store's text.
    """

    value: Any
    first: Saying
    last_said: str
    times: int


class PropertyHistory(msgspec.Struct, frozen=True):
    """values: newest first. is_cut: there were more than SAYINGS_LIMIT messages, and the older ones are left out."""

    values: list[Held]
    is_cut: bool


def property_history(
    store: Store, project: Project, customer_id: UUID, origins: Sequence[UUID], name: str
) -> PropertyHistory:
    """The values that a customer's property had, by the time at which they were said; a joined visitor's are among
    them. Empty where no stored event says any: it never had one, or the events are not kept so long.

    origins: all that the customer's ids may have been stored under, as `identity` gives them.
    """
    rows: list[Saying] = store.rows(
        Saying,
        read_sql("property_history"),
        project=project.project_id,
        customer=str(customer_id),
        origins=[str(origin) for origin in origins],
        names=sorted(TRAIT_EVENTS),
        # Only spares reading: a name that JSON may write in several ways is looked for in all of them below.
        needle=name if _PLAIN.fullmatch(name) else "",
        limit=SAYINGS_LIMIT + 1,
    )
    return PropertyHistory(_runs(rows[:SAYINGS_LIMIT], name), len(rows) > SAYINGS_LIMIT)


def _runs(newest_first: Iterable[Saying], name: str) -> list[Held]:
    held: list[Held] = []
    for saying in newest_first:
        properties = said_properties(saying)
        if name not in properties:
            continue
        value = properties[name]
        # As JSON: 1 and true are equal otherwise.
        if held and _encode(held[-1].value) == _encode(value):
            held[-1] = msgspec.structs.replace(held[-1], first=saying, times=held[-1].times + 1)
        else:
            held.append(Held(value, saying, saying.occurred_at, 1))
    return held


def said_properties(saying: Saying) -> dict[str, Any]:
    """As the client sent them."""
    at = saying.occurred_at
    row = Event(
        project_id=0, event=saying.event, occurred_at=at, received_at=at, stored_at=at,
        message_id=saying.message_id, properties=saying.properties,
    )  # fmt: skip
    return event_properties(row)
