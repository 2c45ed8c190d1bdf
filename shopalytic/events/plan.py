"""A project's own tracking plan: which events and properties it means to send, and what becomes of those that differ.

A plan is a value that a JSON file says; docs/tracking-plan.md describes the file. The predefined events are always in
it: the catalogue checks them whatever a plan says, and a plan may only ask for more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args

import msgspec

from shopalytic.errors import Rejected
from shopalytic.events.catalogue import EVENT_SLIPS, PREDEFINED, PROPERTY_SLIPS, find_shape
from shopalytic.events.values import LABEL_LIMIT

PropertyType = Literal[
    "any",
    "text",
    "decimal",
    "integer",
    "boolean",
    "timestamp",
    "email",
    "currency",
    "country",
    "array",
    "object",
]
OnViolation = Literal["keep", "quarantine", "refuse"]
UnplannedEvents = Literal["allow", "tell", "quarantine", "refuse"]
UnplannedProperties = Literal["allow", "tell"]
Value = str | int | float

PROPERTY_TYPES: tuple[PropertyType, ...] = get_args(PropertyType)
ON_VIOLATION: tuple[OnViolation, ...] = get_args(OnViolation)
UNPLANNED_EVENTS: tuple[UnplannedEvents, ...] = get_args(UnplannedEvents)

UNPLANNED_PROPERTIES: tuple[UnplannedProperties, ...] = get_args(UnplannedProperties)
_ALLOWED: dict[str, tuple[str, ...]] = {
    "type": PROPERTY_TYPES,
    "on_violation": ON_VIOLATION,
    "unplanned_events": UNPLANNED_EVENTS,
    "unplanned_properties": UNPLANNED_PROPERTIES,
}

EVENTS_LIMIT = 500
PROPERTIES_LIMIT = 200
VALUES_LIMIT = 200
DESCRIPTION_LIMIT = 1000
PATH_DEPTH_LIMIT = 5
FILE_LIMIT_BYTES = 256 * 1024

ALWAYS_PLANNED = frozenset(PREDEFINED) | {"identify", "alias", "session_start", "session_end", "installation"}
"""What the clients send by themselves is nobody's slip: a plan that lists few events must not refuse it."""
MONEY_EVENTS = frozenset({"order", "refund"})
"""Setting these aside changes the revenue that reports show."""

_PATH = re.compile(r"[^.\[\]\x00-\x1f\x7f]+(\[\])?(\.[^.\[\]\x00-\x1f\x7f]+(\[\])?)*")
_AT = re.compile(r" - at `\$\.?(.*)`$")
_T = TypeVar("_T")


class WrongPlan(Rejected):
    """The plan cannot be used; the message begins with the place, which `at` has too."""

    code = "wrong_plan"

    def __init__(self, at: str, what: str) -> None:
        super().__init__(f"{at}: {what}" if at else what, at=at or None)


class PropertyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one property has to be. values: those that it may have; none: any. min, max: of a number."""

    type: PropertyType = "any"
    required: bool = False
    values: tuple[Value, ...] = ()
    min: int | float | None = None
    max: int | float | None = None
    description: str = ""


class EventRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """properties: by their path, such as `query`, `billing.vat_id` or `line_items[].size`."""

    description: str = ""
    on_violation: OnViolation = "keep"
    unplanned_properties: UnplannedProperties = "allow"
    properties: dict[str, PropertyRule] = {}


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """unplanned_events: what becomes of an event that is neither listed nor predefined. properties: by their path, of
    every event, such as the tag's default properties; an event's own rule goes before."""

    unplanned_events: UnplannedEvents = "allow"
    events: dict[str, EventRule] = {}
    properties: dict[str, PropertyRule] = {}


class _RawEvent(EventRule, frozen=True, forbid_unknown_fields=True):
    properties: dict[str, msgspec.Raw] = {}  # type: ignore[assignment]


class _RawPlan(Plan, frozen=True, forbid_unknown_fields=True):
    events: dict[str, msgspec.Raw] = {}  # type: ignore[assignment]
    properties: dict[str, msgspec.Raw] = {}  # type: ignore[assignment]


EMPTY = Plan()


def parse_plan(text: bytes | str) -> Plan:
    """The plan of a JSON file. Raises WrongPlan, which names the place, such as `events.search.properties.query.type`."""
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > FILE_LIMIT_BYTES:
        raise WrongPlan("", f"The file has more than {FILE_LIMIT_BYTES:,} bytes.")
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    head = _decode(raw, _RawPlan, "")
    events = {}
    for name, sent in head.events.items():
        at = f"events.{name}"
        rule = _decode(bytes(sent), _RawEvent, at)
        properties = _decode_properties(rule.properties, f"{at}.properties")
        events[name] = EventRule(rule.description, rule.on_violation, rule.unplanned_properties, properties)
    plan = Plan(head.unplanned_events, events, _decode_properties(head.properties, "properties"))
    check_plan(plan)
    return plan


def format_plan(plan: Plan) -> str:
    """The JSON file: indented, events and properties in their order, what is as by default left out."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2).decode() + "\n"


def check_plan(plan: Plan) -> None:
    """Raises WrongPlan for what the types do not say: names, limits, and what would weaken the contract."""
    _limit("properties", plan.properties, PROPERTIES_LIMIT)
    for path, each in plan.properties.items():
        _check_property("", path, each, f"properties.{path}")
    _limit("events", plan.events, EVENTS_LIMIT)
    for name, rule in plan.events.items():
        at = f"events.{name}"
        _check_event_name(name, at)
        _check_text(rule.description, f"{at}.description")
        _limit(f"{at}.properties", rule.properties, PROPERTIES_LIMIT)
        for path, each in rule.properties.items():
            _check_property(name, path, each, f"{at}.properties.{path}")


