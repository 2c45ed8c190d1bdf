"""One event of the tracking plan, or the properties of every event, as a form."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, render_template, request

from shopalytic.errors import Rejected
from shopalytic.events.catalogue import PREDEFINED, Property
from shopalytic.events.plan import (
    ON_VIOLATION,
    PROPERTY_TYPES,
    EventRule,
    check_plan,
    put_event,
    remove_event,
)
from shopalytic.web.dashboard.access import here, owners_only, pages
from shopalytic.web.dashboard.plan_forms import (
    BLANK_ROWS,
    PropertyRow,
    make_rows,
    read_event,
    read_properties,
    read_rows,
)
from shopalytic.web.dashboard.plan_saving import read_current, save


@pages.get("/plan/event", endpoint="plan_event")
def show_event() -> str:
    """The rules of the event named; without a name, a form for a new one."""
    _, plan = read_current()
    name = request.args.get("name", "")
    rule = plan.events.get(name, EventRule())
    return event_page(name, rule, make_rows(rule.properties))


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
    return save(changed, lambda error: _event_page_as_sent(name, error), back="plan_event")


@pages.get("/plan/properties", endpoint="plan_properties")
def show_properties() -> str:
    """The properties that any event may have."""
    return event_page("", EventRule(), make_rows(read_current()[1].properties), is_common=True)


@pages.post("/plan/properties", endpoint="save_plan_properties")
@owners_only
def take_properties() -> Any:
    try:
        plan = msgspec.structs.replace(read_current()[1], properties=read_properties(request.form))
        check_plan(plan)
    except Rejected as error:
        return Response(_event_page_as_sent("", error, is_common=True), 422)
    return save(plan, lambda error: _event_page_as_sent("", error, is_common=True), back="plan_properties")


@pages.post("/plan/event/remove", endpoint="remove_plan_event")
@owners_only
def take_removal() -> Any:
    return save(remove_event(read_current()[1], request.form.get("name", "")))


def event_page(
    name: str,
    rule: EventRule,
    rows: list[PropertyRow],
    *,
    problem: Rejected | None = None,
    based_on: int | None = None,
    is_common: bool = False,
) -> str:
    """is_common: the properties of every event; `name` is '' then, as for a new event."""
    version, plan = read_current()
    return render_template(
        "dashboard/plan_event.html",
        name=name,
        is_common=is_common,
        prefix="properties." if is_common else f"events.{name}.properties.",
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


def _event_page_as_sent(name: str, problem: Rejected, *, is_common: bool = False) -> str:
    form = request.form
    choice = form.get("on_violation")
    rule = EventRule(
        description=form.get("description", ""),
        on_violation=next((known for known in ON_VIOLATION if known == choice), "keep"),
        unplanned_properties="tell" if form.get("tell_unplanned") else "allow",
    )
    return event_page(
        name,
        rule,
        read_rows(form),
        problem=problem,
        based_on=form.get("based_on", type=int),
        is_common=is_common,
    )


def _contract_row(listed: Property) -> tuple[str, str]:
    """(name, when it is required)."""
    if isinstance(listed.required, tuple):
        other, value = listed.required
        return listed.name, f"with {other} {value}" if value else f"with {other}"
    return listed.name, "required" if listed.required else "optional"
