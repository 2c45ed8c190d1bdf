"""An order counts once, for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import OrderClaim
from shopalytic.events.event import Drop, DropReason, Duplicate, Event
from shopalytic.pipeline.verdicts import CLAIM_RELEASED, keep_verdicts, read_verdicts


def claim_orders(
    db: Session, project_id: int, events: Sequence[Event], token: str, *, replayed: Collection[str] = ()
) -> list[Drop | Duplicate | None]:
    """For each event, None where it goes on; an order that another message counted already does not.

    token: the batch's. A repeat of the batch finds its own claims and goes on; the same message in another batch
    is a duplicate, however long ago it was. replayed: message ids that come back from the quarantine; the claims that
    they made on their way there are theirs still. An order that the batch set aside, and gave its claim back, goes the
    same way in a repeat, whoever has the claim by then.
    """
    wanted: dict[str, str] = {}
    for event in events:
        if event.event == "order" and event.order_id:
            wanted.setdefault(event.order_id, event.message_id)
    if not wanted:
        return [None] * len(events)
    released = {
        each.order_id: each.message_id
        for each in read_verdicts(db, project_id, token)
        if each.verdict == CLAIM_RELEASED
    }
    known = {claim.order_id: claim for claim in _find(db, project_id, list(wanted))}
    fresh = [
        {"project_id": project_id, "order_id": order_id, "message_id": message_id, "batch": token}
        for order_id, message_id in wanted.items()
        if order_id not in known and order_id not in released
    ]
    if fresh:
        _claim(db, fresh)
        known = {claim.order_id: claim for claim in _find(db, project_id, list(wanted))}
    outcomes: list[Drop | Duplicate | None] = []
    for event in events:
        if event.event != "order" or not event.order_id:
            outcomes.append(None)
        elif event.order_id in released:
            is_own = released[event.order_id] == event.message_id
            outcomes.append(None if is_own else Drop(DropReason.ORDER_KNOWN))
        else:
            outcomes.append(_judge(known[event.order_id], event, token, event.message_id in replayed))
    return outcomes


def release_claims(db: Session, project_id: int, events: Iterable[Event], token: str) -> None:
    """Give back what the batch claimed for orders that ended in quarantine: else the same order, sent right under
    another message id, would be dropped as known though no row of it is stored. A repeat changes nothing.
    """
    given_back = []
    for event in events:
        if event.event != "order" or not event.order_id:
            continue
        gone = db.scalars(
            delete(OrderClaim)
            .where(
                OrderClaim.project_id == project_id,
                OrderClaim.order_id == event.order_id,
                OrderClaim.message_id == event.message_id,
                OrderClaim.batch == token,
            )
            .returning(OrderClaim.order_id)
            .execution_options(synchronize_session=False)
        ).all()
        given_back += [(event.message_id, CLAIM_RELEASED, order_id) for order_id in gone]
    keep_verdicts(db, project_id, token, given_back)


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
