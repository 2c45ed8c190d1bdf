"""The values that a customer's property had."""

from __future__ import annotations

from typing import Any

import pytest

from shopalytic.events import column
from shopalytic.events.value_types import find_type
from shopalytic.reports.project import Project
from shopalytic.reports.property_history import PropertyHistory, property_history
from shopalytic.store import Store
from tests.factories import insert_events, make_event, override_owner, some_uuid


def said(project_id: int, at: str, properties: dict[str, Any], **fields: Any) -> Any:
    values = {"event": "identify", "properties": column.split(properties)} | fields
    return make_event(project_id=project_id, at=f"2026-01-{at}:00:00", **values)


def history(
    store: Store, project_id: int, name: str, customer: str = "anna", *origins: str
) -> PropertyHistory:
    known = [some_uuid(each) for each in origins or (customer,)]
    return property_history(store, Project(project_id), some_uuid(customer), known, name)


def values(found: PropertyHistory) -> list[tuple[Any, str, int]]:
    return [(one.value, one.first.occurred_at[8:13], one.times) for one in found.values]


def test_values_come_newest_first_whatever_the_order_of_arrival(store: Store, project_id: int) -> None:
    insert_events(store, [said(project_id, "03 10", {"city": "Rome"})])
    insert_events(
        store, [said(project_id, "01 10", {"city": "Ulm"}), said(project_id, "02 10", {"city": "Bonn"})]
    )
    assert values(history(store, project_id, "city")) == [
        ("Rome", "03 10", 1), ("Bonn", "02 10", 1), ("Ulm", "01 10", 1),
    ]  # fmt: skip


def test_the_same_value_said_again_is_one_with_its_first_message(store: Store, project_id: int) -> None:
    rows = [said(project_id, f"0{day} 10", {"city": "Ulm"}, message_id=f"m{day}") for day in (1, 2, 3)]
    insert_events(store, [*rows, said(project_id, "04 10", {"name": "Jon"})])
    [one] = history(store, project_id, "city").values
    assert (one.first.message_id, one.last_said[:10], one.times) == ("m1", "2026-01-03", 3)


def test_one_and_true_are_different_values(store: Store, project_id: int) -> None:
    rows = [said(project_id, "01 10", {"vip": 1}), said(project_id, "02 10", {"vip": True})]
    insert_events(store, rows)
    assert [one[0] for one in values(history(store, project_id, "vip"))] == [True, 1]


@pytest.mark.parametrize("name", ["a.b", "a", "é'`\"", "_rest", "x y", "n", "back\\slash"])
def test_a_property_of_any_name_and_value_is_found(store: Store, project_id: int, name: str) -> None:
    sent = {
        "a.b": 1,
        "a": {"b": 2},
        "é'`\"": [1, "x"],
        "_rest": "r",
        "x y": True,
        "n": None,
        "back\\slash": "s",
    }
    insert_events(store, [said(project_id, "01 10", sent)])
    assert [one[0] for one in values(history(store, project_id, name))] == [sent[name]]


def test_only_events_about_the_customer_himself_say_properties(store: Store, project_id: int) -> None:
    rows = [
        said(project_id, "01 10", {"city": "Ulm"}, event="account_register"),
        said(project_id, "02 10", {"city": "Bonn"}, event="account_update"),
        said(project_id, "03 10", {"city": "Rome"}, event="search"),
    ]
    insert_events(store, rows)
    assert [one[0] for one in values(history(store, project_id, "city"))] == ["Bonn", "Ulm"]


def test_what_was_said_moves_with_a_merge_and_of_a_shared_browser_each_has_his_own(
    store: Store, project_id: int
) -> None:
    rows = [said(project_id, f"0{day} 10", {"city": city}, visitor="kiosk")
            for day, city in ((1, "Ulm"), (3, "Rome"))]  # fmt: skip
    insert_events(store, rows)
    override_owner(store, project_id, origin="kiosk", owner="ben", since="2026-01-02 00:00:00")
    assert [one[0] for one in values(history(store, project_id, "city", "kiosk"))] == ["Ulm"]
    assert [one[0] for one in values(history(store, project_id, "city", "ben", "ben", "kiosk"))] == ["Rome"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Jon", "text"), ("", "text"), ("12", "text"), (12, "number"), (1.5, "number"), (False, "boolean"),
        ("2026-01-31", "date"), ("2026-02-30", "text"), ("2026-01-31T12:00:00Z", "timestamp"),
        ("2026-01-31 12:00", "timestamp"), ("2026-01-31T25:00:00Z", "text"), ([1], "list"), ({}, "object"),
        (None, "nothing"),
    ],
)  # fmt: skip
def test_a_value_has_a_type(value: Any, expected: str) -> None:
    assert find_type(value) == expected
