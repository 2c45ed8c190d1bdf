"""What came as ids and can be nobody's, as the list of conflicts tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from shopalytic.events import column
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed
from shopalytic.pipeline.ids import read_message
from shopalytic.reports.forbidden_ids import ForbiddenIdCount, forbidden_ids
from shopalytic.reports.project import Project
from shopalytic.store import Store
from tests.factories import insert_events, make_event

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def sent(project_id: int, at: str, *, path: str = "/", name: str = "search", **message: Any) -> Any:
    """An event as the worker stores it of a message with these ids."""
    raw = msgspec.json.encode({"event": name, "tracking_id": "t"} | message)
    parsed = read_message(Envelope(project_id=1, received_at=5, message=msgspec.Raw(raw), message_id="m"), 5)
    assert isinstance(parsed, Parsed)
    return make_event(
        project_id=project_id, event=name, at=at, received_at=f"{at}.000", path=path,
        violations=parsed.event.violations, properties=parsed.event.properties,
    )  # fmt: skip


def found(store: Store, project_id: int) -> list[ForbiddenIdCount]:
    return forbidden_ids(store, Project(project_id), now=NOW)


def test_each_value_is_counted_with_its_last_page(store: Store, project_id: int) -> None:
    insert_events(
        store,
        [
            sent(project_id, "2026-01-14 12:00:00", path="/cart", user_id="null"),
            sent(project_id, "2026-01-14 13:00:00", path="/thanks", user_id="null", name="order"),
            sent(project_id, "2026-01-14 14:00:00", path="", user_id="null"),
            sent(project_id, "2026-01-14 12:30:00", user_id={"user_id": "guest", "email": "null"}),
            sent(project_id, "2026-01-14 12:30:00", user_id="ann"),
        ],
    )
    first, *others = found(store, project_id)
    assert (first.value, first.place, first.events) == ("null", "user_id", 3)
    assert (first.last_page, first.names) == ("/thanks", ["order", "search"])
    assert (first.first_at, first.last_at) == ("2026-01-14 12:00:00.000", "2026-01-14 14:00:00.000")
    assert [(one.value, one.place) for one in others] == [("guest", "user_id"), ("null", "user_id.email")]


def test_what_is_no_word_for_nobody_is_counted_without_its_value(store: Store, project_id: int) -> None:
    """Of too long a text nobody knows whether it names somebody."""
    insert_events(
        store,
        [
            sent(project_id, "2026-01-14 12:00:00", user_id="x" * 300),
            make_event(
                project_id=project_id,
                received_at="2026-01-14 12:00:00.000",
                violations=["forbidden_id:user_id"],
            ),
        ],
    )
    assert [(one.value, one.place, one.events) for one in found(store, project_id)] == [("", "user_id", 2)]


def test_what_was_received_long_ago_or_elsewhere_is_not_there(store: Store, project_id: int) -> None:
    insert_events(
        store,
        [
            sent(project_id, "2025-12-01 12:00:00", user_id="null"),
            sent(project_id + 500_000_000, "2026-01-14 12:00:00", user_id="null"),
        ],
    )
    assert found(store, project_id) == []


def test_the_value_is_no_property_of_the_event() -> None:
    event = sent(1, "2026-01-14 12:00:00", user_id="null", properties={"query": "mug"})
    assert column.merge(event.properties) == {"query": "mug"}
