"""Links that were refused: what was said, of whom, why nothing was done, and what an owner may decide of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, abort, g, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.conflict_words import REASONS, tell_said, tell_why
from shopalytic.identity.conflicts import (
    LEFT,
    Case,
    count_open,
    count_reasons,
    decide_case,
    get_case,
    reopen_case,
)
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.wording import Words
from shopalytic.reports.forbidden_ids import ForbiddenIdCount, forbidden_ids
from shopalytic.web.cases import Party, merge_case, never_again, read_cases, read_parties
from shopalytic.web.dashboard.access import expect_owner, get_parts, here, pages
from shopalytic.web.dashboard.formats import local
from shopalytic.web.dashboard.timeline import customer_name, visitor_name

PAGE_CASES = 20
SHOWN_NOBODYS = 20
SHOWN_OPEN = 99
"""More than that stands as `99+` in the menu."""
STATUSES = {"open": "Open", "decided": "Decided"}
NOTES = frozenset({"left", "merged", "never", "reopened", "gone"})


@dataclass(frozen=True)
class Side:
    """One of the customers whom a case is about. known_as: ids in a line, '' for an anonymous visitor."""

    customer_id: UUID
    name: str
    is_named: bool
    known_as: str
    last_seen: str
    orders: int
    revenue: Decimal


@dataclass(frozen=True)
class Told:
    """One case to show. Instants are in the project's zone. decided: by whom, '' where nobody has."""

    case: Case
    label: str
    last_at: datetime
    first_at: datetime
    decided_at: datetime | None
    decided: str
    said: Words
    why: Words
    sides: list[Side]

    @property
    def actions(self) -> list[str]:
        """What may be decided of it: one customer alone cannot be merged, and a sandbox has no
        list of ids."""
        return [
            action
            for action in DECISIONS
            if (action != "merge" or len(self.sides) > 1) and (action != "never" or not here().is_sandbox)
        ]


@pages.get("/conflicts", endpoint="conflicts")
def show_conflicts() -> str:
    status = request.args.get("status", "open")
    status = status if status in STATUSES else "open"
    reason, asked = request.args.get("reason", ""), request.args.get("q", "").strip()[:200]
    page = read_page(status, reason, asked)
    done = request.args.get("done", "")
    with reading(get_parts().sessions) as db:
        reasons = count_reasons(db, here().project.id, is_open=status == "open")
    return render_template(
        "dashboard/conflicts.html",
        told=page[0],
        next=page[1],
        status=status,
        statuses=STATUSES,
        reason=reason,
        reasons=[(value, REASONS.get(value, value), count) for value, count in reasons.items()],
        q=asked,
        done=done if done in NOTES else "",
        about=request.args.get("about", type=UUID),
        total=sum(reasons.values()),
        nobodys=[] if status != "open" or reason or asked or "cursor" in request.args else read_nobodys(),
    )


def read_nobodys() -> list[ForbiddenIdCount]:
    """What came as ids and was refused before it reached the ledger: there is nobody to merge."""
    return forbidden_ids(get_parts().store, here().values, now=datetime.now(UTC), limit=SHOWN_NOBODYS)


@pages.get("/conflicts/<int:conflict_id>/<any(leave, merge, never):action>", endpoint="conflict")
def show_conflict(conflict_id: int, action: str) -> Any:
    _expect_right_to(action)
    case = find_case(conflict_id)
    if not case.is_open:
        return redirect(url_for("dashboard.conflicts", status="decided"))
    try:
        return conflict_page(case, action)
    except Rejected as error:
        abort(error.status, error.message)


@pages.post("/conflicts/<int:conflict_id>/<any(leave, merge, never):action>", endpoint="decide_conflict")
def take_decision(conflict_id: int, action: str) -> Any:
    """A second click finds the case decided, or gone."""
    _expect_right_to(action)
    try:
        with reading(get_parts().sessions) as db:
            case = get_case(db, here().project.id, conflict_id)
    except NotFound:
        return redirect(url_for("dashboard.conflicts", done="gone"))
    try:
        about = DECISIONS[action](case)
    except Rejected as error:
        return Response(conflict_page(case, action, problem=error.message), 422)
    return redirect(url_for("dashboard.conflicts", done=DONE[action], about=about))


