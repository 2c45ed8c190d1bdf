"""The table of predefined events has no property that the catalogue does not know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shopalytic.events.catalogue import PREDEFINED

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
VALUES = {"full", "partial"}
"""Of `refund_type`, told in the same cell."""


def cells(event: str) -> list[str]:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{event}` |")]
    return row.split("|")[3:5]


@pytest.mark.parametrize("event", PREDEFINED)
def test_a_predefined_events_row_names_its_properties_alone(event: str) -> None:
    known = {item.name for item in PREDEFINED[event]}
    named = {word for cell in cells(event) for word in re.findall(r"`(\w+)`", cell)}
    # `page_type` fills its column in any event, and is told where it belongs most.
    assert named - VALUES - {"page_type"} == known


def test_the_table_names_every_predefined_event_and_no_other() -> None:
    table = PAGE.partition("## The predefined events")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == PREDEFINED.keys()
