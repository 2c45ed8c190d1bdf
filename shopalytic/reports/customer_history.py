from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shopalytic.events.event import Event
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


def customer_history(
    store: Store,
    project: Project,
    customer_id: UUID,
    origins: Sequence[UUID],
    *,
    events: Sequence[str],
    limit: int,
    skip: int,
    is_newest_first: bool,
) -> list[Event]:
    """A customer's events, joined visitors' included; of any name where `events` is empty.

    origins: all that the customer's ids may have been stored under, as `identity` gives them. Skipping costs what
    reading costs; `customer_events` has cursors.
    """
    return store.rows(
        Event,
        read_sql("customer_history"),
        project=project.project_id,
        customer=str(customer_id),
        origins=[str(origin) for origin in origins],
        names=list(events),
        newest_first=int(is_newest_first),
        limit=limit,
        skip=skip,
    )
