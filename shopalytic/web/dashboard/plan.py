"""The tracking plan: what is in it and what arrives, and proposals from that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from flask import abort, render_template, request

from shopalytic.events.catalogue import PREDEFINED
from shopalytic.events.plan import ALWAYS_PLANNED, UNPLANNED_EVENTS, EventRule, Plan
from shopalytic.events.plan_learning import propose
from shopalytic.reports.newest_events import newest_events
from shopalytic.reports.plan_usage import PlanUsage, plan_usage
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.plan_forms import take_learned
from shopalytic.web.dashboard.plan_saving import read_current, save
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


@pages.post("/plan/unplanned", endpoint="save_unplanned")
@owners_only
def take_unplanned() -> Any:
    sent = request.form.get("unplanned_events")
    choice = next((known for known in UNPLANNED_EVENTS if known == sent), None)
    if choice is None:
        abort(400, "Events that are not in the plan are allowed, told, quarantined or refused.")
    return save(msgspec.structs.replace(read_current()[1], unplanned_events=choice))


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
