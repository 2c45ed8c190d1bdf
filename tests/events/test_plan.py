"""A tracking plan as a file: what is taken, and what is refused at which place."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.events.catalogue import PREDEFINED
from shopalytic.events.plan import (
    ON_VIOLATION,
    PROPERTY_TYPES,
    EventRule,
    Plan,
    PropertyRule,
    WrongPlan,
    format_plan,
    parse_plan,
    put_event,
)

names = st.text("abcdefgh_", min_size=1, max_size=8)
paths = st.builds(
    ".".join, st.lists(st.builds(str.__add__, names, st.sampled_from(["", "[]"])), min_size=1, max_size=4)
)
rules = st.builds(
    PropertyRule,
    type=st.sampled_from(PROPERTY_TYPES),
    required=st.booleans(),
    description=st.text(max_size=20),
)
plans = st.builds(
    Plan,
    unplanned_events=st.sampled_from(["allow", "tell", "quarantine", "refuse"]),
    events=st.dictionaries(
        names,
        st.builds(
            EventRule,
            on_violation=st.sampled_from(ON_VIOLATION),
            unplanned_properties=st.sampled_from(["allow", "tell"]),
            properties=st.dictionaries(paths, rules, max_size=4),
        ),
        max_size=4,
    ),
    properties=st.dictionaries(paths, rules, max_size=4),
)


@given(plans)
def test_a_plan_comes_back_from_its_file_as_it_was(plan: Plan) -> None:
    assert parse_plan(format_plan(plan)) == plan
    assert list(parse_plan(format_plan(plan)).events) == list(plan.events)


def event(**rule: Any) -> str:
    return msgspec.json.encode({"events": {"search": rule}}).decode()


def prop(**rule: Any) -> str:
    return event(properties={"query": rule})


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("", None, "no JSON"),
        ("{", None, "no JSON"),
        ("[]", None, "Expected `object`"),
        ('{"event":{}}', None, "no member `event`"),
        ('{"events":[]}', "events", "Expected `object`"),
        ('{"unplanned_events":"block"}', "unplanned_events", "one of allow, tell, quarantine, refuse"),
        ('{"events":{"search":1}}', "events.search", "Expected `object`"),
        ('{"events":{" a":{}}}', "events. a", "without spaces"),
        ('{"events":{"customer_register":{}}}', "events.customer_register", "account_register"),
        (event(on_violation="drop"), "events.search.on_violation", "one of keep, quarantine, refuse"),
        (event(propertys={}), "events.search", "no member `propertys`"),
        (event(description="x" * 1001), "events.search.description", "1000"),
        (event(properties={"a..b": {}}), "events.search.properties.a..b", "named like"),
        (event(properties={"a.b.c.d.e.f": {}}), "events.search.properties.a.b.c.d.e.f", "5 levels"),
        (event(properties={f"p{n}": {} for n in range(201)}), "events.search.properties", "200"),
        (prop(type="string"), "events.search.properties.query.type", "one of any, text, decimal"),
        (prop(required="yes"), "events.search.properties.query.required", "Expected `bool`"),
        (prop(pattern="(a+)+$"), "events.search.properties.query", "no member `pattern`"),
        (prop(values="a"), "events.search.properties.query.values", "Expected `array`"),
        (prop(values=["a", None]), "events.search.properties.query.values[1]", "got `null`"),
        (prop(type="text", values=["a", 1]), "events.search.properties.query.values[1]", "a text"),
        (prop(type="integer", values=[1.5]), "events.search.properties.query.values[0]", "whole"),
        (prop(type="object", values=["a"]), "events.search.properties.query.values", "no list"),
        (prop(type="text", min=1), "events.search.properties.query", "decimal or integer"),
        (prop(type="decimal", min=2, max=1), "events.search.properties.query.max", "less than min"),
        ('{"properties":{"shop":{"type":"string"}}}', "properties.shop.type", "one of any"),
        ('{"properties":{"total":{"type":"text"}}}', "properties.total.type", "predefined event"),
        ('{"events":' + "[" * 10_000, "events", ""),
        ('{"events":{}}' + " " * (1 << 18), None, "262,144 bytes"),
    ],
)
def test_a_wrong_plan_is_refused_with_the_place(text: str, at: str | None, says: str) -> None:
    with pytest.raises(WrongPlan) as refused:
        parse_plan(text)
    assert refused.value.at == at
    assert says in refused.value.message
    assert refused.value.message.startswith(at or "")


def test_the_type_of_a_predefined_property_cannot_be_changed() -> None:
    with pytest.raises(WrongPlan, match=r"events\.order\.properties\.total\.type"):
        put_event(Plan(), "order", EventRule(properties={"total": PropertyRule(type="text")}))


@pytest.mark.parametrize("name", PREDEFINED)
def test_a_predefined_event_may_be_given_properties_and_a_choice(name: str) -> None:
    rule = EventRule(on_violation="quarantine", properties={"gift": PropertyRule(type="boolean")})
    plan = put_event(Plan(), name, rule)
    assert parse_plan(format_plan(plan)).events[name] == rule


def test_a_predefined_number_may_be_given_a_range() -> None:
    rule = EventRule(properties={"total": PropertyRule(required=True, min=0, max=10_000)})
    assert put_event(Plan(), "order", rule).events["order"] == rule


def test_a_file_from_an_editor_that_puts_a_mark_in_front_is_taken() -> None:
    assert parse_plan(b"\xef\xbb\xbf{}") == Plan()


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_anything_else_is_refused_and_nothing_worse(text: bytes | str) -> None:
    with contextlib.suppress(WrongPlan):
        parse_plan(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
