"""A plan made ready to judge messages: what each event's properties are looked at for, and what follows from it.

The worker judges thousands of messages a second: what can be worked out once per version of a plan is.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from shopalytic.events import values
from shopalytic.events.catalogue import PREDEFINED, PROPERTY_SLIPS, find_shape
from shopalytic.events.countries import ALPHA_3
from shopalytic.events.event import Drop, DropReason, Quarantine, QuarantineReason
from shopalytic.events.plan import (
    ALWAYS_PLANNED,
    EventRule,
    OnViolation,
    Plan,
    PropertyRule,
    PropertyType,
)
from shopalytic.events.violations import Violation

Check = Callable[[Any, str, list[str]], Any]

HARMLESS = tuple(
    f"{kind}:" for kind in (Violation.RENAMED, Violation.NUMBER_AS_TEXT, Violation.UNKNOWN_CARRIER)
)
"""What was put right when it was taken sets no message aside."""
BY_THE_LEDGER = f"{Violation.OWNED_BY_ANOTHER}:"
"""Nor does whose the ids are: a late message may change that before a batch is repeated, and the event would then be stored
beside its copy in quarantine."""
TOLD_LIMIT = 50
"""Violations of one event that a plan adds: an array may have thousands of lines."""
ABOUT_PEOPLE = frozenset({"identify", "alias"})
"""Their properties are a customer's, and not those of every event."""
UNPLANNED_EVENT = Violation.UNPLANNED_EVENT.at("event")


class PlannedEvent(msgspec.Struct, frozen=True):
    """known: names of properties that are in the plan; None where any may be sent."""

    nodes: tuple[_Node, ...]
    known: frozenset[str] | None
    on_violation: OnViolation


class PlannedProject(msgspec.Struct, frozen=True):
    """A plan that is ready; immutable, so that threads may share it. other: for events that it does not list."""

    events: dict[str, PlannedEvent]
    unplanned_events: str
    other: PlannedEvent

    def check(self, event: str, sent: dict[str, Any], known: list[str]) -> list[str]:
        """What the plan finds wrong with an event's properties as they were sent, beside the violations `known`."""
        planned = self.events.get(event)
        found: list[str] = []
        if planned is None:
            planned = self.other
            if self.unplanned_events != "allow" and event not in ALWAYS_PLANNED:
                found.append(UNPLANNED_EVENT)
            if not planned.nodes or event in ABOUT_PEOPLE:
                return found
        for node in planned.nodes:
            node.check(sent, "", found)
        if planned.known is not None:
            found += [
                Violation.UNPLANNED.at(name[: values.LABEL_LIMIT])
                for name in sent
                if name not in planned.known
            ]
        if not found:
            return found
        return [each for each in dict.fromkeys(found) if each not in known][:TOLD_LIMIT]

    def decide(self, event: str, violations: list[str]) -> Drop | Quarantine | None:
        """What becomes of an event with these violations; None: it is kept."""
        wrong = [each for each in violations if not each.startswith((*HARMLESS, BY_THE_LEDGER))]
        if not wrong:
            return None
        planned = self.events.get(event)
        if planned is not None:
            choice: str = planned.on_violation
        else:
            choice = self.unplanned_events if UNPLANNED_EVENT in wrong else "keep"
        if choice == "quarantine":
            shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            return Quarantine(
                QuarantineReason.AGAINST_PLAN, f"The tracking plan sets this event aside for {shown}."[:500]
            )
        return Drop(DropReason.REFUSED_BY_PLAN, tuple(violations)) if choice == "refuse" else None


class _Node(msgspec.Struct, frozen=True):
    """One step of a path. rule: None where only its members are planned. items: of every line of an array."""

    name: str
    is_required: bool
    checks: tuple[Check, ...]
    members: tuple[_Node, ...] = ()
    items: tuple[_Node, ...] = ()
    item_checks: tuple[Check, ...] = ()

    def check(self, sent: dict[str, Any], prefix: str, found: list[str]) -> None:
        value = sent.get(self.name)
        if value is None:
            if self.is_required:
                found.append(Violation.MISSING.at(prefix + self.name))
            return
        at = prefix + self.name
        for check in self.checks:
            check(value, at, found)
        if self.members and type(value) is dict:
            for node in self.members:
                node.check(value, at + ".", found)
        if (self.items or self.item_checks) and type(value) is list:
            self._check_items(value, at, found)

    def _check_items(self, lines: list[Any], at: str, found: list[str]) -> None:
        for index, line in enumerate(lines):
            place = f"{at}[{index}]"
            for check in self.item_checks:
                check(line, place, found)
            if type(line) is dict:
                for node in self.items:
                    node.check(line, place + ".", found)
            if len(found) > TOLD_LIMIT:
                return


