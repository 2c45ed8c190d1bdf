"""From the stream to the store, with a real queue, database and store."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from shopalytic.errors import StoreRefused, StoreUnavailable
from shopalytic.events.event import Drop, DropReason
from shopalytic.store import Store
from shopalytic.stream import Partition
from tests.pipeline.conftest import Line

ORDER = {
    "event": "order",
    "properties": {
        "order_id": "1001", "cart_id": "c", "total": "9.90", "subtotal": "9.90",
        "line_items": [{"sku": "A", "price": "4.95", "qty": 2}],
    },
}  # fmt: skip


class Killed(BaseException):
    """As SIGKILL: nothing catches it."""


class FailingStore(Store):
    """The real store, whose n-th insert fails before or after it has happened."""

    def __init__(self, real: Store, fails_at: int, *, after: bool, error: BaseException) -> None:
        self._real = real
        self.naming = real.naming
        self._number = itertools.count(1)
        self._fails_at = fails_at
        self._after = after
        self._error = error

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        fails = next(self._number) == self._fails_at
        if fails and not self._after:
            raise self._error
        self._real.insert(table, lines, token=token)
        if fails:
            raise self._error

    def reload_owners(self) -> None:
        self._real.reload_owners()


def counters_add_up(line: Line) -> bool:
    counters = line.stream.counters(line.project_id)
    done = counters.stored + counters.duplicate + sum(counters.dropped.values()) + counters.quarantined
    return counters.accepted == done + counters.waiting


def test_a_message_becomes_a_row_with_its_visitors_customer(line: Line) -> None:
    line.send({"context": {"url": "https://shop.example/a?utm_source=news"}}, user_agent="Mozilla/5.0")
    line.drain()
    [row] = line.rows()
    assert (row.event, row.tracking_id, row.url) == (
        "page_view",
        "anna",
        "https://shop.example/a?utm_source=news",
    )
    assert row.session_id
    assert line.stream.counters(line.project_id).stored == 1


def test_the_same_message_id_twice_is_stored_once(line: Line) -> None:
    line.send({"message_id": "a"}, {"message_id": "a"}, {"message_id": "b"})
    line.drain()
    line.send({"message_id": "b"})
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "b"]
    assert line.stream.counters(line.project_id).duplicate == 2
    assert counters_add_up(line)


def test_an_order_told_by_another_message_later_counts_once(line: Line) -> None:
    line.send({**ORDER, "message_id": "browser"})
    line.drain()
    line.send({**ORDER, "message_id": "server"})
    line.drain()
    assert [row.message_id for row in line.rows()] == ["browser"]
    assert line.stream.counters(line.project_id).dropped == {"order_known": 1}


def test_an_order_whose_message_id_is_forgotten_by_then_still_counts_once(line: Line) -> None:
    line.send({**ORDER, "message_id": "same"})
    line.drain()
    for key in line.stream.client.scan_iter("*seen*"):
        line.stream.client.delete(key)
    line.send({**ORDER, "message_id": "same"})
    line.drain()
    assert len(line.rows()) == 1
    assert line.stream.counters(line.project_id).duplicate == 1


def test_a_damaged_message_is_set_aside_and_its_neighbours_are_stored(line: Line) -> None:
    line.send({"message_id": "a"}, {"message_id": "b", "timestamp": "9999-99-99"}, {"message_id": "c"})
    line.stream.append(line.project_id, [("anna", b'{"p":%d,"r":1,"m":{"event":"x\xff' % line.project_id)])
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "c"]
    assert line.stream.counters(line.project_id).quarantined == 2
    assert counters_add_up(line)


def test_a_row_that_the_store_refuses_is_found_and_set_aside_alone(line: Line) -> None:
    class Picky(FailingStore):
        def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
            lines = list(lines)
            if table == "events" and any(b'"message_id":"m7"' in row for row in lines):
                raise StoreRefused("Cannot parse", number=27)
            self._real.insert(table, lines, token=token)

    line.send(*({"message_id": f"m{number}"} for number in range(20)))
    partition = line.lease()
    batch = partition.claim(100)
    assert batch
    line.runner(Picky(line.store, 0, after=False, error=Killed())).run(partition, batch)
    assert len(line.rows()) == 19
    assert line.stream.counters(line.project_id).quarantined == 1


class Told(msgspec.Struct):
    message_id: str
    event: str
    reason: str
    detail: str
    violations: list[str]
    path: str
    library: str


def dropped(line: Line) -> list[Told]:
    """What is told of the messages that were dropped."""
    return line.store.rows(
        Told,
        "SELECT message_id, event, reason, detail, violations, path, library FROM {{dropped}} "
        "WHERE project_id = {project:UInt32} ORDER BY message_id",
        project=line.project_id,
    )


def test_a_message_dropped_with_something_to_tell_is_told_once_though_its_batch_is_repeated(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shopalytic.pipeline import run

    drops = {
        "b": Drop(DropReason.ORDER_KNOWN, ("missing:total",), "order 17: no total here"),
        "c": Drop(DropReason.ORDER_KNOWN),
    }
    real = run.process
    monkeypatch.setattr(
        run, "process", lambda parsed, context: drops.get(parsed.event.message_id) or real(parsed, context)
    )
    context = {"url": "https://shop.example/thanks?id=1"}
    line.send(*({"message_id": name, "context": context, "library": "tag/1"} for name in "abc"))

    def die(*arguments: Any) -> bool:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Partition, "acknowledge", die)
        line.drain()
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a"]
    assert dropped(line) == [
        Told(
            "b", "page_view", "order_known", "order 17: no total here", ["missing:total"], "/thanks", "tag/1"
        )
    ]
    assert line.stream.counters(line.project_id).dropped == {"order_known": 2}


def test_an_email_of_another_customer_is_refused_and_said(line: Line) -> None:
    register = {
        "event": "account_register",
        "properties": {"email": "A@shop.example", "first_name": "A", "last_name": "B"},
    }
    line.send({**register, "message_id": "1", "user_id": "one"})
    line.send({**register, "message_id": "2", "user_id": "two"})
    line.send({**register, "message_id": "3", "user_id": "one"})
    line.drain()
    assert [row.message_id for row in line.rows()] == ["1", "3"]
    assert line.stream.counters(line.project_id).quarantined == 1


def test_what_was_done_before_identify_moves_to_the_known_customer(line: Line) -> None:
    line.send({"message_id": "1", "type": "identify", "user_id": "42", "tracking_id": "phone"})
    line.drain()
    line.send({"message_id": "2", "tracking_id": "laptop"})
    line.drain()
    before = {row.message_id: row.owner_id for row in line.rows()}
    assert before["1"] != before["2"]
    line.send({"message_id": "3", "type": "identify", "user_id": "42", "tracking_id": "laptop"})
    line.drain()
    assert {row.owner_id for row in line.rows()} == {before["1"]}


def test_a_fault_of_ours_in_one_message_sets_only_that_aside(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shopalytic.pipeline import run

    real = run.process

    def faulty(parsed: Any, context: Any) -> Any:
        if parsed.event.message_id == "bad":
            raise ZeroDivisionError("a fault")
        return real(parsed, context)

    monkeypatch.setattr(run, "process", faulty)
    line.send({"message_id": "a"}, {"message_id": "bad"}, {"message_id": "c"})
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "c"]
    assert line.stream.counters(line.project_id).quarantined == 1


def test_a_batch_that_cannot_be_settled_together_is_settled_one_by_one(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shopalytic.pipeline import run

    real = run.settle_people

    def faulty(db: Any, project_id: int, messages: Any, token: str) -> Any:
        if any(message.event.message_id == "bad" for message in messages):
            raise ZeroDivisionError("a fault")
        return real(db, project_id, messages, token)

    monkeypatch.setattr(run, "settle_people", faulty)
    line.send({"message_id": "a"}, {"message_id": "bad"}, {"message_id": "c"})
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "c"]


MESSAGES = (
    {"message_id": "01", "tracking_id": "laptop"},
    {"message_id": "02", "type": "identify", "user_id": "42", "tracking_id": "phone"},
    {**ORDER, "message_id": "03", "tracking_id": "laptop"},
    {"message_id": "04", "timestamp": "never"},
    {"message_id": "05", "type": "identify", "user_id": "42", "tracking_id": "laptop"},
    {**ORDER, "message_id": "06", "tracking_id": "phone"},
    {"message_id": "01", "tracking_id": "laptop"},
)


@pytest.mark.parametrize("most", [2, 100])
@pytest.mark.parametrize("error", [Killed(), StoreUnavailable("away")])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_a_batch_cut_off_at_any_insert_counts_once_when_repeated(
    line: Line, fails_at: int, after: bool, error: BaseException, most: int
) -> None:
    line.send(*MESSAGES)
    store = FailingStore(line.store, fails_at, after=after, error=error)
    partition = line.lease()
    try:
        while batch := partition.claim(most):
            line.runner(store).run(partition, batch)
    except (Killed, StoreUnavailable):
        pass
    assert counters_add_up(line)
    line.drain(most)
    check_messages(line)


@pytest.mark.parametrize("most", [2, 100])
def test_a_batch_cut_off_before_its_acknowledgement_counts_once_when_repeated(
    line: Line, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.send(*MESSAGES)

    def die(*arguments: Any) -> bool:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Partition, "acknowledge", die)
        line.drain(most)
    line.drain(most)
    check_messages(line)


def check_messages(line: Line) -> None:
    rows = line.rows()
    assert [row.message_id for row in rows] == ["01", "02", "03", "05"]
    assert len({row.owner_id for row in rows}) == 1
    counters = line.stream.counters(line.project_id)
    assert msgspec.to_builtins(counters) == {
        "accepted": 7, "stored": 4, "duplicate": 1, "dropped": {"order_known": 1}, "quarantined": 1, "waiting": 0,
    }  # fmt: skip
