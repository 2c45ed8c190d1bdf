"""A plan proposed from events that arrived."""

from __future__ import annotations

from typing import Any

import pytest

from shopalytic.events.event import Event
from shopalytic.events.plan import EventRule, Plan, PropertyRule, WrongPlan, parse_plan
from shopalytic.events.plan_learning import ProposedProperty, accept, propose
from shopalytic.events.planned import prepare
from tests.factories import make_event


def searches(*properties: dict[str, Any], times: int = 1, event: str = "search") -> list[Event]:
    return [
        make_event(event=event, visitor=f"visitor-{number}", properties=each)
        for number in range(times)
        for each in properties
    ]


def learn(
    *properties: dict[str, Any], times: int = 20, plan: Plan | None = None
) -> dict[str, ProposedProperty]:
    proposed = propose(searches(*properties, times=times), plan or Plan())
    return {each.path: each for event in proposed for each in event.properties}


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (["mug", "cup"], "text"), ([1, 2], "integer"), ([1, 2.5], "decimal"), (["9.90", 2.5], "decimal"),
        (["a", 1], "any"), ([True, False], "boolean"), ([["a"], []], "array"), ([{"a": 1}], "object"),
        (["anna@shop.example", "max@shop.example"], "email"), (["2026-01-31T12:00:00Z", "2026-01-31"], "timestamp"),
        (["20260131", "12345678"], "text"), ([True, 1], "any"), (["2026-99-99", "2026-01-31"], "text"),
    ],
)  # fmt: skip
def test_the_type_follows_from_all_values(values: list[Any], type: str) -> None:
    assert learn(*({"p": value} for value in values))["p"].rule.type == type


def test_a_property_that_every_event_had_is_required_and_another_is_not() -> None:
    found = learn({"always": 1, "sometimes": 1}, {"always": 2})
    assert (found["always"].rule.required, found["always"].share) == (True, 1.0)
    assert (found["sometimes"].rule.required, found["sometimes"].share) == (False, 0.5)


def test_a_few_events_make_nothing_required() -> None:
    assert not learn({"query": "a"}, times=5)["query"].rule.required


def test_members_and_lines_are_learned_by_their_path() -> None:
    found = learn({"filters": {"color": "red"}, "items": [{"size": 1}, {"size": 2, "gift": True}]})
    assert {path: each.rule.type for path, each in found.items()} == {
        "filters": "object", "filters.color": "text", "items": "array", "items[].size": "integer",
        "items[].gift": "boolean",
    }  # fmt: skip
    assert found["items[].size"].share == 1.0


def test_an_object_whose_names_are_values_is_learned_without_its_members() -> None:
    found = learn({"prices": {f"sku-{n}": n for n in range(100)}})
    assert list(found) == ["prices"]


def test_what_is_in_the_plan_or_in_the_contract_is_not_proposed() -> None:
    plan = Plan(events={"search": EventRule(properties={"query": PropertyRule()})})
    assert list(learn({"query": "a", "hits": 3}, plan=plan)) == ["hits"]
    orders = [
        make_event(
            event="order", order_id="1", total="9.90", properties={"payment_type": "card", "gift": True}
        )
    ]
    [event] = propose(orders, Plan())
    assert not event.is_new
    assert [each.path for each in event.properties] == ["gift"]


def test_what_every_event_may_have_is_not_proposed() -> None:
    plan = Plan(properties={"shop": PropertyRule()})
    assert list(learn({"query": "a", "shop": "uk"}, plan=plan)) == ["query"]


def test_what_the_clients_send_by_themselves_is_not_proposed() -> None:
    assert (
        propose([make_event(event=name) for name in ("identify", "session_start", "page_view")], Plan()) == []
    )


def test_an_event_without_properties_is_proposed_too() -> None:
    [event] = propose(searches({}), Plan())
    assert (event.event, event.is_new, event.properties) == ("search", True, [])
    assert propose(searches({}), accept(Plan(), "search", {})) == []


def test_a_column_that_any_event_fills_has_its_own_type() -> None:
    events = [make_event(event="wish", sku="A-1", price="4.95", qty=2, currency="GBP", order_id="17")]
    [event] = propose(events, Plan())
    assert {each.path: each.rule.type for each in event.properties} == {
        "sku": "any", "price": "decimal", "qty": "integer", "currency": "currency", "order_id": "any",
    }  # fmt: skip


def test_examples_are_values_that_several_visitors_sent_and_none_about_one_of_them() -> None:
    shared = [
        {
            "color": "red",
            "email": "a@b.example",
            "note": "call +44 20 7946 0018",
            "first_name": "Anna",
            "card": "4111111111111111",
        }
    ]
    found = learn(*shared)
    assert found["color"].examples == ["red"]
    for path in ("email", "note", "first_name", "card"):
        assert found[path].examples == [], path
    assert learn({"color": "red"}, times=2)["color"].examples == []


def test_what_a_shop_adds_to_its_line_items_is_learned() -> None:
    lines = [{"sku": "A", "price": "1", "qty": 1, "size": "XL"}]
    orders = [
        make_event(event="order", order_id="1", properties={"line_items": lines, "billing": {"vat": "x"}})
    ]
    [event] = propose(orders, Plan())
    assert [each.path for each in event.properties] == ["billing.vat", "line_items[].size"]


def test_names_that_a_plan_cannot_have_are_left_out() -> None:
    found = learn({"a.b": 1, "a[]": 1, "": 1, " x ": 1, "x\ny": 1, "p" * 300: 1, "good": None, "fine": 1})
    assert list(found) == ["fine"]
    assert propose(searches({}, event="bad\nname"), Plan()) == []


def test_what_is_learned_makes_a_plan_that_what_it_was_learned_from_keeps() -> None:
    sent: list[dict[str, Any]] = [
        {"query": "a", "hits": 1, "filters": {"max": "2.5"}, "mixed": {"a": 1}},
        {"query": "b", "tags": ["x", {"y": 1}], "mixed": "a", "lines": [{"size": 1}]},
    ]
    [event] = propose(searches(*sent, times=20), Plan())
    plan = accept(Plan(), event.event, {each.path: each.rule for each in event.properties})
    assert [prepare(plan).check("search", each, []) for each in sent] == [[], []]


def test_accepting_changes_nothing_that_is_planned() -> None:
    plan = Plan(
        events={"search": EventRule("Ours", "refuse", properties={"query": PropertyRule(type="text")})}
    )
    changed = accept(plan, "search", {"query": PropertyRule(), "hits": PropertyRule(type="integer")})
    assert changed.events["search"] == EventRule(
        "Ours",
        "refuse",
        properties={"query": PropertyRule(type="text"), "hits": PropertyRule(type="integer")},
    )
    with pytest.raises(WrongPlan):
        accept(plan, "order", {"total": PropertyRule(type="text")})
    assert parse_plan("{}") == Plan()
