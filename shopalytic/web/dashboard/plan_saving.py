"""Saving the tracking plan from any of its forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, abort, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.accounts.plans import PlanChanged, find_version, read_plan, save_plan
from shopalytic.errors import Rejected
from shopalytic.events.plan import Plan, format_plan
from shopalytic.events.plan_changes import find_changes, tell_losses
from shopalytic.web.dashboard.access import get_parts, here


def save(plan: Plan, as_sent: Callable[[Rejected], str] | None = None, *, back: str | None = None) -> Any:
    """Save the plan of a form, which names in `based_on` the version that it was filled in from.

    What would lose messages is asked about first. as_sent: the page to show where it cannot be saved. back: where a form that
    is to be filled in further leads.
    """
    based_on = request.form.get("based_on", type=int)
    if based_on is None:
        abort(400, "The form is not whole. Go back, reload the page and send it again.")
    _, current = read_current()
    losses = tell_losses(current, plan)
    if losses and not request.form.get("confirmed"):
        return render_template(
            "dashboard/plan_confirm.html", losses=losses, text=format_plan(plan), based_on=based_on,
            changes=find_changes(current, plan),
        )  # fmt: skip
    try:
        with get_parts().sessions.begin() as db:
            row = save_plan(db, here().project.id, plan, saved_by=here().user.email, based_on=based_on)
    except PlanChanged as error:
        if as_sent is None:
            raise
        return Response(as_sent(error), 409)
    if request.form.get("then") == "more" and back is not None:
        return redirect(url_for(f"dashboard.{back}", name=request.form.get("name"), saved=row.version))
    return redirect(url_for("dashboard.plan", saved=row.version))


def read_current() -> tuple[int, Plan]:
    """(the number of the version in force, 0 for none; its plan)."""
    with reading(get_parts().sessions) as db:
        row = find_version(db, here().project.id)
    return (row.version if row else 0), read_plan(row)