def put_event(plan: Plan, name: str, rule: EventRule) -> Plan:
    """The plan with the event's rule as given, in its place where it has one. Raises WrongPlan."""
    changed = msgspec.structs.replace(plan, events=plan.events | {name: rule})
    check_plan(changed)
    return changed


def remove_event(plan: Plan, name: str) -> Plan:
    return msgspec.structs.replace(
        plan, events={each: rule for each, rule in plan.events.items() if each != name}
    )


def is_predefined(event: str) -> bool:
    return event in PREDEFINED


def _check_event_name(name: str, at: str) -> None:
    if not name or name != name.strip() or not name.isprintable():
        raise WrongPlan(at, "an event's name is a text without spaces around it or control characters.")
    if len(name) > LABEL_LIMIT:
        raise WrongPlan(at, f"an event's name has at most {LABEL_LIMIT} characters.")
    if name in EVENT_SLIPS:
        raise WrongPlan(at, f"this is a slip that is taken as {EVENT_SLIPS[name]}; name that.")


def _check_property(event: str, path: str, rule: PropertyRule, at: str) -> None:
    if not _PATH.fullmatch(path) or path != path.strip():
        raise WrongPlan(
            at,
            "a property is named like query, billing.vat_id (a member) or line_items[].size (of every line).",
        )
    steps = path.split(".")
    if len(path) > LABEL_LIMIT or len(steps) > PATH_DEPTH_LIMIT:
        raise WrongPlan(
            at, f"a property's path has at most {LABEL_LIMIT} characters and {PATH_DEPTH_LIMIT} levels."
        )
    if path in PROPERTY_SLIPS and PROPERTY_SLIPS[path] in find_shape(event).properties:
        raise WrongPlan(at, f"this is a slip that is taken as {PROPERTY_SLIPS[path]}; name that.")
    of = _find_contract(event, path)
    if of and rule.type != "any":
        raise WrongPlan(
            f"{at}.type",
            f"{path} is a property of the predefined event {of}, whose type is checked already; leave it out.",
        )
    _check_text(rule.description, f"{at}.description")
    _check_values(event, path, rule, at)


def _check_values(event: str, path: str, rule: PropertyRule, at: str) -> None:
    if len(rule.values) > VALUES_LIMIT:
        raise WrongPlan(f"{at}.values", f"at most {VALUES_LIMIT} values are taken.")
    if rule.values and rule.type in ("boolean", "timestamp", "array", "object"):
        raise WrongPlan(f"{at}.values", f"a property of type {rule.type} has no list of values.")
    for number, value in enumerate(rule.values):
        place = f"{at}.values[{number}]"
        if isinstance(value, str) and len(value) > LABEL_LIMIT:
            raise WrongPlan(place, f"a value has at most {LABEL_LIMIT} characters.")
        if isinstance(value, str) == (rule.type in ("decimal", "integer")) and rule.type != "any":
            wanted = "number" if rule.type in ("decimal", "integer") else "text"
            raise WrongPlan(place, f"a property of type {rule.type} has values that are each a {wanted}.")
        if rule.type == "integer" and isinstance(value, float):
            raise WrongPlan(place, "a property of type integer has whole numbers as values.")
    if rule.min is None and rule.max is None:
        return
    if rule.type not in ("decimal", "integer") and not is_number(event, path):
        raise WrongPlan(at, "min and max belong to a property of type decimal or integer.")
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        raise WrongPlan(f"{at}.max", "max is less than min.")


def _find_contract(event: str, path: str) -> str:
    """The predefined event whose contract has the property, '' where none has. event: '' for any."""
    names = (event,) if event in PREDEFINED else () if event else tuple(PREDEFINED)
    return next((name for name in names if path in find_shape(name).properties), "")


def is_number(event: str, path: str) -> bool:
    """Whether the contract says that the property is one."""
    listed = find_shape(event).properties.get(path)
    return listed is not None and listed.take.__name__ in ("take_decimal", "take_integer")


def _check_text(text: str, at: str) -> None:
    if len(text) > DESCRIPTION_LIMIT:
        raise WrongPlan(at, f"it has more than {DESCRIPTION_LIMIT} characters.")


def _limit(at: str, items: Mapping[str, Any], limit: int) -> None:
    if len(items) > limit:
        raise WrongPlan(at, f"at most {limit} are taken; here are {len(items)}.")


def _decode_properties(sent: Mapping[str, Any], at: str) -> dict[str, PropertyRule]:
    return {path: _decode(bytes(each), PropertyRule, f"{at}.{path}") for path, each in sent.items()}


def _decode(raw: bytes, type: type[_T], at: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=type)
    except RecursionError:
        raise WrongPlan(at, "It is nested too deeply.") from None
    except msgspec.ValidationError as error:
        what = str(error)
        found = _AT.search(what)
        place = ".".join(filter(None, (at, found[1] if found else "")))
        raise WrongPlan(place, _sentence(what[: found.start()] if found else what, place)) from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise WrongPlan(at, f"The file is no JSON: {_sentence(str(error))}") from None


def _sentence(what: str, place: str = "") -> str:
    what = what.replace("Object contains unknown field", "there is no member")
    allowed = _ALLOWED.get(place.rpartition(".")[2]) if "enum value" in what else None
    return f"{what.rstrip('.')}" + (f"; it is one of {', '.join(allowed)}." if allowed else ".")
