"""From the quarantine through the queue once more, with a real queue, database and store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shopalytic.errors import StoreRefused, StoreUnavailable
from shopalytic.events.message import Envelope
from shopalytic.pipeline.mend import parse_rule
from shopalytic.pipeline.replay import replay, visitor_key
from shopalytic.reports.project import Project
from shopalytic.reports.quarantine_reasons import quarantine_reasons
from shopalytic.reports.quarantined import Quarantined, quarantined
from shopalytic.store import Store
from tests.pipeline.conftest import Line
from tests.pipeline.test_run import ORDER, counters_add_up


class Refusing(Store):
    """The real store, which refuses all events."""

    def __init__(self, real: Store) -> None:
        self._real = real
        self.naming = real.naming

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        if table == "events":
            raise StoreRefused("Cannot parse", number=27)
        self._real.insert(table, lines, token=token)

    def reload_owners(self) -> None:
        self._real.reload_owners()


class Moment(msgspec.Struct):
    occurred_at: str
    message_id: str


def refuse(line: Line, *messages: dict[str, Any]) -> None:
    """Send messages, all of which end in quarantine."""
    line.send(*messages)
    partition = line.lease()
    while batch := partition.claim(1000):
        line.runner(Refusing(line.store)).run(partition, batch)


def waiting(line: Line) -> list[Quarantined]:
    return quarantined(line.store, Project(line.project_id)).messages


def replay_all(line: Line, rows: list[Quarantined] | None = None) -> int:
    chosen = [(row.id, row.envelope) for row in (waiting(line) if rows is None else rows)]
    return replay(line.stream, line.store, line.project_id, chosen)


def test_a_replayed_message_is_stored_once_with_its_id_and_time(line: Line) -> None:
    at = datetime(2026, 1, 15, 12, tzinfo=UTC)
    refuse(line, {"message_id": "a", "timestamp": at.isoformat()})
    assert replay_all(line) == 1
    assert counters_add_up(line)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a"]
    [stored] = line.store.rows(
        Moment,
        "SELECT occurred_at, message_id FROM {{events}} WHERE project_id = {project:UInt32}",
        project=line.project_id,
    )
    assert stored == Moment("2026-01-15 12:00:00.000", "a")
    counters = line.stream.counters(line.project_id)
    assert (counters.accepted, counters.stored, counters.quarantined, counters.waiting) == (1, 1, 0, 0)


def test_a_replayed_message_is_in_the_list_no_longer(line: Line) -> None:
    refuse(line, {"message_id": "a"}, {"message_id": "b"})
    [chosen] = [row for row in waiting(line) if row.message_id == "a"]
    assert replay_all(line, [chosen]) == 1
    assert [row.message_id for row in waiting(line)] == ["b"]
    assert [count.messages for count in quarantine_reasons(line.store, Project(line.project_id))] == [1]


@pytest.mark.parametrize("is_drained_between", [False, True])
def test_a_second_click_changes_nothing(line: Line, is_drained_between: bool) -> None:
    refuse(line, {"message_id": "a"})
    rows = waiting(line)
    assert replay_all(line, rows) == 1
    if is_drained_between:
        line.drain()
    assert replay_all(line, rows) == 0
    line.drain()
    assert len(line.rows()) == 1
    counters = line.stream.counters(line.project_id)
    assert (counters.accepted, counters.stored, counters.quarantined, counters.duplicate) == (1, 1, 0, 0)


def test_what_its_sender_repeats_after_the_replay_is_a_duplicate(line: Line) -> None:
    refuse(line, {"message_id": "a"})
    for key in line.stream.client.scan_iter("*seen*"):
        line.stream.client.delete(key)
    replay_all(line)
    line.drain()
    line.send({"message_id": "a"})
    line.drain()
    assert len(line.rows()) == 1
    assert line.stream.counters(line.project_id).duplicate == 1
    assert counters_add_up(line)


def test_a_replayed_order_is_not_taken_for_the_order_that_it_is(line: Line) -> None:
    refuse(line, {**ORDER, "message_id": "browser"})
    replay_all(line)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["browser"]
    line.send({**ORDER, "message_id": "late"})
    line.drain()
    assert len(line.rows()) == 1
    assert line.stream.counters(line.project_id).dropped == {"order_known": 1}


def test_a_replayed_order_that_another_message_told_meanwhile_counts_once(line: Line) -> None:
    refuse(line, {**ORDER, "message_id": "browser"})
    line.send({**ORDER, "message_id": "server"})
    line.drain()
    replay_all(line)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["server"]
    assert line.stream.counters(line.project_id).dropped == {"order_known": 1}


def test_what_still_cannot_be_processed_comes_back_and_can_be_replayed_again(line: Line) -> None:
    refuse(line, {"message_id": "a"})
    [first] = waiting(line)
    replay_all(line)
    refuse(line)
    [second] = waiting(line)
    assert second.id != first.id
    assert line.stream.counters(line.project_id).quarantined == 1
    assert replay_all(line) == 1
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a"]
    assert counters_add_up(line)


def test_a_replay_whose_note_failed_is_finished_by_the_next(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(line, {"message_id": "a"})
    rows = waiting(line)

    def fail(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as broken:
        broken.setattr(line.store, "insert", fail)
        with pytest.raises(StoreUnavailable):
            replay_all(line, rows)
    line.drain()
    assert waiting(line) == rows
    assert replay_all(line) == 0
    assert waiting(line) == []
    assert len(line.rows()) == 1


def test_a_mended_message_is_stored_as_mended_and_goes_once_whatever_the_rule(line: Line) -> None:
    line.send({"message_id": "a", "timestamp": "2026-01-15 noon"})
    line.drain()
    rows = [(row.id, row.envelope) for row in waiting(line)]
    moved = parse_rule("rename", "timestamp", "properties.when")
    assert replay(line.stream, line.store, line.project_id, rows, moved) == 1
    assert (
        replay(line.stream, line.store, line.project_id, rows, parse_rule("rename", "tracking_id", "x")) == 0
    )
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a"]
    assert waiting(line) == []
    assert counters_add_up(line)


def test_a_message_that_the_rule_does_not_fit_stays(line: Line) -> None:
    refuse(line, {"message_id": "a"})
    rows = [(row.id, row.envelope) for row in waiting(line)]
    assert replay(line.stream, line.store, line.project_id, rows, parse_rule("number", "timestamp", "")) == 0
    assert len(waiting(line)) == 1


def test_a_damaged_message_stays(line: Line) -> None:
    line.stream.append(line.project_id, [("anna", b'{"p":%d,"r":1,"m":{"event":"x\xff' % line.project_id)])
    line.drain()
    assert replay_all(line) == 0
    assert len(waiting(line)) == 1
    assert line.stream.counters(line.project_id).quarantined == 1


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ({"tracking_id": " anna ", "user_id": "42"}, "anna"),
        ({"user_id": {"email": "A@shop.example", "user_id": 42}}, "42"),
        ({"event": "x"}, ""),
        ({"properties": []}, ""),
    ],
)
def test_a_message_goes_back_to_its_visitors_others(message: dict[str, Any], key: str) -> None:
    raw = msgspec.Raw(msgspec.json.encode(message))
    assert visitor_key(Envelope(project_id=1, received_at=1, message=raw)) == key
