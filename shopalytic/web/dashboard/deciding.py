"""A decision about customers, asked for in two steps: what would move and who would exist, then the button.

Sent twice, it is made once: the second one finds that nothing is left to do, and shows what the first one did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.decide import Decided, decide
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.decisions import Change, Decision, list_decisions
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.rules import Id
from shopalytic.identity.wording import Words
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here
from shopalytic.web.dashboard.timeline import visitor_name


@dataclass(frozen=True)
class Asking:
    """A decision that somebody may make, and how its page speaks of it.

    words, at: what it is about. ids: all that may be somebody's own afterwards. customer: id and name of whose page it
    was asked on. is_mine: whether a decision of the ledger is this one. fields: what the form says beside the button.
    """

    title: str
    words: Words
    at: datetime | None
    effects: list[str]
    confirm: str
    action: Callable[..., Change]
    ids: Sequence[Id]
    customer: tuple[UUID, str] | None
    is_mine: Callable[[Decision], bool]
    fields: Sequence[tuple[str, str]] = ()
    names: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True)
class After:
    """A customer who is there afterwards."""

    customer_id: UUID
    name: str
    about: str


def show(asking: Asking) -> Any:
    """The page that says what it would do. Rejected: why it cannot be done."""
    try:
        tried = run(asking, is_dry_run=True)
    except Rejected as error:
        return Response(decide_page(asking, None, problem=error.message), 404 if _is_gone(error) else 422)
    return decide_page(asking, tried)


def answer(asking: Asking) -> Any:
    """Make it, and go back to the page that tells so; where the same form made it already, only that."""
    done = find_made(asking.is_mine)
    if done is not None:
        return back(asking.customer, done)
    try:
        made = run(asking, is_dry_run=False)
    except Rejected as error:
        done = find_made(asking.is_mine)
        if done is not None:
            return back(asking.customer, done)
        return Response(decide_page(asking, None, problem=error.message), 404 if _is_gone(error) else 422)
    customer = (made.customers[0], "") if made.customers else asking.customer
    return back(customer, made.decision_id)


def run(asking: Asking, *, is_dry_run: bool) -> Decided:
    def action(db: Any) -> Change:
        return asking.action(db, project_id=here().project.id, by=by_whom(), door="dashboard")

    return decide(get_parts(), here().values, action, is_dry_run=is_dry_run)


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


def back(customer: tuple[UUID, str] | None, decision_id: str) -> Any:
    """To the page where it was asked, which says what was done."""
    if customer is None:
        return redirect(url_for("dashboard.decisions", done=decision_id))
    return redirect(url_for("dashboard.customer_identity", customer_id=customer[0], done=decision_id))


def decide_page(asking: Asking, tried: Decided | None, *, problem: str = "") -> str:
    shown_at = datetime.now(UTC).replace(microsecond=0)
    return render_template(
        "dashboard/decide.html",
        asking=asking,
        tried=tried,
        after=tell_after(asking, tried.customers) if tried else [],
        problem=problem,
        shown_at=shown_at.isoformat(),
    )


def tell_after(asking: Asking, customers: Iterable[UUID]) -> list[After]:
    """Those who would be there are in no table yet: each has the key of one of its ids."""
    listed = list(customers)
    project_id = here().project.id
    names = people.names_of(get_parts(), project_id, listed) | dict(asking.names)
    by_key = {origin_id(project_id, *each): each for each in asking.ids}
    found = []
    for one in listed:
        is_same = asking.customer is not None and one == asking.customer[0]
        name = asking.customer[1] if is_same and asking.customer else names.get(one, "")
        found.append(After(one, name or _name_by_key(one, by_key), "stays" if is_same else ""))
    return found


def _name_by_key(customer_id: UUID, by_key: Mapping[UUID, Id]) -> str:
    id_type, value = by_key.get(customer_id, ("", ""))
    if id_type == VISITOR:
        return visitor_name(value)
    return f"{id_type} {value}" if value else f"Customer {str(customer_id)[:8]}"


def _is_gone(error: Rejected) -> bool:
    return isinstance(error, NotFound)
