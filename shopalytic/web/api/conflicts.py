"""`/conflicts`: links that were refused, and what is decided of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from shopalytic.accounts.db import reading
from shopalytic.errors import Rejected
from shopalytic.identity.conflict_words import tell_said, tell_why
from shopalytic.identity.conflicts import LEFT, Case, decide_case, get_case, reopen_case
from shopalytic.identity.wording import spell
from shopalytic.reports.money import round_money
from shopalytic.web.api.answers import CustomerId, DecisionAnswer, Instant, Money, Moves, format_instant
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import CursorText, NoQuery
from shopalytic.web.cases import Party, merge_case, never_again, read_cases, read_parties

MOST_CONFLICTS = 200

DryRun = Annotated[bool, Meta(description="Only say what it is about; nothing is changed.")]


class ConflictsQuery(msgspec.Struct, frozen=True):
    status: Annotated[
        Literal["open", "decided"],
        Meta(description="`open`: nobody has decided yet; `decided`: somebody has."),
    ] = "open"
    reason: Annotated[str, Meta(description="Only those of this reason; empty: all.", max_length=64)] = ""
    id: Annotated[str, Meta(description="Only where an id begins so; empty: all.", max_length=255)] = ""
    limit: Annotated[int, Meta(description="Most conflicts in the answer.", ge=1, le=MOST_CONFLICTS)] = 50
    cursor: CursorText = ""


class ConflictBody(msgspec.Struct, frozen=True):
    dry_run: DryRun = False


class ConflictNeverBody(msgspec.Struct, frozen=True):
    which: Annotated[
        Literal["id", "other", "browser"],
        Meta(description="The conflict's own id, the other one that it came with, or the browser."),
    ] = "id"
    dry_run: DryRun = False


class ConflictParty(msgspec.Struct, frozen=True):
    """A customer whom a conflict is about."""

    customer_id: UUID
    is_owner: Annotated[bool, Meta(description="The id is this customer's; else it was said to be too.")]
    ids: list[CustomerId]
    orders: int
    revenue: Money


class ConflictAnswer(msgspec.Struct, frozen=True):
    """A link that was refused, told of as it was said last. Said again for the same two, it is the same conflict."""

    conflict_id: int
    reason: Annotated[str, Meta(description="`owned_by_another`, `too_many_links`, …")]
    sentences: Annotated[list[str], Meta(description="What was said, and why nothing was done.")]
    type: str
    value: str
    other_type: Annotated[str, Meta(description="Of the other id of the message, where there is one.")]
    other_value: str
    tracking_id: Annotated[str, Meta(description="The browser; empty where there was none.")]
    times: Annotated[int, Meta(description="How often it was said.")]
    first_at: Instant
    last_at: Instant
    message_id: str
    cause: Annotated[str, Meta(description="`identify`, `alias`, an event's name.")]
    door: str
    url: str
    customers: Annotated[list[ConflictParty], Meta(description="The two whom it is about.")]
    decision: Annotated[str | None, Meta(description="`left` or `never`; null while it is open.")]
    decided_at: Instant | None
    decided_by: Annotated[str | None, Meta(description="`user:<id>` or `key:<id>`.")]


class ConflictsAnswer(msgspec.Struct, frozen=True):
    conflicts: Annotated[list[ConflictAnswer], Meta(description="Said last, first.")]
    next: Annotated[str | None, Meta(description="Cursor of the next page; null at the end.")]


class ConflictMarkAnswer(msgspec.Struct, frozen=True):
    conflict_id: int
    decision: Annotated[str | None, Meta(description="`left`, `never`, or null where it is open again.")]
    links: Annotated[int, Meta(description="Refused links that this decided; 0: it was so already.")]
    dry_run: bool


def get_conflicts(asked: Asked, query: ConflictsQuery) -> ConflictsAnswer:
    try:
        page = read_cases(
            asked.parts, asked.project,
            is_open=query.status == "open", reason=query.reason, text=query.id, limit=query.limit, cursor=query.cursor,
        )  # fmt: skip
    except ValueError as error:
        raise Rejected(f"cursor: {error}.", at="cursor") from None
    return ConflictsAnswer([_answer(asked, case, page.parties) for case in page.cases], page.next)


def get_conflict(asked: Asked, query: NoQuery, conflict_id: int) -> ConflictAnswer:
    case = _get_case(asked, conflict_id)
    return _answer(asked, case, read_parties(asked.parts, asked.project, case.customers))


def leave(asked: Asked, query: NoQuery, conflict_id: int, body: ConflictBody) -> ConflictMarkAnswer:
    with asked.parts.sessions.begin() as db:
        case = get_case(db, asked.project.project_id, conflict_id)
        marked = decide_case(db, asked.project.project_id, case, LEFT, _by(asked))
        if body.dry_run:
            db.rollback()
    return ConflictMarkAnswer(conflict_id, case.decision or LEFT, marked, body.dry_run)


def reopen(asked: Asked, query: NoQuery, conflict_id: int, body: ConflictBody) -> ConflictMarkAnswer:
    with asked.parts.sessions.begin() as db:
        case = get_case(db, asked.project.project_id, conflict_id)
        marked = reopen_case(db, asked.project.project_id, case)
        if body.dry_run:
            db.rollback()
    return ConflictMarkAnswer(conflict_id, None, marked, body.dry_run)


def merge(asked: Asked, query: NoQuery, conflict_id: int, body: ConflictBody) -> DecisionAnswer:
    made = merge_case(
        asked.parts, asked.project, _get_case(asked, conflict_id),
        by=_by(asked), door="api", is_dry_run=body.dry_run,
    )  # fmt: skip
    moves = made.moves
    return DecisionAnswer(
        moves=Moves(moves.events, moves.orders, round_money(moves.revenue, asked.project.currency)),
        customers=made.customers,
        decision_id=UUID(made.decision_id) if made.decision_id else None,
        dry_run=body.dry_run,
    )


def never(asked: Asked, query: NoQuery, conflict_id: int, body: ConflictNeverBody) -> ConflictMarkAnswer:
    case = _get_case(asked, conflict_id)
    each = case.ids.get(body.which)
    if each is None:
        raise Rejected(f"This conflict has no {body.which}; it has {', '.join(case.ids)}.", at="which")
    marked = never_again(asked.parts, asked.project, case, each, by=_by(asked), is_dry_run=body.dry_run)
    return ConflictMarkAnswer(conflict_id, case.decision or "never", marked, body.dry_run)


def _get_case(asked: Asked, conflict_id: int) -> Case:
    with reading(asked.parts.sessions) as db:
        return get_case(db, asked.project.project_id, conflict_id)


def _by(asked: Asked) -> str:
    return f"key:{asked.key_id}"


def _answer(asked: Asked, case: Case, parties: dict[UUID, Party]) -> ConflictAnswer:
    said = spell(tell_said(case))
    return ConflictAnswer(
        conflict_id=case.conflict_id,
        reason=case.reason,
        sentences=[f"{said[:1].upper()}{said[1:]}.", spell(tell_why(case))],
        type=case.id[0],
        value=case.id[1],
        other_type=case.other[0],
        other_value=case.other[1],
        tracking_id=case.tracking_id,
        times=case.times,
        first_at=format_instant(case.first_at),
        last_at=format_instant(case.last_at),
        message_id=case.message_id,
        cause=case.cause,
        door=case.door,
        url=case.url,
        customers=[_party(asked, parties[one], case) for one in case.customers],
        decision=case.decision or None,
        decided_at=format_instant(case.decided_at) if case.decided_at else None,
        decided_by=case.decided_by or None,
    )


def _party(asked: Asked, party: Party, case: Case) -> ConflictParty:
    seen = party.summary
    return ConflictParty(
        customer_id=party.customer_id,
        is_owner=party.customer_id == case.owner_id,
        ids=[CustomerId(one.type, one.value, format_instant(one.since)) for one in party.ids],
        orders=seen.orders if seen else 0,
        revenue=round_money(seen.revenue if seen else Decimal(0), asked.project.currency),
    )
