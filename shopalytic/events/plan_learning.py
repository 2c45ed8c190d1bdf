"""A tracking plan proposed from events that arrived."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from shopalytic.events import values
from shopalytic.events.catalogue import FREE, PREDEFINED, PROPERTY_SLIPS, find_shape
from shopalytic.events.clock import parse_instant
from shopalytic.events.event import Event
from shopalytic.events.lines import LINE_MEMBERS
from shopalytic.events.personal import EMAIL, NAMES, PHONE
from shopalytic.events.plan import (
    ALWAYS_PLANNED,
    PROPERTIES_LIMIT,
    EventRule,
    Plan,
    PropertyRule,
    PropertyType,
    WrongPlan,
    check_plan,
)
from shopalytic.events.properties import event_properties

REQUIRED_FROM = 20
"""A property that each of fewer events had may be missing in the next."""
EXAMPLE_FROM = 3
"""A value that fewer visitors sent may be about one of them."""
EXAMPLES = 3
EXAMPLE_LENGTH = 40
MEMBERS_LIMIT = 25
"""An object with more different members is one whose names are values, as a price by SKU."""
LINES_LOOKED_AT = 20

_ADDRESS = ("city", "zipcode", "state", "country")
CONTRACT_MEMBERS = frozenset(
    [f"line_items[].{name}" for name in LINE_MEMBERS]
    + [f"{address}.{name}" for address in ("billing", "shipping") for name in _ADDRESS]
    + ["discounts[].code", "discounts[].value"]
)
"""Members that the predefined events' own checks look at."""

_NAME = re.compile(r"[^.\[\]\x00-\x1f\x7f]{1,100}")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_LONG_NUMBER = re.compile(r"[0-9 ().+/-]{7,}")
_BY_COLUMN: dict[str, PropertyType] = {
    "take_decimal": "decimal", "take_integer": "integer", "take_text": "text", "take_currency": "currency",
}  # fmt: skip


class ProposedProperty(msgspec.Struct, frozen=True):
    """share: of the events looked at that had it, 0 to 1. seen: JSON types, the most frequent first. examples: values
    that several visitors sent, so that none is about one person."""

    path: str
    rule: PropertyRule
    share: float
    seen: list[str]
    examples: list[str]


class ProposedEvent(msgspec.Struct, frozen=True):
    """is_new: the event is not in the plan. events: how many were looked at."""

    event: str
    is_new: bool
    events: int
    properties: list[ProposedProperty]


class _Seen:
    """What was sent at one path."""

    def __init__(self) -> None:
        self.count = 0
        self.values: list[Any] = []
        self.senders: dict[str, set[str]] = {}


