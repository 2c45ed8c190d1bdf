"""`/customers/<id>/undo`, `…/split`, `…/merge` and `/decisions`: who is who, as people decide it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from shopalytic.accounts.db import reading
from shopalytic.decide import decide
from shopalytic.identity.decisions import (
    Change,
    Decision,
    list_decisions,
    merge_customers,
    split_customer,
    undo_decision,
    undo_link,
)
from shopalytic.identity.ids import VISITOR, parse_tracking_id, parse_user_ids
from shopalytic.identity.rules import Id
from shopalytic.reports.money import round_money
from shopalytic.web.api.answers import (
    DecisionAnswer,
    DecisionEntry,
    DecisionRecord,
    DecisionsAnswer,
    Moves,
    format_instant,
)
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.customers import get_person
from shopalytic.web.api.parameters import (
    DecisionsQuery,
    GivenId,
    MergeBody,
    NoQuery,
    SplitBody,
    UndoBody,
    UndoDecisionBody,
)


def undo(asked: Asked, query: NoQuery, customer_id: UUID, body: UndoBody) -> DecisionAnswer:
    return _decide(
        asked, partial(undo_link, customer_id=customer_id, link_id=body.link_id), is_dry_run=body.dry_run
    )


def split(asked: Asked, query: NoQuery, customer_id: UUID, body: SplitBody) -> DecisionAnswer:
    get_person(asked, customer_id)
    ids = [_parse_id(one) for one in body.ids]
    return _decide(asked, partial(split_customer, customer_id=customer_id, ids=ids), is_dry_run=body.dry_run)


def merge(asked: Asked, query: NoQuery, customer_id: UUID, body: MergeBody) -> DecisionAnswer:
    people = [get_person(asked, customer_id), get_person(asked, body.with_, at="with")]
    visitors = {one.customer_id: one.summary.tracking_id for one in people if one.summary}
    action = partial(merge_customers, customer_id=customer_id, other_id=body.with_, visitors=visitors)
    return _decide(asked, action, is_dry_run=body.dry_run)


def take_back(asked: Asked, query: NoQuery, decision_id: UUID, body: UndoDecisionBody) -> DecisionAnswer:
    return _decide(asked, partial(undo_decision, decision_id=str(decision_id)), is_dry_run=body.dry_run)


def get_decisions(asked: Asked, query: DecisionsQuery) -> DecisionsAnswer:
    customer_id = query.customer_id if isinstance(query.customer_id, UUID) else None
    with reading(asked.parts.sessions) as db:
        found = list_decisions(db, asked.project.project_id, customer_id, limit=query.limit)
    return DecisionsAnswer([_record(one) for one in found])


def _parse_id(given: GivenId) -> Id:
    if given.type == VISITOR:
        return VISITOR, parse_tracking_id(given.value)
    [parsed] = parse_user_ids({given.type: given.value}).items()
    return parsed


def _decide(asked: Asked, action: Callable[..., Change], *, is_dry_run: bool) -> DecisionAnswer:
    bound = partial(action, project_id=asked.project.project_id, by=f"key:{asked.key_id}", door="api")
    made = decide(asked.parts, asked.project, bound, is_dry_run=is_dry_run)
    moves = Moves(
        made.moves.events, made.moves.orders, round_money(made.moves.revenue, asked.project.currency)
    )
    return DecisionAnswer(
        moves=moves,
        customers=made.customers,
        decision_id=UUID(made.decision_id) if made.decision_id else None,
        dry_run=is_dry_run,
    )


def _record(made: Decision) -> DecisionRecord:
    return DecisionRecord(
        decision_id=UUID(made.decision_id),
        kind=made.kind,
        at=format_instant(made.at),
        by=made.by,
        door=made.door,
        entries=[
            DecisionEntry(
                kind=entry.kind,
                tracking_id=entry.tracking_id,
                type=entry.id[0],
                value=entry.id[1],
                other_type=entry.other[0],
                other_value=entry.other[1],
            )
            for entry in made.entries
        ],
        takes_back=UUID(made.takes_back) if made.takes_back else None,
        undone_by=UUID(made.undone_by) if made.undone_by else None,
    )
