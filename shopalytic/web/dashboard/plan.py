"""The tracking plan: what is in it and what arrives, an event's rules, proposals, the file, and earlier versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, abort, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.accounts.plans import (
    PlanChanged,
    find_version,
    get_version,
    list_versions,
    read_plan,
    save_plan,
)
from shopalytic.errors import Rejected
from shopalytic.events.catalogue import PREDEFINED, Property
from shopalytic.events.plan import (
    ALWAYS_PLANNED,
    ON_VIOLATION,
    PROPERTY_TYPES,
    UNPLANNED_EVENTS,
    EventRule,
    Plan,
    format_plan,
    parse_plan,
    put_event,
    remove_event,
)
from shopalytic.events.plan_changes import find_changes, tell_losses
from shopalytic.events.plan_learning import propose
from shopalytic.reports.newest_events import newest_events
from shopalytic.reports.plan_usage import PlanUsage, plan_usage
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.plan_forms import (
    BLANK_ROWS,
    PropertyRow,
    make_rows,
    read_event,
    read_rows,
    take_learned,
)
from shopalytic.web.dashboard.timeline import ICONS, LABELS

SPAN = timedelta(days=7)
PROPOSED_EVENTS = 30
PROPOSED_PROPERTIES = 60
"""Of an event; a form with more would be larger than a request may be."""
UNPLANNED_SHOWN = 20


@dataclass(frozen=True)
class EventRow:
    """One event of the list. is_listed: the plan itself names it; a predefined one is there without."""

    name: str
    label: str
    icon: str
    rule: EventRule
    usage: PlanUsage
    is_predefined: bool
    is_listed: bool


@pages.get("/plan", endpoint="plan")
def show_plan() -> str:
    version, plan = read_current()
    used = {
        row.event: row
        for row in plan_usage(get_parts().store, here().values, now=datetime.now(UTC), span=SPAN)
    }
    names = [*(name for name in plan.events if name not in PREDEFINED), *PREDEFINED]
    unplanned = [row for name, row in used.items() if name not in plan.events and name not in ALWAYS_PLANNED]
    return render_template(
        "dashboard/plan.html",
        version=version,
        plan=plan,
        rows=[_event_row(name, plan, used) for name in names],
        unplanned=unplanned[:UNPLANNED_SHOWN],
        unplanned_count=len(unplanned),
        choices=UNPLANNED_EVENTS,
        saved=request.args.get("saved", type=int),
    )


@pages.get("/plan/event", endpoint="plan_event")
def show_event() -> str:
    """The rules of the event named; without a name, a form for a new one."""
    _, plan = read_current()
    name = request.args.get("name", "")
    rule = plan.events.get(name, EventRule())
    return event_page(name, rule, make_rows(rule))


@pages.post("/plan/event", endpoint="save_plan_event")
@owners_only
def take_event() -> Any:
    name = request.form.get("name", "").strip()
    try:
        rule = read_event(request.form, name)
        _, plan = read_current()
        changed = put_event(plan, name, rule)
    except Rejected as error:
        return Response(_event_page_as_sent(name, error), 422)
    return save(changed, lambda error: _event_page_as_sent(name, error))


@pages.post("/plan/event/remove", endpoint="remove_plan_event")
@owners_only
def take_removal() -> Any:
    return save(remove_event(read_current()[1], request.form.get("name", "")))


@pages.post("/plan/unplanned", endpoint="save_unplanned")
@owners_only
def take_unplanned() -> Any:
    sent = request.form.get("unplanned_events")
    choice = next((known for known in UNPLANNED_EVENTS if known == sent), None)
    if choice is None:
        abort(400, "Events that are not in the plan are allowed, told, quarantined or refused.")
    return save(Plan(choice, read_current()[1].events))


@pages.get("/plan/learn", endpoint="learn_plan")
def show_proposals() -> str:
    version, plan = read_current()
    samples = newest_events(get_parts().store, here().values, now=datetime.now(UTC), span=SPAN)
    proposed = propose(samples, plan)
    return render_template(
        "dashboard/plan_learn.html",
        version=version,
        proposed=proposed[:PROPOSED_EVENTS],
        left_out=len(proposed) - PROPOSED_EVENTS,
        properties_shown=PROPOSED_PROPERTIES,
        looked_at=len(samples),
        labels=LABELS,
        icons=ICONS,
    )


@pages.post("/plan/learn", endpoint="take_learned")
@owners_only
def take_proposals() -> Any:
    only = request.form.get("only", "")
    return save(take_learned(read_current()[1], request.form.getlist("take"), only))


@pages.get("/plan/versions", endpoint="plan_versions")
def show_versions() -> str:
    return versions_page()


@pages.get("/plan/file", endpoint="plan_file")
def give_file() -> Response:
    """The JSON file of the version asked for, or of the one in force."""
    version = request.args.get("version", type=int)
    project = here().project
    with reading(get_parts().sessions) as db:
        row = get_version(db, project.id, version) if version else find_version(db, project.id)
    name = re.sub(r"[^A-Za-z0-9]+", "-", project.name).strip("-").lower() or "project"
    number = f"-v{row.version}" if row else ""
    return Response(
        row.plan if row else format_plan(Plan()),
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="tracking-plan-{name}{number}.json"'},
    )


@pages.post("/plan/file", endpoint="take_plan_file")
@owners_only
def take_file() -> Any:
    """A file that was chosen, or its text."""
    sent = request.files.get("file")
    text: bytes | str = sent.read() if sent and sent.filename else request.form.get("plan", "")
    if not text:
        return Response(versions_page(problem="Choose a file, or paste what stands in it."), 422)
    try:
        plan = parse_plan(text)
    except Rejected as error:
        return Response(versions_page(problem=error.message), 422)
    return save(plan, lambda error: versions_page(problem=error.message))


@pages.post("/plan/restore", endpoint="restore_plan")
@owners_only
def take_restore() -> Any:
    """The plan of an earlier version becomes a new version."""
    with reading(get_parts().sessions) as db:
        row = get_version(db, here().project.id, request.form.get("version", 0, type=int))
    return save(read_plan(row))


def save(plan: Plan, as_sent: Callable[[Rejected], str] | None = None) -> Any:
    """Save the plan of a form, which names in `based_on` the version that it was filled in from.

    What would lose messages is asked about first. as_sent: the page to show where it cannot be saved.
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
        return Response(as_sent(error) if as_sent else versions_page(problem=error.message), 409)
    if request.form.get("then") == "event":
        return redirect(
            url_for("dashboard.plan_event", name=request.form.get("name", "").strip(), saved=row.version)
        )
    return redirect(url_for("dashboard.plan", saved=row.version))


