"""What must hold once everything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from benchmarks.fuzz.findings import Findings
from benchmarks.fuzz.made import NUMBER, Made
from benchmarks.system import System
from shopalytic.events.catalogue import EVENT_SLIPS, PREDEFINED, PROPERTY_SLIPS
from shopalytic.events.event import Event
from shopalytic.events.properties import event_properties
from shopalytic.events.sentences import tell_violation
from shopalytic.events.violations import Violation
from shopalytic.store import Store

MEMBERS = {"timestamp", "sent_at", "user_id", "tracking_id", "event", "session_id"}
"""What a violation may name beside properties."""


class Count(msgspec.Struct):
    count: int


class Dropped(msgspec.Struct):
    event: str
    violations: list[str]
    detail: str


def stored_events(store: Store) -> list[Event]:
    return store.rows(Event, "SELECT * FROM {{events}}")


def check_counters(findings: Findings, store: Store) -> None:
    counters = findings.counters
    dropped = sum(counters["dropped"].values())
    done = counters["stored"] + counters["duplicate"] + dropped + counters["quarantined"]
    for what, one, other in (
        ("accepted, and what became of them", counters["accepted"], done + counters["waiting"]),
        ("taken by the doors, and counted", sum(findings.taken.values()), counters["accepted"]),
        ("counted as stored, and stored", counters["stored"], rows_in(store, "events")),
        ("counted as quarantined, and there", counters["quarantined"], rows_in(store, "quarantine")),
        ("messages left waiting, and none", counters["waiting"], 0),
    ):
        if one != other:
            findings.problems.append(f"{what}: {one} and {other}")


def rows_in(store: Store, table: str) -> int:
    return store.rows(Count, f"SELECT count() AS count FROM {{{{{table}}}}}")[0].count


def check_events(findings: Findings, made: Sequence[Made], events: Iterable[Event], introduced: int) -> None:
    unknown = 0
    for event in events:
        properties = event_properties(event)
        number = properties.get(NUMBER)
        source = made[number] if isinstance(number, int) and number < len(made) else None
        unknown += source is None
        if source is not None and not source.wrong:
            findings.right_stored += 1
            if event.violations:
                findings.problems.append(f"a right {source.event} has {event.violations}: {properties}")
        else:
            findings.wrong_stored += 1
        for violation in event.violations:
            check_violation(findings, event.event, properties, violation)
    # Those whose properties were replaced as a whole.
    replaced = sum("properties" in each.members for each in made)
    if unknown > introduced + replaced * 2:
        findings.problems.append(f"{unknown} stored events are none that was sent")


def check_violation(findings: Findings, event: str, properties: dict[str, Any], violation: str) -> None:
    kind, _, place = violation.partition(":")
    try:
        sentence = tell_violation(Violation(kind), place)
    except ValueError:
        findings.problems.append(f"{violation} is of no kind of the list")
        return
    findings.kinds[kind] += 1
    if place not in sentence or re.search(r"\{[a-z]+\}", sentence.replace(place, "")):
        findings.problems.append(f"{violation} is told as {sentence!r}")
    name = re.split(r"[.\[]", place)[0]
    required = {item.name for item in PREDEFINED.get(event, ()) if item.required} | {"discounts"}
    renamed = {*EVENT_SLIPS, *PROPERTY_SLIPS, "cart_add"} if kind == Violation.RENAMED else set()
    if not {name, place} & (properties.keys() | required | MEMBERS | renamed):
        findings.problems.append(f"{violation} of a {event} names nothing of {sorted(properties)}")


def check_drops(findings: Findings, store: Store) -> None:
    for row in store.rows(Dropped, "SELECT event, violations, detail FROM {{dropped}}"):
        for violation in row.violations:
            kind, _, place = violation.partition(":")
            findings.kinds[kind] += 1
            if kind not in set(Violation) or place not in {item.name for item in PREDEFINED[row.event]} | {
                "currency"
            }:
                findings.problems.append(f"a dropped {row.event} tells {violation}")
        if not row.detail:
            findings.problems.append(f"a dropped {row.event} has no detail beside {row.violations}")


def read_back(findings: Findings, system: System) -> None:
    """Page through all events by the read API."""
    read, after = 0, ""
    while True:
        answer = system.get(f"/api/v1/events?limit=1000{after}")
        read += len(answer["events"])
        if not answer.get("next"):
            break
        after = f"&cursor={answer['next']}"
    if read != findings.counters["stored"]:
        findings.problems.append(f"{read} events read back, {findings.counters['stored']} stored")