class _Tree:
    """A plan's paths on their way into nodes. own: of the property itself; each: of every line of an array."""

    def __init__(self) -> None:
        self.own: PropertyRule | None = None
        self.each: PropertyRule | None = None
        self.members: dict[str, _Tree] = {}
        self.items: dict[str, _Tree] = {}


def prepare(plan: Plan) -> PlannedProject:
    return PlannedProject(
        {
            name: _prepare_event(name, rule, {} if name in ABOUT_PEOPLE else plan.properties)
            for name, rule in plan.events.items()
        },
        plan.unplanned_events,
        _prepare_event("", EventRule(), plan.properties),
    )


def _prepare_event(name: str, rule: EventRule, common: dict[str, PropertyRule]) -> PlannedEvent:
    root = _Tree()
    for path, each in (common | rule.properties).items():
        _plant(root, path, each)
    known = None
    if rule.unplanned_properties == "tell":
        listed = find_shape(name).properties if name in PREDEFINED else {}
        slips = {slip for slip, meant in PROPERTY_SLIPS.items() if meant in listed}
        known = frozenset(root.members) | frozenset(listed) | slips
    return PlannedEvent(
        tuple(_node(each, tree) for each, tree in root.members.items()), known, rule.on_violation
    )


def _plant(root: _Tree, path: str, rule: PropertyRule) -> None:
    level = root.members
    steps = path.split(".")
    for number, step in enumerate(steps):
        is_each = step.endswith("[]")
        tree = level.setdefault(step.removesuffix("[]"), _Tree())
        if number == len(steps) - 1:
            if is_each:
                tree.each = rule
            else:
                tree.own = rule
        level = tree.items if is_each else tree.members


def _node(name: str, tree: _Tree) -> _Node:
    checks = _checks(tree.own) if tree.own else ()
    # A property of which only the members are planned is an object, or an array, all the same.
    if tree.members and (tree.own is None or tree.own.type == "any"):
        checks = (*checks, _check_object)
    if (tree.items or tree.each) and (tree.own is None or tree.own.type == "any"):
        checks = (*checks, values.check_array)
    item_checks = _checks(tree.each) if tree.each else ()
    if tree.items and (tree.each is None or tree.each.type == "any"):
        item_checks = (*item_checks, _check_object)
    return _Node(
        name,
        tree.own is not None and tree.own.required,
        checks,
        tuple(_node(each, inner) for each, inner in tree.members.items()),
        tuple(_node(each, inner) for each, inner in tree.items.items()),
        item_checks,
    )


def _checks(rule: PropertyRule) -> tuple[Check, ...]:
    checks: list[Check] = []
    if rule.type != "any":
        checks.append(_TYPES[rule.type])
    if rule.values:
        checks.append(_check_values(rule))
    if rule.min is not None or rule.max is not None:
        checks.append(_check_range(rule))
    return tuple(checks)


def _check_values(rule: PropertyRule) -> Check:
    texts = frozenset(value for value in rule.values if isinstance(value, str))
    numbers = frozenset(Decimal(str(value)) for value in rule.values if not isinstance(value, str))

    def check(value: Any, at: str, violations: list[str]) -> None:
        is_one = (isinstance(value, str) and value in texts) or _number(value) in numbers
        if not is_one:
            violations.append(Violation.OUT_OF_RANGE.at(at))

    return check


def _check_range(rule: PropertyRule) -> Check:
    low = Decimal(str(rule.min)) if rule.min is not None else None
    high = Decimal(str(rule.max)) if rule.max is not None else None

    def check(value: Any, at: str, violations: list[str]) -> None:
        number = _number(value)
        if number is not None and (
            (low is not None and number < low) or (high is not None and number > high)
        ):
            violations.append(Violation.OUT_OF_RANGE.at(at))

    return check


def _number(value: Any) -> Decimal | int | None:
    """What is no number is another check's to tell."""
    if isinstance(value, int | Decimal):
        return None if isinstance(value, bool) else value
    if isinstance(value, str):
        taken = values.take_decimal(value, "", [])
        return Decimal(taken[0]) if taken else None
    return None


def _check_object(value: Any, at: str, violations: list[str]) -> None:
    if not isinstance(value, dict):
        violations.append(Violation.NOT_AN_OBJECT.at(at))


def _check_country(value: Any, at: str, violations: list[str]) -> None:
    if not isinstance(value, str) or value not in ALPHA_3:
        violations.append(Violation.NOT_A_COUNTRY.at(at))


_TYPES: dict[PropertyType, Check] = {
    "text": values.check_text,
    "decimal": values.check_decimal,
    "integer": values.take_integer,
    "boolean": values.check_boolean,
    "timestamp": values.check_instant,
    "email": values.check_email,
    "currency": values.take_currency,
    "country": _check_country,
    "array": values.check_array,
    "object": _check_object,
}
