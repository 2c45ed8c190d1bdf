"""What a plan finds wrong with an event, and what becomes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.events.event import Drop, DropReason, Quarantine, QuarantineReason
from shopalytic.events.plan import EventRule, Plan, PropertyRule
from shopalytic.events.planned import PlannedProject, prepare


def planned(properties: dict[str, PropertyRule] | None = None, **rule: Any) -> PlannedProject:
    return prepare(Plan(events={"search": EventRule(properties=properties or {}, **rule)}))


def check(sent: dict[str, Any], properties: dict[str, PropertyRule], **rule: Any) -> list[str]:
    return planned(properties, **rule).check("search", sent, [])


@pytest.mark.parametrize(
    ("type", "right", "wrong", "kind"),
    [
        ("text", "a", 1, "not_a_text"),
        ("decimal", "9.99", "9,99 EUR", "not_a_decimal"),
        ("decimal", Decimal("9.99"), True, "not_a_decimal"),
        ("integer", 2, Decimal("2.5"), "not_an_integer"),
        ("integer", 2, "2", "number_as_text"),
        ("boolean", False, "false", "not_a_boolean"),
        ("timestamp", "2026-01-31T12:00:00Z", "yesterday", "not_a_timestamp"),
        ("email", "anna@shop.example", "anna", "not_an_email"),
        ("currency", "EUR", "€", "not_a_currency"),
        ("country", "DEU", "DE", "not_a_country"),
        ("array", [], "a,b", "not_an_array"),
        ("object", {}, [], "not_an_object"),
    ],
)
def test_a_property_of_another_type_is_told(type: Any, right: Any, wrong: Any, kind: str) -> None:
    rules = {"p": PropertyRule(type=type)}
    assert check({"p": right}, rules) == []
    assert check({"p": wrong}, rules) == [f"{kind}:p"]
    assert check({"p": None}, rules) == []


def test_a_required_property_is_missed_where_it_is_null_too() -> None:
    rules = {"query": PropertyRule(required=True)}
    assert check({}, rules) == ["missing:query"]
    assert check({"query": None}, rules) == ["missing:query"]
    assert check({"query": 0}, rules) == []


@pytest.mark.parametrize(
    ("values", "right", "wrong"),
    [
        (("a", "b"), ["a", "b"], ["A", "", 1, None.__class__, [], {}]),
        ((1, 2.5), [1, Decimal("2.5"), "2.50", Decimal("1.0")], [2, "x", True]),
    ],
)
def test_a_value_that_is_not_listed_is_told(values: Any, right: list[Any], wrong: list[Any]) -> None:
    rules = {"p": PropertyRule(values=values)}
    assert [check({"p": value}, rules) for value in right] == [[]] * len(right)
    assert [check({"p": value}, rules) for value in wrong] == [["out_of_range:p"]] * len(wrong)


def test_a_number_outside_its_range_is_told() -> None:
    rules = {"p": PropertyRule(type="decimal", min=0, max=9.9)}
    assert check({"p": Decimal("9.90")}, rules) == []
    assert check({"p": "9.91"}, rules) == ["out_of_range:p"]
    assert check({"p": -1}, rules) == ["out_of_range:p"]
    assert check({"p": "many"}, rules) == ["not_a_decimal:p"]


def test_members_and_lines_are_looked_at_by_their_path() -> None:
    rules = {
        "billing.vat_id": PropertyRule(type="text", required=True),
        "line_items[].size": PropertyRule(type="integer"),
        "tags[]": PropertyRule(type="text"),
    }
    assert check({"billing": {"vat_id": "DE1"}, "line_items": [{"size": 1}, {}], "tags": ["a"]}, rules) == []
    assert check({}, rules) == []
    assert check({"billing": {}, "line_items": [{"size": 1}, {"size": []}], "tags": ["a", 1]}, rules) == [
        "missing:billing.vat_id",
        "not_an_integer:line_items[1].size",
        "not_a_text:tags[1]",
    ]
    assert check({"billing": "x", "line_items": {}, "tags": "a"}, rules) == [
        "not_an_object:billing",
        "not_an_array:line_items",
        "not_an_array:tags",
    ]


def test_properties_that_are_not_in_the_plan_are_told_only_where_it_says_so() -> None:
    rules = {"query": PropertyRule()}
    assert check({"query": "a", "color": "red"}, rules) == []
    assert check({"query": "a", "color": "red"}, rules, unplanned_properties="tell") == ["unplanned:color"]


def test_the_properties_of_the_contract_and_its_known_slips_are_always_planned() -> None:
    plan = prepare(Plan(events={"shipment": EventRule(unplanned_properties="tell")}))
    sent = {"order_id": "1", "carrier": "dhl", "tracking_numer": "x", "currency": "EUR", "weight": 2}
    assert plan.check("shipment", sent, []) == ["unplanned:weight"]


def test_an_event_that_is_not_in_the_plan_is_told_where_the_plan_says_so() -> None:
    assert prepare(Plan()).check("wish", {}, []) == []
    assert prepare(Plan(unplanned_events="tell")).check("wish", {}, []) == ["unplanned_event:event"]


@pytest.mark.parametrize("event", ["order", "page_view", "identify", "alias", "session_start", "session_end"])
def test_what_is_predefined_or_sent_by_the_clients_themselves_is_never_unplanned(event: str) -> None:
    plan = prepare(Plan(unplanned_events="refuse"))
    assert plan.check(event, {}, []) == []
    assert plan.decide(event, ["missing:total"]) is None


def test_properties_of_every_event_are_looked_at_in_each_and_an_events_own_rule_goes_before() -> None:
    plan = prepare(
        Plan(
            events={
                "search": EventRule(
                    unplanned_properties="tell", properties={"shop": PropertyRule(type="integer")}
                )
            },
            properties={
                "shop": PropertyRule(type="text", required=True),
                "test": PropertyRule(type="boolean"),
            },
        )
    )
    assert plan.check("wish", {}, []) == ["missing:shop"]
    assert plan.check("page_view", {"shop": 1, "test": "x"}, []) == ["not_a_text:shop", "not_a_boolean:test"]
    assert plan.check("search", {"shop": 1, "test": True, "q": 1}, []) == ["unplanned:q"]
    assert plan.check("search", {"shop": "a"}, []) == ["not_an_integer:shop"]
    assert plan.decide("page_view", ["missing:shop"]) is None


@pytest.mark.parametrize("event", ["identify", "alias"])
def test_the_properties_of_every_event_are_not_those_of_a_customer(event: str) -> None:
    plan = prepare(Plan(properties={"shop": PropertyRule(required=True)}))
    assert plan.check(event, {}, []) == []


def test_what_the_catalogue_told_already_is_not_told_twice() -> None:
    plan = prepare(Plan(events={"order": EventRule(properties={"total": PropertyRule(required=True)})}))
    assert plan.check("order", {}, ["missing:total"]) == []


def test_a_violation_is_kept_quarantined_or_refused_as_the_event_says() -> None:
    assert planned().decide("search", ["missing:query"]) is None
    aside = planned(on_violation="quarantine").decide("search", ["missing:query"])
    assert isinstance(aside, Quarantine)
    assert aside.reason is QuarantineReason.AGAINST_PLAN
    assert "missing:query" in aside.detail
    refused = planned(on_violation="refuse").decide("search", ["missing:query"])
    assert refused == Drop(DropReason.REFUSED_BY_PLAN, ("missing:query",))
    assert planned(on_violation="refuse").decide("search", []) is None


def test_what_was_put_right_when_it_was_taken_sets_nothing_aside() -> None:
    plan = planned(on_violation="refuse")
    assert plan.decide("search", ["renamed:tracking_numer", "number_as_text:qty"]) is None


@pytest.mark.parametrize(("choice", "outcome"), [("quarantine", Quarantine), ("refuse", Drop)])
def test_an_unplanned_event_is_set_aside_or_refused_where_the_plan_says_so(
    choice: Any, outcome: type
) -> None:
    plan = prepare(Plan(unplanned_events=choice))
    assert isinstance(plan.decide("wish", plan.check("wish", {}, [])), outcome)
    assert plan.decide("order", ["missing:total"]) is None


def test_an_array_of_thousands_of_wrong_lines_is_told_in_short() -> None:
    found = check({"lines": [1] * 100_000}, {"lines[]": PropertyRule(type="text")})
    assert len(found) == 50


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), anything))
def test_nothing_that_can_be_sent_breaks_the_check(sent: dict[str, Any]) -> None:
    rules = {
        "a": PropertyRule(values=("x", 1)), "b": PropertyRule(type="decimal", min=0, required=True),
        "c[].d": PropertyRule(type="timestamp"), "c.e": PropertyRule(type="email"),
    }  # fmt: skip
    plan = planned(rules, on_violation="quarantine", unplanned_properties="tell")
    plan.decide("search", plan.check("search", sent, []))
