"""A decision about customers, asked for in two steps: what would move and who would exist, then the button.

Sent twice, it is made once: the second one finds that nothing is left to do, and shows what the first one did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.decide import Decided, decide
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.decisions import Change, Decision, list_decisions
from shopalytic.identity.lookup import customer_ids
from shopalytic.identity.rules import Id
from shopalytic.identity.traits import traits
from shopalytic.identity.wording import Words
from shopalytic.web.dashboard.access import get_parts, here
from shopalytic.web.dashboard.timeline import customer_name

CUSTOMERS_SHOWN = 8
IDS_SHOWN = 4


@dataclass(frozen=True)
class Asking:
    """A decision that somebody may make, and how its page speaks of it.

    words, at: what it is about. customer_id, name: on whose page it was asked. is_mine: whether a decision of the
    ledger is this one. fields: what the form says beside the button.
    """

    title: str
    words: Words
    at: datetime | None
    effects: list[str]
    confirm: str
    action: Callable[..., Change]
    customer_id: UUID | None
    name: str
    is_mine: Callable[[Decision], bool]
    fields: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class After:
    """A customer who is there afterwards. ids: the first of them, as many as are shown. count: of all."""

    customer_id: UUID
    name: str
    ids: list[Id]
    count: int


def show(asking: Asking) -> Any:
    """The page that says what it would do, or why it cannot be done."""
    try:
        tried, after = try_out(asking)
    except Rejected as error:
        return refuse(asking, error)
    return decide_page(asking, tried, after)


def answer(asking: Asking) -> Any:
    """Make it, and go back to the page that tells so; where the same form made it already, only that."""
    done = find_made(asking.is_mine)
    if done is not None:
        return back(asking.customer_id, done)
    try:
        made = decide(get_parts(), here().values, partial(_act, asking), is_dry_run=False)
    except Rejected as error:
        done = find_made(asking.is_mine)
        return refuse(asking, error) if done is None else back(asking.customer_id, done)
    is_there = asking.customer_id in made.customers or not made.customers
    return back(asking.customer_id if is_there else made.customers[0], made.decision_id)


def try_out(asking: Asking) -> tuple[Decided, list[After]]:
    """Raises what `decide` does. The customers are read before it is rolled back: they are in no table afterwards."""
    after: list[After] = []

    def action(db: Session) -> Change:
        change = _act(asking, db)
        after.extend(_introduce(db, one) for one in change.customers[:CUSTOMERS_SHOWN])
        return change

    return decide(get_parts(), here().values, action, is_dry_run=True), after


def refuse(asking: Asking, error: Rejected) -> Response:
    status = 404 if isinstance(error, NotFound) else 422
    return Response(decide_page(asking, None, [], problem=error.message), status)


def _act(asking: Asking, db: Session) -> Change:
    return asking.action(db, project_id=here().project.id, by=by_whom(), door="dashboard")


def _introduce(db: Session, customer_id: UUID) -> After:
    project_id = here().project.id
    ids = [(one.type, one.value) for one in customer_ids(db, project_id, customer_id)]
    name = customer_name(traits(db, project_id, customer_id), ids)
    return After(customer_id, name, ids[:IDS_SHOWN], len(ids))


def by_whom() -> str:
    return f"user:{here().user.id}"


def find_made(is_mine: Callable[[Decision], bool]) -> str | None:
    """The decision that this user made with the same form, since the form was shown."""
    try:
        shown_at = datetime.fromisoformat(request.form.get("shown_at", ""))
    except ValueError:
        return None
    if shown_at.tzinfo is None:
        return None
    with reading(get_parts().sessions) as db:
        found = list_decisions(db, here().project.id)
    return next(
        (one.decision_id for one in found if one.by == by_whom() and one.at >= shown_at and is_mine(one)),
        None,
    )


def back(customer_id: UUID | None, decision_id: str) -> Any:
    """To the page where it was asked, which says what was done."""
    if customer_id is None:
        return redirect(url_for("dashboard.decisions"))
    return redirect(url_for("dashboard.customer_identity", customer_id=customer_id, done=decision_id))


def decide_page(asking: Asking, tried: Decided | None, after: list[After], *, problem: str = "") -> str:
    shown_at = datetime.now(UTC).replace(microsecond=0)
    return render_template(
        "dashboard/decide.html",
        asking=asking, tried=tried, after=after, problem=problem, shown_at=shown_at.isoformat(),
    )  # fmt: skip
