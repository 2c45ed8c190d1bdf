"""docs/migrating.md against the adapter that it hands out, and against the doors' own tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

from shopalytic.collector.exponea.translate import CLICK, COOKIE
from shopalytic.collector.segment.commerce import EVENTS, PERSON, RENAMES
from shopalytic.events.catalogue import PREDEFINED

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "migrating.md").read_text()
ADAPTER = (DOCS / "examples" / "ga4.js").read_text()


def table(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose first line begins so, without its head."""
    lines = iter(text.partition(f"\n{head}")[2].splitlines()[2:])
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    assert rows, head
    return rows


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def literal(name: str) -> dict[str, str]:
    """One of the adapter's objects of plain texts."""
    [found] = re.findall(rf"var {name} = \{{(.*?)\}};", ADAPTER, re.DOTALL)
    return dict(re.findall(r"(\w+): \"(\w+)\"", found))


def kept() -> list[str]:
    [found] = re.findall(r"var KEPT = (\[.*?\]);", ADAPTER, re.DOTALL)
    return list(json.loads(found))


NAMES = table(PAGE, "| happens |")


def test_googles_events_are_those_that_the_adapter_forwards() -> None:
    told = {word: words(ours)[0] for _, google, _, ours in NAMES for word in words(google)}
    # The tag records pages itself, and user_id is no event.
    assert {"page_view", "user_id"} <= told.keys()
    assert {name: ours for name, ours in told.items() if name not in ("page_view", "user_id")} == literal(
        "EVENTS"
    )


def test_names_that_are_kept_are_those_that_the_adapter_keeps() -> None:
    paragraph = PAGE.partition("These names of Google's are kept")[2].partition("\nEvents can")[0]
    assert words(paragraph) == kept()
    assert not set(kept()) & literal("EVENTS").keys()


def test_segments_events_are_those_of_its_door() -> None:
    told = {
        word: words(ours)[0] for _, _, segment, ours in NAMES for word in words(segment) if word[0].isupper()
    }
    assert told == EVENTS


def test_every_predefined_event_stands_in_the_table() -> None:
    assert PREDEFINED.keys() <= {word for row in NAMES for word in words(row[3])}


def test_googles_parameters_are_those_that_the_adapter_renames() -> None:
    rows = {
        words(parameter)[0]: words(ours)
        for parameter, ours in table(PAGE, "| parameter |")
        if words(parameter)
    }
    for theirs, ours in (literal("PARAMETERS") | literal("ITEM")).items():
        assert ours in rows[theirs], theirs
    for theirs, ours in literal("REFUND").items():
        assert ours in rows[theirs], theirs


def test_segments_properties_are_those_of_its_door() -> None:
    rows = {words(theirs)[0]: words(ours) for theirs, ours, _ in table(PAGE, "| Segment | here | in |")}
    for names in (*RENAMES.values(), PERSON):
        for theirs, ours in names.items():
            assert ours in rows[theirs], theirs
    assert rows.keys() == {theirs for names in (*RENAMES.values(), PERSON) for theirs in names}


def test_exponeas_ids_and_events_are_those_of_its_door() -> None:
    ids = {words(of)[0]: ours for of, ours in table(PAGE, "| of | here |") if of.startswith("Exponea")}
    assert words(ids[COOKIE])[0] == "tracking_id"
    assert words(ids["registered"])[0] == "user_id"
    assert f"`{CLICK}`" in PAGE
