"""From a message's properties to typed columns and the JSON column, and back."""

from __future__ import annotations

from typing import Any

from shopalytic.events import column
from shopalytic.events.catalogue import PROPERTY_SLIPS, Property, Shape, find_shape
from shopalytic.events.clock import is_day
from shopalytic.events.event import Event
from shopalytic.events.lines import Lines, line_objects
from shopalytic.events.violations import Violation


class Taken:
    """What `take_properties` found, on its way into an event.

    left: what stays in `properties`, as sent. time_ms: the time that a property gives; always: it wins over the
    message's own. is_day: it says the day alone.
    """

    __slots__ = ("columns", "is_day", "is_time_always", "left", "time_ms", "violations")

    def __init__(self) -> None:
        self.columns: dict[str, Any] = {}
        self.left: dict[str, Any] = {}
        self.violations: list[str] = []
        self.time_ms: int | None = None
        self.is_time_always = False
        self.is_day = False


def take_properties(event: str, sent: dict[str, Any]) -> Taken:
    """Convert and check what the catalogue knows of `event`; all else is left as it is."""
    shape = find_shape(event)
    taken = Taken()
    known, left = shape.properties, taken.left
    violations = taken.violations if shape.is_checked else []
    for name, value in sent.items():
        listed = known.get(name)
        if listed is None or value is None:
            left[name] = value
            if name in PROPERTY_SLIPS and PROPERTY_SLIPS[name] in known:
                _take_slip(name, value, sent, taken)
            continue
        if name == "name" and "sku" not in sent:
            if listed.required:
                _take(listed, value, taken, violations)
            else:
                left[name] = value
            continue
        _take(listed, value, taken, violations)
    if shape.is_checked:
        _check_presence(shape, sent, taken)
    return taken


def _take(listed: Property, value: Any, taken: Taken, violations: list[str]) -> None:
    result = listed.take(value, listed.name, violations)
    if result is None:
        taken.left[listed.name] = value
        return
    converted, exact = result
    if listed.is_time:
        taken.time_ms, taken.is_time_always = converted, listed.is_time_always
        taken.is_day = is_day(value)
    elif isinstance(converted, Lines):
        taken.columns |= {
            "line_skus": converted.skus,
            "line_names": converted.names,
            "line_qtys": converted.qtys,
            "line_prices": converted.prices,
            "line_costs": converted.costs,
        }
    elif listed.column is not None:
        taken.columns[listed.column] = converted
    if not exact or listed.is_shared or listed.column is None:
        taken.left[listed.name] = value


def _take_slip(name: str, value: Any, sent: dict[str, Any], taken: Taken) -> None:
    meant = PROPERTY_SLIPS[name]
    taken.violations.append(Violation.RENAMED.at(name))
    if meant not in sent:
        taken.left[meant] = value


def _check_presence(shape: Shape, sent: dict[str, Any], taken: Taken) -> None:
    for listed in shape.required:
        if sent.get(listed.name) is not None:
            continue
        if isinstance(listed.required, tuple):
            other, wanted = listed.required
            value = sent.get(other)
            if value is None or value == [] or (wanted is not None and taken.columns.get(other) != wanted):
                continue
        taken.violations.append(Violation.MISSING.at(listed.name))


def event_properties(event: Event) -> dict[str, Any]:
    """The properties as the client sent them, also from an Event read back from the store.

    Decimals that have a column come as text; so do numeric ids. A page view's `url` and `referrer` are given
    whether they came as properties or in the context.
    """
    properties = column.merge(event.properties)
    for listed in find_shape(event.event).columns:
        name = listed.name
        if name in properties:
            continue
        if listed.column == "line_items":
            if event.line_skus:
                properties[name] = line_objects(
                    event.line_skus, event.line_names, event.line_qtys, event.line_prices, event.line_costs
                )
            continue
        value = getattr(event, listed.column or "")
        if value is not None and value != "":
            properties[name] = value
    return properties


def name_sent(event: Event) -> str:
    """The event's name as the client sent it, where that is another than `event`; else an empty text."""
    sent = event.properties.get(column.EVENT)
    return sent if isinstance(sent, str) else ""


def sent_ids(event: Event) -> dict[str, str]:
    """The ids that came with it, by type, as the client sent them; those too that link nobody."""
    soft = event.properties.get(column.SOFT_IDS)
    return {**event.user_ids, **column.merge(soft)} if isinstance(soft, dict) else event.user_ids


def context_rest(event: Event) -> dict[str, Any]:
    """What the message's context held beside what has a column."""
    rest = event.properties.get(column.CONTEXT)
    return column.merge(rest) if isinstance(rest, dict) else {}
