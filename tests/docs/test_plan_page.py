"""docs/tracking-plan.md says what the file takes, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shopalytic.events import plan
from shopalytic.events.plan import EventRule, Plan, PropertyRule, format_plan, parse_plan
from shopalytic.events.planned import prepare

PAGE = (Path(__file__).parents[2] / "docs" / "tracking-plan.md").read_text()
[EXAMPLE] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_is_a_plan_and_judges_as_the_page_says() -> None:
    example = parse_plan(EXAMPLE)
    assert parse_plan(format_plan(example)) == example
    planned = prepare(example)
    assert planned.check("search", {"query": "", "sort": "name", "colour": "red"}, []) == [
        "empty:query", "out_of_range:sort", "unplanned:colour",
    ]  # fmt: skip
    assert planned.check("wish", {}, []) == ["unplanned_event:event"]


@pytest.mark.parametrize("kind", [Plan, EventRule, PropertyRule])
def test_every_member_stands_on_the_page(kind: type[Plan]) -> None:
    rows = "".join(re.findall(r"^\| ([^|]*) \|", PAGE, re.MULTILINE))
    assert [name for name in kind.__struct_fields__ if f"`{name}`" not in rows] == []


@pytest.mark.parametrize("type", plan.PROPERTY_TYPES)
def test_every_type_stands_in_its_table(type: str) -> None:
    assert re.search(rf"^\| `{type}` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("choice", [*plan.ON_VIOLATION, *plan.UNPLANNED_EVENTS])
def test_every_choice_stands_on_the_page(choice: str) -> None:
    assert f"`{choice}`" in PAGE


@pytest.mark.parametrize(
    "limit",
    [
        plan.EVENTS_LIMIT,
        plan.PROPERTIES_LIMIT,
        plan.VALUES_LIMIT,
        plan.DESCRIPTION_LIMIT,
        plan.FILE_LIMIT_BYTES,
    ],
)
def test_every_limit_stands_on_the_page(limit: int) -> None:
    assert f"at most {limit:,}" in PAGE
