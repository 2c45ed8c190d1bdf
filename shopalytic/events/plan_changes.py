"""What differs between two versions of a tracking plan, and what would be lost by the later one."""

from __future__ import annotations

from typing import Any

import msgspec

from shopalytic.events.plan import ALWAYS_PLANNED, MONEY_EVENTS, EventRule, Plan, PropertyRule


class Change(msgspec.Struct, frozen=True):
    """at: the place in the file, such as `search.query.type`. before, after: '' for nothing there."""

    at: str
    before: str
    after: str


def find_changes(old: Plan, new: Plan) -> list[Change]:
    """In the order of the new plan, what is gone last; [] where both say the same in another order."""
    found = _members(old, new, "", ("unplanned_events",))
    found += _property_changes(old.properties, new.properties, "every event")
    for name in [*new.events, *(each for each in old.events if each not in new.events)]:
        before, after = old.events.get(name), new.events.get(name)
        if before is None or after is None:
            found.append(
                Change(name, "" if before is None else "in the plan", "" if after is None else "in the plan")
            )
        found += _event_changes(before or EventRule(), after, name) if after is not None else []
    return found


def tell_losses(old: Plan, new: Plan) -> list[str]:
    """A sentence for each thing by which messages that are kept today would no longer be; what only tells is none."""
    told = []
    if new.unplanned_events in ("quarantine", "refuse") and new.unplanned_events != old.unplanned_events:
        told.append(
            "Events that are not in the plan are refused: they are not stored, and cannot be had back."
            if new.unplanned_events == "refuse"
            else "Events that are not in the plan go to the quarantine until they are replayed."
        )
    if new.unplanned_events in ("quarantine", "refuse"):
        does = "refused" if new.unplanned_events == "refuse" else "set aside"
        told += [
            f"{name} is no longer in the plan, and what is not in it is {does}."
            for name in old.events
            if name not in new.events and name not in ALWAYS_PLANNED
        ]
    for name, rule in new.events.items():
        before = old.events.get(name, EventRule())
        is_money = name in MONEY_EVENTS
        if rule.on_violation == "keep" or (rule.on_violation == "quarantine" and not is_money):
            continue
        if before.on_violation != rule.on_violation:
            told.append(_tell_choice(name, rule.on_violation, is_money))
        elif _demands(before, old) != _demands(rule, new):
            does = "refused" if rule.on_violation == "refuse" else "set aside"
            told.append(f"Of {name}, which is {does} for a violation, the plan now asks for something else.")
    return told


def _tell_choice(name: str, choice: str, is_money: bool) -> str:
    if choice == "refuse":
        money = " Their revenue is lost to every report." if is_money else ""
        return f"Each {name} with a violation is refused: it is not stored, and cannot be had back.{money}"
    return f"Each {name} with a violation goes to the quarantine: its money is missing in every report until it is replayed."


def _demands(rule: EventRule, plan: Plan) -> Any:
    """What a violation of the event depends on."""
    return rule.unplanned_properties, *(
        {path: msgspec.structs.replace(each, description="") for path, each in properties.items()}
        for properties in (rule.properties, plan.properties)
    )


def _event_changes(before: EventRule, after: EventRule, at: str) -> list[Change]:
    found = _members(before, after, f"{at}.", ("description", "on_violation", "unplanned_properties"))
    return found + _property_changes(before.properties, after.properties, at)


def _property_changes(
    before: dict[str, PropertyRule], after: dict[str, PropertyRule], at: str
) -> list[Change]:
    found = []
    for path in [*after, *(each for each in before if each not in after)]:
        old, new = before.get(path), after.get(path)
        place = f"{at}.{path}"
        if old is None or new is None:
            found.append(Change(place, _brief(old), _brief(new)))
        elif old != new:
            found += _members(old, new, f"{place}.", old.__struct_fields__)
    return found


def _members(old: msgspec.Struct, new: msgspec.Struct, prefix: str, names: tuple[str, ...]) -> list[Change]:
    pairs = [(name, _text(getattr(old, name)), _text(getattr(new, name))) for name in names]
    return [Change(f"{prefix}{name}", before, after) for name, before, after in pairs if before != after]


def _brief(rule: msgspec.Struct | None) -> str:
    """`text, required` of a property."""
    if rule is None:
        return ""
    words = [getattr(rule, "type", "any")]
    if getattr(rule, "required", False):
        words.append("required")
    for name in ("values", "min", "max"):
        value = getattr(rule, name, None)
        if value not in (None, ()):
            words.append(f"{name} {_text(value)}")
    return ", ".join(words)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(each) for each in value) if isinstance(value, tuple) else str(value)
