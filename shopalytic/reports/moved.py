from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from shopalytic.identity.statements import chunks
from shopalytic.identity.strip import Span
from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class Moved(msgspec.Struct, frozen=True):
    """What a decision moves; `revenue` is of the orders in the project's currency, exact, not rounded."""

    events: int = 0
    orders: int = 0
    revenue: Decimal = Decimal(0)


def count_moved(store: Store, project: Project, spans: Sequence[Span]) -> Moved:
    """What is stored in the spans, which must not overlap."""
    found = Moved()
    for some in chunks(spans):
        [row] = store.rows(
            Moved,
            read_sql("moved"),
            project=project.project_id,
            currency=project.currency,
            origins=[str(span.origin_id) for span in some],
            starts=[span.from_at for span in some],
            ends=[span.to_at for span in some],
        )
        found = Moved(found.events + row.events, found.orders + row.orders, found.revenue + row.revenue)
    return found
