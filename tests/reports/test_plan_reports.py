"""What the tracking plan's page and its learning read from the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from shopalytic.reports.newest_events import newest_events
from shopalytic.reports.plan_usage import PlanUsage, plan_usage
from shopalytic.reports.project import Project
from shopalytic.store import Store
from tests.factories import insert_events, make_event

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_of_each_name_the_newest_are_taken(store: Store, project_id: int) -> None:
    events = [
        make_event(
            project_id=project_id, event="search", at=f"2026-01-14 12:{minute:02}:00", visitor=f"v{minute}"
        )
        for minute in range(30)
    ] + [make_event(project_id=project_id, event="rare", at="2026-01-09 00:00:00")]
    insert_events(store, events)
    found = newest_events(store, Project(project_id), now=NOW, span=WEEK, each=10)
    assert sorted(event.occurred_at[11:16] for event in found if event.event == "search") == [
        f"12:{minute}" for minute in range(20, 30)
    ]
    assert [event.event for event in found if event.event != "search"] == ["rare"]


def test_of_events_of_the_same_moment_no_more_are_taken(store: Store, project_id: int) -> None:
    insert_events(store, [make_event(project_id=project_id, event="search") for _ in range(30)])
    assert len(newest_events(store, Project(project_id), now=NOW, span=WEEK, each=10)) == 10


def test_the_most_frequent_names_are_taken_and_what_is_older_is_not(store: Store, project_id: int) -> None:
    names = ["b", "b", "a", "c"]
    insert_events(store, [make_event(project_id=project_id, event=name) for name in names])
    insert_events(store, [make_event(project_id=project_id, event="old", at="2026-01-01 00:00:00")])
    found = newest_events(store, Project(project_id), now=NOW, span=WEEK, names=2)
    assert sorted(event.event for event in found) == ["a", "b", "b"]


def test_a_project_without_events_has_none(store: Store, project_id: int) -> None:
    assert newest_events(store, Project(project_id), now=NOW, span=WEEK) == []
    assert plan_usage(store, Project(project_id), now=NOW, span=WEEK) == []


def test_events_are_counted_by_name_with_what_the_plan_turned_away(store: Store, project_id: int) -> None:
    insert_events(
        store,
        [
            make_event(project_id=project_id, event="search"),
            make_event(project_id=project_id, event="search", violations=["missing:query"]),
            make_event(project_id=project_id, event="search", at="2026-01-01 00:00:00"),
        ],
    )
    row = {
        "project_id": project_id,
        "event": "search",
        "received_at": "2026-01-15 11:00:00.000",
        "message_id": "m",
    }
    dropped = row | {"reason": "refused_by_plan"}
    other = row | {"reason": "order_known"}
    store.insert("dropped", [msgspec.json.encode(each) for each in (dropped, other)], token=f"{project_id}-a")
    aside = row | {"reason": "against_plan", "event": "wish"}
    store.insert("quarantine", [msgspec.json.encode(aside)], token=f"{project_id}-b")
    assert plan_usage(store, Project(project_id), now=NOW, span=WEEK) == [
        PlanUsage("search", 2, 1, 1, 0),
        PlanUsage("wish", 0, 0, 0, 1),
    ]