def read_current() -> tuple[int, Plan]:
    """(the number of the version in force, 0 for none; its plan)."""
    with reading(get_parts().sessions) as db:
        row = find_version(db, here().project.id)
    return (row.version if row else 0), read_plan(row)


def event_page(
    name: str,
    rule: EventRule,
    rows: list[PropertyRow],
    *,
    problem: Rejected | None = None,
    based_on: int | None = None,
) -> str:
    version, plan = read_current()
    return render_template(
        "dashboard/plan_event.html",
        name=name,
        label=LABELS.get(name, name),
        rule=rule,
        rows=[*rows, *([PropertyRow()] * BLANK_ROWS)] if here().is_owner else rows,
        is_listed=name in plan.events,
        contract=[_contract_row(each) for each in PREDEFINED.get(name, ())],
        version=version if based_on is None else based_on,
        choices=ON_VIOLATION,
        types=PROPERTY_TYPES,
        problem=problem,
        saved=None if problem else request.args.get("saved", type=int),
    )


def versions_page(*, problem: str = "") -> str:
    with reading(get_parts().sessions) as db:
        versions = list_versions(db, here().project.id)
    plans = [read_plan(row) for row in versions] + (
        [Plan()] if versions and versions[-1].version == 1 else []
    )
    shown = [
        (row, find_changes(plans[at + 1], plans[at]) if at + 1 < len(plans) else None)
        for at, row in enumerate(versions)
    ]
    return render_template(
        "dashboard/plan_versions.html",
        versions=shown,
        version=versions[0].version if versions else 0,
        text=request.form.get("plan") or (versions[0].plan if versions else format_plan(Plan())),
        problem=problem,
    )


def _event_page_as_sent(name: str, problem: Rejected) -> str:
    form = request.form
    choice = form.get("on_violation")
    rule = EventRule(
        description=form.get("description", ""),
        on_violation=next((known for known in ON_VIOLATION if known == choice), "keep"),
        unplanned_properties="tell" if form.get("tell_unplanned") else "allow",
    )
    return event_page(name, rule, read_rows(form), problem=problem, based_on=form.get("based_on", type=int))


def _event_row(name: str, plan: Plan, used: dict[str, PlanUsage]) -> EventRow:
    return EventRow(
        name,
        LABELS.get(name, name),
        ICONS.get(name, "dot"),
        plan.events.get(name, EventRule()),
        used.get(name, PlanUsage(name)),
        name in PREDEFINED,
        name in plan.events,
    )


def _contract_row(listed: Property) -> tuple[str, str]:
    """(name, when it is required)."""
    if isinstance(listed.required, tuple):
        other, value = listed.required
        return listed.name, f"with {other} {value}" if value else f"with {other}"
    return listed.name, "required" if listed.required else "optional"
