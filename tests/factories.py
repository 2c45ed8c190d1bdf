"""Values that are valid but for what a test is about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from shopalytic.events.event import Event
from shopalytic.store import Store

_numbers = itertools.count(1)
_encoder = msgspec.json.Encoder()


def some_uuid(name: str) -> UUID:
    """The same UUID for the same name, in every run."""
    return uuid5(NAMESPACE_URL, name)


def make_event(
    *,
    project_id: int = 1,
    event: str = "page_view",
    at: str = "2026-01-15 12:00:00",
    visitor: str = "anna",
    customer: str | None = None,
    **fields: Any,
) -> Event:
    """One stored row: a human visitor's page view, unless told otherwise.

    at: UTC, fractions optional. visitor: its tracking id, '' for none. customer: whose row it is, by any name;
    by default the visitor's own. Everything else is a field of Event by its own name.
    """
    number = next(_numbers)
    instant = at if "." in at else f"{at}.000"
    origin = str(some_uuid(visitor or customer or f"origin-{number}"))
    values: dict[str, Any] = {
        "occurred_at": instant,
        "received_at": instant,
        "stored_at": instant,
        "message_id": f"message-{number:06}",
        "tracking_id": visitor,
        "session_id": f"{visitor}-session" if visitor else "",
        "origin_id": origin,
        "customer_id": str(some_uuid(customer)) if customer else origin,
    }
    return Event(project_id=project_id, event=event, **(values | fields))


def make_order(*, order_id: str, total: str | None = "10.00", **fields: Any) -> Event:
    """An order of one line with one piece."""
    lines: dict[str, Any] = {
        "cart_id": order_id,
        "subtotal": total,
        "line_skus": ["SKU-1"],
        "line_names": ["Mug"],
        "line_qtys": [1],
        "line_prices": [total or "0"],
        "line_costs": [None],
    }
    return make_event(event="order", order_id=order_id, total=total, **(lines | fields))


def make_refund(
    *, order_id: str, refund_type: str = "full", amount: str | None = None, **fields: Any
) -> Event:
    """A refund as it is stored; `amount` is its `total_refund`, which a full refund may lack."""
    return make_event(event="refund", order_id=order_id, refund_type=refund_type, total=amount, **fields)


def insert_events(store: Store, events: Iterable[Event]) -> None:
    """Store rows as the pipeline does. Every call stores its rows anew."""
    store.insert("events", [_encoder.encode(event) for event in events], token=f"test-{next(_numbers)}")


def override_owner(
    store: Store, project_id: int, *, origin: str, owner: str, since: str = "1970-01-01 00:00:00"
) -> None:
    """All rows of the visitor `origin` from `since` on are the customer `owner`'s, both by name."""
    number = next(_numbers)
    row = {
        "project_id": project_id,
        "origin_id": some_uuid(origin),
        "timeline": [(f"{since}.000", "2299-12-31 23:59:59.999", some_uuid(owner))],
        "version": number,
    }
    store.insert("overrides", [_encoder.encode(row)], token=f"test-{number}")
    store.reload_owners()
