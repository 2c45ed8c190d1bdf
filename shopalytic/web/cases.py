"""Refused links with the customers whom they are about, as the dashboard and the API both tell of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from shopalytic.accounts.db import reading
from shopalytic.accounts.deciders import names_of_deciders
from shopalytic.decide import Decided, decide
from shopalytic.errors import Rejected
from shopalytic.identity.conflicts import NEVER, Case, decide_case, decide_id, list_cases
from shopalytic.identity.decisions import merge_customers
from shopalytic.identity.id_rules import project_of
from shopalytic.identity.lookup import CustomerId, customer_ids, origins_of
from shopalytic.identity.never import add_never
from shopalytic.identity.rules import Id
from shopalytic.identity.traits import traits
from shopalytic.parts import Parts
from shopalytic.reports.customer_summary import CustomerSummary, customer_summaries
from shopalytic.reports.paging import Cursor, pack_cursor, parse_cursor
from shopalytic.reports.period import parse_sql_instant
from shopalytic.reports.project import Project


@dataclass(frozen=True)
class Party:
    """A customer whom a case is about. ids: the most important type first. summary: None where there are no events."""

    customer_id: UUID
    ids: list[CustomerId]
    properties: dict[str, Any]
    summary: CustomerSummary | None


@dataclass(frozen=True)
class CasePage:
    """Said last, first. deciders: what those are called who decided. next: cursor of what follows, None at the end."""

    cases: list[Case]
    parties: dict[UUID, Party]
    deciders: dict[str, str]
    next: str | None


def read_cases(
    parts: Parts,
    project: Project,
    *,
    is_open: bool,
    reason: str = "",
    text: str = "",
    limit: int,
    cursor: str = "",
) -> CasePage:
    """Raises ValueError for a cursor that is none."""
    before = _parse_place(cursor)
    with reading(parts.sessions) as db:
        found = list_cases(
            db, project.project_id,
            is_open=is_open, reason=reason, text=text, before=before, limit=limit + 1,
        )  # fmt: skip
        deciders = names_of_deciders(db, {case.decided_by for case in found})
    cases = found[:limit]
    parties = read_parties(parts, project, [one for case in cases for one in case.customers])
    return CasePage(cases, parties, deciders, _format_place(cases[-1]) if len(found) > limit else None)


def read_parties(parts: Parts, project: Project, customers: Iterable[UUID]) -> dict[UUID, Party]:
    """Each of the customers, those too of whom only the ledger knows."""
    asked = list(dict.fromkeys(customers))
    project_id = project.project_id
    with reading(parts.sessions) as db:
        ids = {one: customer_ids(db, project_id, one) for one in asked}
        said = {one: traits(db, project_id, one) for one in asked}
        origins = [each for one in asked for each in origins_of(db, project_id, one)]
    summaries = customer_summaries(parts.store, project, origins) if origins else {}
    return {one: Party(one, ids[one], said[one], summaries.get(one)) for one in asked}


def merge_case(
    parts: Parts, project: Project, case: Case, *, by: str, door: str, is_dry_run: bool
) -> Decided:
    """Make one person of the two, who keeps the page of whose the id is; or only say what would move.

    The link is then refused no more, so the case is gone. Raises NotFound, Rejected.
    """
    if len(case.customers) < 2:
        raise Rejected(
            "Only one customer is left of the two, so there is nothing to merge.", at="conflict_id"
        )
    owner, asked = case.customers
    parties = read_parties(parts, project, case.customers).values()
    visitors = {one.customer_id: one.summary.tracking_id for one in parties if one.summary}
    action = partial(
        merge_customers, project_id=project.project_id, customer_id=owner, other_id=asked, visitors=visitors,
        by=by, door=door,
    )  # fmt: skip
    return decide(parts, project, action, is_dry_run=is_dry_run)


def never_again(
    parts: Parts, project: Project, case: Case, each: Id, *, by: str, is_dry_run: bool = False
) -> int:
    """Have an id of the case identify nobody from a minute on, and decide the case and all others about that id.

    Gives how many refused links those are. Raises Rejected in a sandbox, which has no list of its own.
    """
    project_id = project.project_id
    with parts.sessions.begin() as db:
        if project_of(db, project_id) != project_id:
            raise Rejected("A sandbox goes by its project's list; decide it there.", at="sandbox")
        add_never(db, project_id, each, by)
        marked = decide_case(db, project_id, case, NEVER, by) + decide_id(db, project_id, each, NEVER, by)
        if is_dry_run:
            db.rollback()
    return marked


def _format_place(case: Case) -> str:
    at, number = case.place
    return pack_cursor(Cursor(f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:23], str(number)))


def _parse_place(cursor: str) -> tuple[datetime, int] | None:
    if not cursor:
        return None
    found = parse_cursor(cursor)
    if not found.message_id.isdecimal() or len(found.message_id) > 18:
        raise ValueError("this is no cursor that a page of conflicts gave")
    return parse_sql_instant(found.occurred_at), int(found.message_id)
