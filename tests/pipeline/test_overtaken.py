"""A worker that is killed, or that lost its batch without noticing: however far it was, all ends as if it had been alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.events.plan import EventRule, Plan, PropertyRule
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.store import Store
from shopalytic.stream import Batch, Partition
from shopalytic.stream.reader import Receipt
from tests.pipeline.conftest import Line
from tests.pipeline.test_orders_and_refunds import order, part, refund
from tests.pipeline.test_plan import BAD, dropped, save
from tests.pipeline.test_replay import waiting
from tests.pipeline.test_run import Killed, counters_add_up

FIRST = (
    order("a", "1"),
    order("b", "1", total="25.00"),
    refund("c", "30.00", "1"),
    {**BAD, "message_id": "d"},
    {
        "event": "account_register",
        "message_id": "e",
        "user_id": "u",
        "properties": {"email": "a@shop.example"},
    },
    {
        "event": "account_register",
        "message_id": "f",
        "user_id": "v",
        "properties": {"email": "a@shop.example"},
    },
    order("g", "2", total="much"),
)
NEXT = (order("h", "2"), part("i", "15.00", "1"), order("j", "1"))
PLAN = Plan(
    events={
        "search": EventRule(on_violation="refuse", properties={"query": PropertyRule(type="text")}),
        "order": EventRule(on_violation="quarantine"),
        "refund": EventRule(on_violation="quarantine"),
    }
)


class Points:
    """The places where something may happen to a worker; it does at the n-th."""

    def __init__(self, at: int, happen: Callable[[], None]) -> None:
        self._left = at
        self._happen = happen

    @property
    def is_reached(self) -> bool:
        return self._left <= 0

    def passed(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._happen()


class SlowStore(Store):
    """The real one, with a point before and after each insert."""

    def __init__(self, real: Store, points: Points) -> None:
        self._real = real
        self.naming = real.naming
        self._points = points

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        self._points.passed()
        self._real.insert(table, lines, token=token)
        self._points.passed()

    def reload_owners(self) -> None:
        self._real.reload_owners()


class SlowSessions(sessionmaker[Session]):
    points: Points

    @contextmanager
    def begin(self) -> Iterator[Session]:
        self.points.passed()
        with super().begin() as db:
            yield db
        self.points.passed()


class SlowPartition(Partition):
    points: Points

    def acknowledge(self, batch: Batch, receipt: Receipt, session_seconds: int) -> bool:
        self.points.passed()
        return super().acknowledge(batch, receipt, session_seconds)


def kill() -> None:
    raise Killed


def run_troubled(line: Line, at: int, *, is_killed: bool) -> bool:
    """False where the worker came to its end before the n-th point."""
    plan_id = save(line, PLAN)
    line.send(*FIRST, plan_id=plan_id)
    line.lease()
    slow = SlowPartition(line.stream.client, 0, "slow")
    line.stream.client.set("{shopalytic:0}:lease", "slow")
    batch = slow.claim(100)
    assert batch
    line.send(*NEXT, plan_id=plan_id)
    slow.points = Points(at, kill if is_killed else line.drain)
    sessions = SlowSessions(line.engine)
    sessions.points = slow.points
    runner = Runner(SlowStore(line.store, slow.points), sessions, StepContext(), session_timeout_minutes=30)
    with suppress(Killed):
        runner.run(slow, batch)
    line.drain()
    return slow.points.is_reached


def ending(line: Line) -> Any:
    return (
        [(row.message_id, row.violations) for row in line.rows()],
        sorted((row.message_id, row.reason) for row in waiting(line)),
        sorted((row.message_id, row.reason) for row in dropped(line)),
        msgspec.to_builtins(line.stream.counters(line.project_id)),
    )


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "overtaken"])
def test_a_worker_that_was_killed_or_overtaken_anywhere_changes_nothing(line: Line, is_killed: bool) -> None:
    assert not run_troubled(line, 1000, is_killed=is_killed)
    alone = ending(line)
    assert alone[3]["stored"] and alone[3]["quarantined"] and len(alone[3]["dropped"]) == 2
    first, at = line.project_id, 1
    line.project_id += 10_000_000  # far from other tests'
    while run_troubled(line, at, is_killed=is_killed):
        assert ending(line) == alone, f"at point {at}"
        assert counters_add_up(line)
        at += 1
        line.project_id = first + at * 10_000_000
    assert at > 8
