"""An order counts once, for ever."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import OrderClaim
from shopalytic.events.event import Drop, DropReason, Duplicate, Event


def claim_orders(
    db: Session, project_id: int, events: Sequence[Event], token: str, *, replayed: Collection[str] = ()
) -> list[Drop | Duplicate | None]:
    """For each event, None where it goes on; an order that another message counted already does not.

    token: the batch's. A repeat of the batch finds its own claims and goes on; the same message in another batch
    is a duplicate, however long ago it was. replayed: message ids that come back from the quarantine; the claims that
    they made on their way there are theirs still.
    """
    wanted: dict[str, str] = {}
    for event in events:
        if event.event == "order" and event.order_id:
            wanted.setdefault(event.order_id, event.message_id)
    if not wanted:
        return [None] * len(events)
    known = {claim.order_id: claim for claim in _find(db, project_id, list(wanted))}
    fresh = [
        {"project_id": project_id, "order_id": order_id, "message_id": message_id, "batch": token}
        for order_id, message_id in wanted.items()
        if order_id not in known
    ]
    if fresh:
        _claim(db, fresh)
        known = {claim.order_id: claim for claim in _find(db, project_id, list(wanted))}
    return [
        _judge(known[event.order_id], event, token, event.message_id in replayed)
        if event.event == "order" and event.order_id
        else None
        for event in events
    ]


def _judge(claim: OrderClaim, event: Event, token: str, is_replayed: bool) -> Drop | Duplicate | None:
    if claim.message_id != event.message_id:
        return Drop(DropReason.ORDER_KNOWN)
    return None if is_replayed or claim.batch == token else Duplicate()


def _find(db: Session, project_id: int, order_ids: list[str]) -> list[OrderClaim]:
    return [
        claim
        for at in range(0, len(order_ids), 500)
        for claim in db.scalars(
            select(OrderClaim).where(
                OrderClaim.project_id == project_id, OrderClaim.order_id.in_(order_ids[at : at + 500])
            )
        )
    ]


def _claim(db: Session, rows: list[dict[str, object]]) -> None:
    """Insert the claims that nobody made meanwhile; another worker may be claiming the same order."""
    statement = insert(OrderClaim).prefix_with("OR IGNORE", dialect="sqlite")
    if db.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        db.execute(postgresql_insert(OrderClaim).on_conflict_do_nothing(), rows)
    else:
        db.execute(statement, rows)
