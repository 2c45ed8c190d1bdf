"""An order counts once, for ever; another one under its id is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from hashlib import blake2b

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import OrderClaim
from shopalytic.events.event import Drop, DropReason, Duplicate, Event
from shopalytic.events.properties import event_properties
from shopalytic.events.violations import Violation
from shopalytic.identity.statements import chunks, insert_into
from shopalytic.pipeline.verdicts import CLAIM_RELEASED, ORDER_KNOWN, keep_verdicts, read_verdicts

SAME_TOTAL = Decimal("0.01")
"""By so much two totals of the same order may differ: somebody rounded."""


class Contents(msgspec.Struct, frozen=True):
    """What an order holds; named as the columns of OrderClaim, which say what each is."""

    total: str | None
    currency: str
    lines: str


def claim_orders(
    db: Session, project_id: int, events: Sequence[Event], token: str, *, replayed: Collection[str] = ()
) -> list[Drop | Duplicate | None]:
    """For each event, None where it goes on; an order that another message counted already does not.

    token: the batch's. A repeat of the batch finds its own claims and goes on; the same message in another batch
    is a duplicate, however long ago it was. replayed: message ids that come back from the quarantine; the claims that
    they made on their way there are theirs still. An order that the batch set aside, and gave its claim back, goes the
    same way in a repeat, whoever has the claim by then; so does one that the batch dropped, though it be free by then.
    """
    wanted: dict[str, Event] = {}
    for event in events:
        if event.event == "order" and event.order_id:
            wanted.setdefault(event.order_id, event)
    if not wanted:
        return [None] * len(events)
    verdicts = read_verdicts(db, project_id, token)
    released = {each.order_id: each.message_id for each in verdicts if each.verdict == CLAIM_RELEASED}
    dropped = {each.message_id for each in verdicts if each.verdict == ORDER_KNOWN}
    known = find_claims(db, project_id, list(wanted))
    fresh = [
        {
            "project_id": project_id,
            "order_id": order_id,
            "message_id": event.message_id,
            "batch": token,
            **msgspec.structs.asdict(contents_of(event)),
        }
        for order_id, event in wanted.items()
        if order_id not in known and order_id not in released and event.message_id not in dropped
    ]
    if fresh:
        db.execute(insert_into(db, OrderClaim).on_conflict_do_nothing(), fresh)
        known = find_claims(db, project_id, list(wanted))
    outcomes: list[Drop | Duplicate | None] = []
    for event in events:
        if event.event != "order" or not event.order_id:
            outcomes.append(None)
        elif event.order_id in released:
            is_own = released[event.order_id] == event.message_id
            outcomes.append(None if is_own else Drop(DropReason.ORDER_KNOWN))
        elif event.order_id in known and event.message_id not in dropped:
            outcomes.append(_judge(known[event.order_id], event, token, event.message_id in replayed))
        else:
            claim = known.get(event.order_id)
            outcomes.append(_drop(claim, event) if claim is not None else Drop(DropReason.ORDER_KNOWN))
    keep_verdicts(
        db,
        project_id,
        token,
        [
            (event.message_id, ORDER_KNOWN, event.order_id)
            for event, outcome in zip(events, outcomes, strict=True)
            if isinstance(outcome, Drop) and event.message_id not in dropped
        ],
    )
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


def find_claims(
    db: Session, project_id: int, order_ids: Sequence[str], *, is_held: bool = False
) -> dict[str, OrderClaim]:
    """By order id. is_held: nobody else reads them so before the transaction ends (SQLite: nobody else writes at all)."""
    found: dict[str, OrderClaim] = {}
    for some in chunks(sorted(order_ids)):
        query = select(OrderClaim).where(OrderClaim.project_id == project_id, OrderClaim.order_id.in_(some))
        # In one order for all, or two batches wait for each other.
        for claim in db.scalars(query.order_by(OrderClaim.order_id).with_for_update() if is_held else query):
            found[claim.order_id] = claim
    return found


def contents_of(event: Event) -> Contents:
    """What an order holds, the same for the shop server's and the thank-you page's message about it."""
    pieces: dict[str, int] = {}
    for sku, qty in zip(event.line_skus, event.line_qtys, strict=True):
        pieces[sku] = pieces.get(sku, 0) + qty
    lines = ""
    if pieces and not _lacks_lines(event):
        lines = blake2b(msgspec.json.encode(sorted(pieces.items())), digest_size=16).hexdigest()
    return Contents(None if event.total is None else f"{Decimal(event.total):.4f}", event.currency, lines)


def _lacks_lines(event: Event) -> bool:
    """Whether lines were left out, as a bad one is."""
    if not any(each.partition(":")[2].startswith("line_items") for each in event.violations):
        return False
    sent = event_properties(event).get("line_items")
    return isinstance(sent, list) and len(sent) != len(event.line_skus)


def _judge(claim: OrderClaim, event: Event, token: str, is_replayed: bool) -> Drop | Duplicate | None:
    if claim.message_id != event.message_id:
        return _drop(claim, event)
    return None if is_replayed or claim.batch == token else Duplicate()


def _drop(claim: OrderClaim, event: Event) -> Drop:
    """What is told is a function of the event and of the claim, which never changes."""
    told = _tell_differences(Contents(claim.total, claim.currency, claim.lines), contents_of(event))
    if not told:
        return Drop(DropReason.ORDER_KNOWN)
    violations = tuple(Violation.OTHER_CONTENTS.at(name) for name in told)
    return Drop(DropReason.ORDER_KNOWN, violations, f"Order {event.order_id}: {', '.join(told.values())}.")


def _tell_differences(counted: Contents, here: Contents) -> dict[str, str]:
    """By property. What only one of the two has is no difference."""
    told = {}
    if counted.total is not None and here.total is not None:
        before, now = Decimal(counted.total), Decimal(here.total)
        if abs(before - now) > SAME_TOTAL:
            told["total"] = f"total {_amount(now)} here, {_amount(before)} when it counted"
    if counted.currency and here.currency and counted.currency != here.currency:
        told["currency"] = f"currency {here.currency} here, {counted.currency} when it counted"
    if counted.lines and here.lines and counted.lines != here.lines:
        told["line_items"] = "other products or quantities than when it counted"
    return told


def _amount(value: Decimal) -> str:
    cents = value.quantize(Decimal("0.01"))
    return f"{cents if cents == value else value.normalize():f}"
