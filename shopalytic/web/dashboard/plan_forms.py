"""From the tracking plan's forms to its rules, and back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from werkzeug.datastructures import MultiDict

from shopalytic.events.plan import EventRule, Plan, PropertyRule, Value, WrongPlan, is_number
from shopalytic.events.plan_learning import accept

BLANK_ROWS = 2
_FIELDS = ("path", "type", "required", "values", "min", "max", "about")


@dataclass(frozen=True)
class PropertyRow:
    """One property as a form has it; all texts as they were typed."""

    path: str = ""
    type: str = "any"
    required: str = ""
    values: str = ""
    min: str = ""
    max: str = ""
    about: str = ""

    @property
    def more(self) -> str:
        """What is beside name and type, in a line."""
        said = [", ".join(self.values.splitlines())]
        if self.min:
            said.append(f"at least {self.min}")
        if self.max:
            said.append(f"at most {self.max}")
        return " · ".join(filter(None, [*said, self.about]))


class _Taken(msgspec.Struct, forbid_unknown_fields=True):
    """One proposal that was ticked; path: '' where it is the event alone."""

    event: str
    path: str = ""
    rule: PropertyRule = PropertyRule()


def read_rows(form: MultiDict[str, str]) -> list[PropertyRow]:
    """The rows of an event's form that name a property and are not to be removed."""
    removed = set(form.getlist("remove"))
    columns = [form.getlist(name) for name in _FIELDS]
    rows = [PropertyRow(*(text.strip() for text in row)) for row in zip(*columns, strict=False)]
    return [row for number, row in enumerate(rows) if row.path and str(number) not in removed]


def make_rows(properties: dict[str, PropertyRule]) -> list[PropertyRow]:
    return [
        PropertyRow(
            path,
            each.type,
            "yes" if each.required else "",
            "\n".join(str(value) for value in each.values),
            "" if each.min is None else str(each.min),
            "" if each.max is None else str(each.max),
            each.description,
        )
        for path, each in properties.items()
    ]


def read_properties(form: MultiDict[str, str], event: str = "") -> dict[str, PropertyRule]:
    """By path. event: '' where they are every event's. Raises WrongPlan with the place that the JSON file would have."""
    at = f"events.{event}.properties" if event else "properties"
    properties: dict[str, PropertyRule] = {}
    for row in read_rows(form):
        if row.path in properties:
            raise WrongPlan(f"{at}.{row.path}", "this property is there twice.")
        properties[row.path] = _read_property(row, event, f"{at}.{row.path}")
    return properties


def read_event(form: MultiDict[str, str], name: str) -> EventRule:
    """The rule of an event's form. Raises WrongPlan as `read_properties` does."""
    properties = read_properties(form, name)
    rule = {
        "description": " ".join(form.get("description", "").split()),
        "on_violation": form.get("on_violation", "keep"),
        "unplanned_properties": "tell" if form.get("tell_unplanned") else "allow",
    }
    try:
        return msgspec.structs.replace(msgspec.convert(rule, EventRule), properties=properties)
    except msgspec.ValidationError as error:
        raise WrongPlan(f"events.{name}", f"{error}.") from None


def take_learned(plan: Plan, chosen: list[str], only: str) -> Plan:
    """The plan with the proposals that were ticked; only: of this event, '' for all. Raises WrongPlan."""
    by_event: dict[str, dict[str, PropertyRule]] = {}
    for text in chosen:
        try:
            taken = msgspec.json.decode(text, type=_Taken)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise WrongPlan("", f"The form is damaged: {error}.") from None
        if not only or taken.event == only:
            properties = by_event.setdefault(taken.event, {})
            if taken.path:
                properties[taken.path] = taken.rule
    for event, properties in by_event.items():
        plan = accept(plan, event, properties)
    return plan


def _read_property(row: PropertyRow, event: str, at: str) -> PropertyRule:
    is_numeric = row.type in ("decimal", "integer") or is_number(event, row.path)
    values: list[Value] = []
    for number, line in enumerate(filter(None, (line.strip() for line in row.values.splitlines()))):
        values.append(_read_number(line, f"{at}.values[{number}]") if is_numeric else line)
    rule: dict[str, Any] = {
        "type": row.type,
        "required": row.required == "yes",
        "values": values,
        "min": _read_number(row.min, f"{at}.min") if row.min else None,
        "max": _read_number(row.max, f"{at}.max") if row.max else None,
        "description": " ".join(row.about.split()),
    }
    try:
        return msgspec.convert(rule, PropertyRule)
    except msgspec.ValidationError as error:
        raise WrongPlan(at, f"{error}.") from None


def _read_number(text: str, at: str) -> int | float:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise WrongPlan(at, f"{text[:40]!r} is no number; write one such as 9.99.")
    return int(number) if number == number.to_integral_value() else float(number)