@pages.post("/conflicts/<int:conflict_id>/reopen", endpoint="reopen_conflict")
def take_reopen(conflict_id: int) -> Any:
    with get_parts().sessions.begin() as db:
        reopen_case(db, here().project.id, get_case(db, here().project.id, conflict_id))
    return redirect(url_for("dashboard.conflicts", done="reopened"))


def _expect_right_to(action: str) -> None:
    """Any member may decide what can be taken back; what an id means from now on is a setting."""
    if action == "never":
        expect_owner()


def leave(case: Case) -> None:
    with get_parts().sessions.begin() as db:
        decide_case(db, here().project.id, case, LEFT, by=decider())


def merge(case: Case) -> UUID | None:
    """Whose all of it is now."""
    made = merge_case(get_parts(), here().values, case, by=decider(), door="dashboard", is_dry_run=False)
    return next(iter(made.customers), None)


def never(case: Case) -> None:
    each = case.ids.get(request.form.get("which", "id"))
    if each is None:
        raise Rejected("Choose one of the ids.")
    never_again(get_parts(), here().values, case, each, by=decider())


def decider() -> str:
    return f"user:{here().user.id}"


DECISIONS: dict[str, Callable[[Case], UUID | None]] = {"leave": leave, "merge": merge, "never": never}
DONE = {"leave": "left", "merge": "merged", "never": "never"}


def find_case(conflict_id: int) -> Case:
    """Raises NotFound, which says that it may be resolved."""
    with reading(get_parts().sessions) as db:
        return get_case(db, here().project.id, conflict_id)


def conflict_page(case: Case, action: str, *, problem: str = "") -> str:
    """Raises Rejected where it cannot be carried out at all."""
    parties = read_parties(get_parts(), here().values, case.customers)
    told = tell(case, parties, {})
    tried = None
    if action == "merge":
        tried = merge_case(get_parts(), here().values, case, by=decider(), door="dashboard", is_dry_run=True)
    return render_template(
        "dashboard/conflict.html",
        told=told,
        action=action,
        problem=problem,
        moves=tried.moves if tried else None,
        # The one who keeps the page comes first.
        merged=sorted(told.sides, key=lambda side: tried is None or side.customer_id not in tried.customers),
    )


def read_page(status: str, reason: str, text: str) -> tuple[list[Told], str | None]:
    try:
        page = read_cases(
            get_parts(),
            here().values,
            is_open=status == "open",
            reason=reason,
            text=text,
            limit=PAGE_CASES,
            cursor=request.args.get("cursor", ""),
        )
    except ValueError as error:
        abort(400, f"The address is wrong: {error}.")
    return [tell(case, page.parties, page.deciders) for case in page.cases], page.next


def tell(case: Case, parties: dict[UUID, Party], deciders: dict[str, str]) -> Told:
    zone = here().project.time_zone
    return Told(
        case=case,
        label=REASONS.get(case.reason, case.reason),
        last_at=local(case.last_at, zone),
        first_at=local(case.first_at, zone),
        decided_at=local(case.decided_at, zone) if case.decided_at else None,
        decided=deciders.get(case.decided_by, case.decided_by),
        said=tell_said(case),
        why=tell_why(case),
        sides=[make_side(parties[one]) for one in case.customers],
    )


def make_side(party: Party) -> Side:
    seen = party.summary
    named = [one for one in party.ids if one.type != VISITOR]
    if named:
        name = customer_name(party.properties, [(one.type, one.value) for one in named])
    else:
        browsers = [one.value for one in party.ids]
        tracking_id = seen.tracking_id if seen and seen.tracking_id else ""
        name = visitor_name(tracking_id or next(iter(browsers), str(party.customer_id)))
    return Side(
        party.customer_id,
        name,
        bool(named),
        ", ".join(dict.fromkeys(one.value for one in named[:3])),
        seen.last_seen if seen else "",
        seen.orders if seen else 0,
        seen.revenue if seen else Decimal(0),
    )


@pages.context_processor
def menu_values() -> dict[str, Any]:
    """A function, so that only a page with the menu pays for it."""
    return {"count_conflicts": count_conflicts}


def count_conflicts() -> str:
    """How many cases are open, for the menu; '' for none. Asked twice on a page, it is read once."""
    if "open_conflicts" not in g:
        with reading(get_parts().sessions) as db:
            g.open_conflicts = count_open(db, here().project.id)
    count = g.open_conflicts
    return f"{SHOWN_OPEN}+" if count > SHOWN_OPEN else str(count or "")
