"""What a new version of a plan changes, and what it would lose."""

from __future__ import annotations

from typing import Any

import pytest

from shopalytic.events.plan import EventRule, Plan, PropertyRule
from shopalytic.events.plan_changes import Change, find_changes, tell_losses


def plan(
    on_violation: Any = "keep", event: str = "search", unplanned: Any = "allow", **properties: Any
) -> Plan:
    return Plan(unplanned, {event: EventRule(on_violation=on_violation, properties=properties)})


def test_the_same_plan_has_no_changes() -> None:
    assert find_changes(plan(a=PropertyRule()), plan(a=PropertyRule())) == []


def test_a_new_event_is_named_with_its_properties() -> None:
    assert find_changes(Plan(), plan("refuse", query=PropertyRule(type="text", required=True))) == [
        Change("search", "", "in the plan"),
        Change("search.on_violation", "keep", "refuse"),
        Change("search.query", "", "text, required"),
    ]


def test_a_removed_event_is_named_once() -> None:
    assert find_changes(plan(query=PropertyRule()), Plan()) == [Change("search", "in the plan", "")]


def test_each_changed_member_is_named_with_its_place() -> None:
    old = plan(query=PropertyRule(type="text", values=("a",)), gone=PropertyRule())
    new = plan(query=PropertyRule(type="text", values=("a", "b"), required=True), unplanned="tell")
    assert find_changes(old, new) == [
        Change("unplanned_events", "allow", "tell"),
        Change("search.query.required", "no", "yes"),
        Change("search.query.values", "a", "a, b"),
        Change("search.gone", "any", ""),
    ]


def test_a_property_of_every_event_is_named() -> None:
    assert find_changes(Plan(), Plan(properties={"shop": PropertyRule(type="text")})) == [
        Change("every event.shop", "", "text")
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (Plan(), plan("refuse"), "Each search with a violation is refused"),
        (Plan(), plan("quarantine", "order"), "its money is missing in every report until it is replayed"),
        (Plan(), plan("refuse", "order"), "Their revenue is lost to every report"),
        (Plan(), Plan("refuse"), "Events that are not in the plan are refused"),
        (Plan(), Plan("quarantine"), "go to the quarantine"),
        (plan("refuse"), plan("refuse", query=PropertyRule(required=True)), "asks for something else"),
        (
            plan("refuse"),
            Plan("allow", plan("refuse").events, {"shop": PropertyRule(required=True)}),
            "asks for something else",
        ),
        (
            plan(unplanned="refuse"),
            Plan("refuse"),
            "search is no longer in the plan, and what is not in it is refused",
        ),
    ],
)
def test_what_would_be_lost_is_said(old: Plan, new: Plan, says: str) -> None:
    [told] = tell_losses(old, new)
    assert says in told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Plan(), plan("keep", "order", total=PropertyRule(required=True))),
        (Plan(), plan("quarantine")),
        (Plan(), Plan("tell")),
        (plan(unplanned="tell"), Plan("tell")),
        (plan("refuse", query=PropertyRule()), plan("refuse", query=PropertyRule(description="new"))),
        (plan("refuse"), plan("keep")),
    ],
)
def test_what_loses_nothing_is_not_warned_of(old: Plan, new: Plan) -> None:
    assert tell_losses(old, new) == []