def propose(samples: Iterable[Event], plan: Plan) -> list[ProposedEvent]:
    """What the plan lacks of the events' names and properties, the names with most events first."""
    by_name: dict[str, list[Event]] = {}
    for event in samples:
        by_name.setdefault(event.event, []).append(event)
    proposed = [
        _propose_event(name, events, plan)
        for name, events in sorted(by_name.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        if name in PREDEFINED or name not in ALWAYS_PLANNED
    ]
    return [each for each in proposed if each is not None and (each.is_new or each.properties)]


def accept(plan: Plan, event: str, properties: dict[str, PropertyRule]) -> Plan:
    """The plan with the event, and those of the properties that it does not have. Raises WrongPlan."""
    rule = plan.events.get(event, EventRule())
    changed = msgspec.structs.replace(rule, properties=properties | rule.properties)
    plan = msgspec.structs.replace(plan, events=plan.events | {event: changed})
    check_plan(plan)
    return plan


def _propose_event(name: str, events: Sequence[Event], plan: Plan) -> ProposedEvent | None:
    planned = plan.events.get(name)
    known = set(plan.properties) | (set(planned.properties) if planned else set())
    if name in PREDEFINED:
        known |= set(find_shape(name).properties) | set(PROPERTY_SLIPS) | CONTRACT_MEMBERS
    found: dict[str, _Seen] = {}
    for event in events:
        for path, value in _walk(event_properties(event)):
            seen = found.setdefault(path, _Seen())
            if value is not None:
                _note(seen, value, event.origin_id)
    properties = []
    for path, seen in found.items():
        if path in known or not seen.values or not _may_stand(name, path) or not _is_whole(path, found):
            continue
        properties.append(_propose_property(path, seen, len(events), is_free=name not in PREDEFINED))
    properties.sort(key=lambda each: (-each.share, each.path))
    is_new = planned is None and name not in PREDEFINED
    if is_new and not _may_stand(name, None):
        return None
    return ProposedEvent(name, is_new, len(events), properties[: PROPERTIES_LIMIT - len(known)])


def _note(seen: _Seen, value: Any, sender: str) -> None:
    seen.count += 1
    seen.values.append(value)
    if isinstance(value, str | int | Decimal | float):
        seen.senders.setdefault(str(value), set()).add(sender)


def _is_whole(path: str, found: dict[str, _Seen]) -> bool:
    """Whether whatever holds the member was always an object, or an array of objects: else a plan that has the member
    would call the other values wrong."""
    name, dot, _ = path.partition(".")
    if not dot:
        return True
    if name.endswith("[]"):
        arrays = found[name.removesuffix("[]")].values
        return all(isinstance(one, list) and all(isinstance(line, dict) for line in one) for one in arrays)
    return all(isinstance(one, dict) for one in found[name].values)


def _walk(properties: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(path, value) of each property, and of the members of objects and of an array's lines, one level down."""
    for name, value in properties.items():
        if not _NAME.fullmatch(name) or name != name.strip():
            continue
        yield name, value
        if isinstance(value, dict) and len(value) <= MEMBERS_LIMIT:
            yield from _members(value, f"{name}.")
        elif isinstance(value, list):
            # Of lines that several events have the same member is found once an event.
            members: dict[str, Any] = {}
            for line in value[:LINES_LOOKED_AT]:
                if isinstance(line, dict) and len(line) <= MEMBERS_LIMIT:
                    members |= {key: each for key, each in line.items() if each is not None}
            yield from _members(members, f"{name}[].")


def _members(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, each in value.items():
        if _NAME.fullmatch(name) and name == name.strip():
            yield prefix + name, each


def _may_stand(event: str, path: str | None) -> bool:
    """Whether a plan takes the name; one with a line break in it cannot be written down."""
    rule = EventRule(properties={} if path is None else {path: PropertyRule()})
    try:
        check_plan(Plan(events={event: rule}))
    except WrongPlan:
        return False
    return True


def _propose_property(path: str, seen: _Seen, events: int, *, is_free: bool) -> ProposedProperty:
    share = min(seen.count / events, 1.0)
    listed = FREE.properties.get(path) if is_free else None
    found: PropertyType = _guess_type(seen.values)
    if listed is not None:
        # Read back from a column, a number may be a text; an id may have been sent as either.
        found = _BY_COLUMN.get(listed.take.__name__, "any")
    is_top = "." not in path
    rule = PropertyRule(type=found, required=is_top and share == 1.0 and events >= REQUIRED_FROM)
    kinds = [kind for kind, _ in Counter(_json_type(value) for value in seen.values).most_common()]
    return ProposedProperty(path, rule, share, kinds, _examples(path, seen))


def _guess_type(found: Sequence[Any]) -> PropertyType:
    kinds = {_json_type(value) for value in found}
    texts = [value for value in found if isinstance(value, str)]
    if kinds == {"integer"}:
        return "integer"
    if kinds <= {"integer", "number"}:
        return "decimal"
    if kinds == {"text"}:
        if all(_is_taken(values.check_email, text) for text in texts):
            return "email"
        return "timestamp" if all(_is_time(text) for text in texts) else "text"
    if kinds <= {"integer", "number", "text"}:
        return "decimal" if all(_is_taken(values.check_decimal, text) for text in texts) else "any"
    one: dict[str, PropertyType] = {"boolean": "boolean", "array": "array", "object": "object"}
    return one.get(next(iter(kinds)), "any") if len(kinds) == 1 else "any"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float | Decimal):
        return "number"
    if isinstance(value, str):
        return "text"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"


def _is_taken(check: Any, text: str) -> bool:
    wrong: list[str] = []
    check(text, "", wrong)
    return not wrong


def _is_time(text: str) -> bool:
    if not _ISO_TIME.fullmatch(text):
        return False
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True


def _examples(path: str, seen: _Seen) -> list[str]:
    name = re.sub(r"[^a-z0-9]", "", path.rpartition(".")[2].lower())
    if name in NAMES:
        return []
    shared = Counter({text: len(senders) for text, senders in seen.senders.items() if _is_harmless(text)})
    return [text for text, senders in shared.most_common() if senders >= EXAMPLE_FROM][:EXAMPLES]


def _is_harmless(text: str) -> bool:
    return bool(
        text.strip()
        and len(text) <= EXAMPLE_LENGTH
        and text.isprintable()
        and not EMAIL.search(text)
        and not PHONE.search(text)
        and not _LONG_NUMBER.fullmatch(text)
    )
