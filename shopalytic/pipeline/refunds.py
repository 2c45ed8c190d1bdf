"""A refund that gives back more than is left of its order is marked. It counts as sent all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shopalytic.accounts.models import OrderClaim, RefundShare
from shopalytic.events.event import Event
from shopalytic.events.violations import Violation
from shopalytic.identity.statements import chunks
from shopalytic.pipeline.orders import find_claims

ROUNDING = Decimal("0.01")
"""What one refund may be rounded by."""
LARGER = Violation.LARGER_THAN_ORDER.at("total_refund")


def settle_refunds(db: Session, project_id: int, events: Sequence[Event], token: str) -> None:
    """Mark the refunds that are larger than what is left of their orders, and keep what each gives back.

    Where the order is not known yet nothing is marked: messages come in any order. token: the batch's; a repeat of it
    marks the same. One that comes back from the quarantine is judged anew.
    """
    refunds = [event for event in events if event.event == "refund" and event.order_id]
    if not refunds:
        return
    order_ids = {event.order_id for event in refunds}
    # Held, so that refunds of one order in two batches see each other.
    claims = find_claims(db, project_id, list(order_ids), is_held=True)
    shares: dict[str, dict[str, RefundShare]] = {}
    for some in chunks(sorted(order_ids)):
        query = select(RefundShare).where(
            RefundShare.project_id == project_id, RefundShare.order_id.in_(some)
        )
        for each in db.scalars(query):
            shares.setdefault(each.order_id, {})[each.message_id] = each
    for event in refunds:
        known = shares.setdefault(event.order_id, {})
        share = known.get(event.message_id)
        if share is None or (share.batch != token and not share.counts):
            if share is None:
                share = RefundShare(
                    project_id=project_id, order_id=event.order_id, message_id=event.message_id
                )
                db.add(share)
            share.batch, share.counts = token, True
            share.is_full, share.amount = event.refund_type == "full", event.total
            share.currency = event.currency
            others = [each for each in known.values() if each is not share and each.counts]
            share.is_larger = _is_larger(share, claims.get(event.order_id), others)
            known[event.message_id] = share
        if share.is_larger and LARGER not in event.violations:
            event.violations = [*event.violations, LARGER]


def release_refunds(db: Session, project_id: int, events: Iterable[Event], token: str) -> None:
    """Have the batch's refunds that ended in quarantine, or were refused, count no more. A repeat changes nothing."""
    for event in events:
        if event.event == "refund" and event.order_id:
            db.execute(
                update(RefundShare)
                .where(
                    RefundShare.project_id == project_id,
                    RefundShare.order_id == event.order_id,
                    RefundShare.message_id == event.message_id,
                    RefundShare.batch == token,
                )
                .values(counts=False)
                .execution_options(synchronize_session=False)
            )


def _is_larger(share: RefundShare, order: OrderClaim | None, others: Sequence[RefundShare]) -> bool:
    """Whether this refund and the others give back more than the order was.

    As in reports, of an order's full refunds one counts, and one without an amount gives back what is left.
    """
    if order is None or order.total is None or share.amount is None:
        return False
    if not _is_comparable(share, order) or (share.is_full and any(each.is_full for each in others)):
        return False
    total = Decimal(order.total)
    alike = [each for each in others if _is_comparable(each, order)]
    before = sum((Decimal(each.amount) for each in alike if each.amount is not None), Decimal(0))
    if any(each.is_full and each.amount is None for each in alike):
        before = max(before, total)
    return before + Decimal(share.amount) > total + ROUNDING * (1 + len(alike))


def _is_comparable(share: RefundShare, order: OrderClaim) -> bool:
    return not share.currency or not order.currency or share.currency == order.currency
