"""Overrides are written into the rows, and nobody who reads can tell."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from shopalytic import jobs
from shopalytic.accounts.db import reading
from shopalytic.accounts.models import FoldRound, Override
from shopalytic.identity.fold_rounds import find_round
from shopalytic.identity.ids import origin_id
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.overrides import END_TEXT, PendingOverride
from shopalytic.parts import Parts
from shopalytic.pipeline import fold
from shopalytic.pipeline.overrides import override_row, send_overrides
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.store.mutations import is_rewriting
from tests.pipeline.conftest import Line
from tests.pipeline.test_run import Killed
from tests.supervisor.polling import wait_until

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = NOW + fold.REST
TURNS_MAX = 200


class StoredRow(msgspec.Struct):
    message_id: str
    stored: str
    read: str


class Timeline(msgspec.Struct):
    origin_id: str
    steps: int


class Cut(Store):
    """The real store; the n-th statement that changes something is cut off, before or after it happened."""

    def __init__(self, real: Store, fails_at: int, *, after: bool) -> None:
        self._real = real
        self.naming = real.naming
        self.left = fails_at
        self._after = after

    def rows(self, *args: Any, **parameters: Any) -> Any:
        return self._real.rows(*args, **parameters)

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        self._change(lambda: self._real.insert(table, lines, token=token))

    def command(self, sql: str, **parameters: Any) -> None:
        self._change(lambda: self._real.command(sql, **parameters))

    def reload_owners(self) -> None:
        self._change(self._real.reload_owners)

    def _change(self, change: Any) -> None:
        self.left -= 1
        if self.left == 0 and not self._after:
            raise Killed
        change()
        if self.left == 0:
            raise Killed


def at(month: int, day: int = 1) -> str:
    return f"2026-{month:02}-{day:02}T12:00:00Z"


def two_browsers(line: Line, person: str = "42", month: int = 1) -> None:
    """One person's, each with rows of two months before anybody knew."""
    for number, browser in enumerate(("phone", "laptop")):
        seen = [
            {
                "message_id": f"{person}-{browser}-{n}",
                "tracking_id": f"{person}-{browser}",
                "timestamp": at(month + n),
            }
            for n in range(2)
        ]
        line.send(*seen)
        line.drain()
        line.send(
            {
                "message_id": f"{person}-{browser}-known", "type": "identify", "tracking_id": f"{person}-{browser}",
                "user_id": person, "timestamp": at(month + 1, 2 + number),
            }
        )  # fmt: skip
        line.drain()


def go_on(line: Line, store: Store | None = None, now: datetime = LATER, *, turn_seconds: float = 60) -> bool:
    return fold.go_on(store or line.store, line.sessions, line.stream, now, turn_seconds=turn_seconds)


def finish(line: Line, store: Store | None = None, now: datetime = LATER) -> None:
    for _ in range(TURNS_MAX):
        if go_on(line, store, now):
            return
        wait_until(lambda: not is_rewriting(line.store, "events"))
    raise AssertionError("the round does not end")


def fold_all(line: Line) -> None:
    fold.begin(line.sessions, NOW)
    finish(line)


def rows(line: Line) -> list[StoredRow]:
    return line.store.rows(
        StoredRow,
        "SELECT message_id, toString(customer_id) AS stored, toString({{owner}}) AS read FROM {{events}} "
        "WHERE project_id = {project:UInt32} ORDER BY message_id",
        project=line.project_id,
    )


def owners(line: Line) -> dict[str, str]:
    return {row.message_id: row.read for row in rows(line)}


def in_force(line: Line) -> int:
    """How many of the project's overrides the store still reads rows through."""
    found = line.store.rows(
        Timeline,
        "SELECT toString(origin_id) AS origin_id, length(timeline) AS steps FROM {{overrides}} FINAL "
        "WHERE project_id = {project:UInt32} AND steps > 0",
        project=line.project_id,
    )
    return len(found)


def outbox(line: Line) -> list[Override]:
    with reading(line.sessions) as db:
        return list(db.scalars(select(Override).where(Override.project_id == line.project_id)))


def merge_by_hand(line: Line, tracking_id: str, person: str) -> None:
    """What a decision in the dashboard does: the ledger changes beside the stream."""
    with line.sessions.begin() as db:
        resolve(db, line.project_id, [
            Sighting("identify", tracking_id, {"user_id": person}, NOW, f"by-hand-{tracking_id}", "identify")
        ])  # fmt: skip
    send_overrides(line.store, line.sessions)


def test_rows_say_for_themselves_whose_they_are_once_overrides_are_folded(line: Line) -> None:
    two_browsers(line)
    before = owners(line)
    assert len(set(before.values())) == 1
    assert in_force(line) == 1
    fold_all(line)
    assert owners(line) == before
    assert {row.message_id: row.stored for row in rows(line)} == before
    assert in_force(line) == 0
    assert outbox(line) == []


def test_a_round_without_overrides_is_none(line: Line) -> None:
    line.send({"message_id": "a"})
    line.drain()
    fold.begin(line.sessions, NOW)
    assert not fold.is_due(line.sessions, LATER)
    assert go_on(line)


def test_overrides_rest_before_they_are_folded(line: Line) -> None:
    two_browsers(line)
    fold.begin(line.sessions, NOW)
    early = LATER - timedelta(seconds=1)
    assert not go_on(line, now=early)
    assert not fold.is_due(line.sessions, early)
    assert in_force(line) == 1
    assert fold.is_due(line.sessions, LATER)
    finish(line)
    assert not fold.is_due(line.sessions, LATER)


def test_what_was_resolved_before_an_override_is_stored_before_it_is_folded(line: Line) -> None:
    """The worker stands still between resolving and storing; its row comes with the customer of before."""

    class Slow(Store):
        def __init__(self) -> None:
            self._real = line.store
            self.naming = line.store.naming

        def __getattribute__(self, name: str) -> Any:
            if name in ("insert", "_real"):
                return object.__getattribute__(self, name)
            return getattr(object.__getattribute__(self, "_real"), name)

        def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
            if table == "events":
                merge_by_hand(line, "phone", "42")
                fold.begin(line.sessions, NOW)
                assert not go_on(line)
                assert not go_on(line)
            self._real.insert(table, lines, token=token)

    line.send(
        {
            "message_id": "known",
            "type": "identify",
            "tracking_id": "laptop",
            "user_id": "42",
            "timestamp": at(1),
        }
    )
    line.drain()
    line.send({"message_id": "late", "tracking_id": "phone", "timestamp": at(1)})
    partition = line.lease()
    batch = partition.claim(10)
    assert batch
    line.runner(Slow()).run(partition, batch)
    [known, late] = rows(line)
    assert late.stored != late.read == known.read
    finish(line)
    assert in_force(line) == 0
    [known, late] = rows(line)
    assert late.stored == late.read == known.read


def test_a_worker_that_was_overtaken_stores_nothing_after_the_fold(line: Line) -> None:
    two_browsers(line, "1")
    line.send({"message_id": "m", "tracking_id": "phone", "timestamp": at(1)})
    partition = line.lease()
    batch = partition.claim(10)
    assert batch
    stale = line.runner()
    items: list[Any] = []
    insert = stale._insert_events
    stale._insert_events = lambda given, token: items.extend(given)  # type: ignore[method-assign]
    stale.run(
        partition, batch
    )  # claims to have stored, and has not: what a worker that stands still looks like
    insert(items, batch.token)
    merge_by_hand(line, "phone", "1")
    fold_all(line)
    after = owners(line)
    insert(items, batch.token)
    assert owners(line) == after
    assert len({*after.values()}) == 1


def test_an_override_that_arrives_late_again_changes_nothing(line: Line) -> None:
    two_browsers(line)
    [sent] = outbox(line)
    before = owners(line)
    fold_all(line)
    steps = [("1970-01-01 00:00:00.000", END_TEXT, str(sent.origin_id))]
    again = override_row(PendingOverride(sent.version, line.project_id, sent.origin_id, steps))
    line.store.insert("overrides", [msgspec.json.encode(again)], token="late")
    line.store.reload_owners()
    assert owners(line) == before


@pytest.mark.parametrize("when", ["after the beginning", "after the rows", "after the end"])
def test_a_link_that_is_taken_back_meanwhile_is_read_as_taken_back(line: Line, when: str) -> None:
    two_browsers(line)
    line.send(
        {
            "message_id": "other",
            "type": "identify",
            "tracking_id": "other",
            "user_id": "7",
            "timestamp": at(1),
        }
    )
    line.drain()
    fold.begin(line.sessions, NOW)
    if when == "after the rows":
        while (found := the_round(line)) is None or found.months != []:
            go_on(line, turn_seconds=0)
    if when == "after the end":
        finish(line)
    # Before anybody else signed in: what was done on the laptop until then was somebody else's.
    line.send(
        {
            "message_id": "42-earlier",
            "type": "identify",
            "tracking_id": "42-laptop",
            "user_id": "7",
            "timestamp": at(1, 2),
        }
    )
    line.drain()
    before = owners(line)
    assert before["42-laptop-0"] == before["other"] != before["42-laptop-known"]
    finish(line)
    assert owners(line) == before
    fold_all(line)
    assert owners(line) == before
    assert in_force(line) == 0
    assert {row.message_id: row.stored for row in rows(line)} == before


def the_round(line: Line) -> FoldRound | None:
    with reading(line.sessions) as db:
        return db.scalar(select(FoldRound).where(FoldRound.done_at.is_(None)))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_cut_off_at_any_statement_a_round_is_gone_on_with(line: Line, after: bool) -> None:
    two_browsers(line)
    before = owners(line)
    fold.begin(line.sessions, NOW)
    for fails_at in range(1, 100):
        cut = Cut(line.store, fails_at, after=after)
        try:
            finish(line, cut)
        except Killed:
            assert owners(line) == before
            continue
        break
    assert owners(line) == before
    assert in_force(line) == 0
    assert {row.message_id: row.stored for row in rows(line)} == before


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_cut_off_at_any_transaction_a_round_is_gone_on_with(line: Line, moment: str) -> None:
    two_browsers(line)
    before = owners(line)
    left = 0

    def cut(db: Session) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    event.listen(line.sessions, moment, cut)
    cuts = 0
    for fails_at in range(1, 100):
        left = fails_at
        try:
            fold_all(line)
        except Killed:
            cuts += 1
            assert owners(line) == before
            continue
        if left > 0:
            break
    event.remove(line.sessions, moment, cut)
    fold_all(line)
    assert cuts > 1
    assert owners(line) == before
    assert in_force(line) == 0
    assert outbox(line) == []


def test_several_at_once_do_it_once(line: Line) -> None:
    for person in range(5):
        two_browsers(line, str(person))
    before = owners(line)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            fold.begin(line.sessions, NOW)
            finish(line)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    fold_all(line)
    assert owners(line) == before
    assert in_force(line) == 0
    assert outbox(line) == []


def test_what_a_decision_left_unsent_is_sent_by_the_sweep(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_browsers(line)
    line.send({"message_id": "x", "tracking_id": "x", "timestamp": at(1)})
    line.drain()
    with line.sessions.begin() as db:
        resolve(
            db, line.project_id, [Sighting("identify", "x", {"user_id": "42"}, NOW, "by-hand", "identify")]
        )
    assert owners(line)["x"] == str(origin_id(line.project_id, "tracking_id", "x"))
    parts = Parts(Settings(), line.sessions, line.store, line.stream)
    monkeypatch.setattr(jobs, "_parts", lambda: (parts, line.runner()))
    jobs.sweep()
    assert len(set(owners(line).values())) == 1
    assert not [one for one in outbox(line) if one.sent_at is None]


def test_the_sweep_has_a_round_gone_on_with_until_it_is_done(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_browsers(line)
    parts = Parts(Settings(), line.sessions, line.store, line.stream)
    monkeypatch.setattr(jobs, "_parts", lambda: (parts, line.runner()))
    monkeypatch.setattr(fold, "WORTH_A_ROUND", 1)
    jobs.fold()
    jobs.sweep()
    assert not queued_folds(line)
    monkeypatch.setattr(fold, "REST", timedelta(0))
    monkeypatch.setattr(fold.is_due, "__kwdefaults__", {"rest": timedelta(0)})
    jobs.sweep()
    jobs.sweep()
    assert len(queued_folds(line)) == 1


def test_a_few_overrides_wait_a_day_for_their_round(line: Line) -> None:
    two_browsers(line)
    sent_at = max(one.sent_at for one in outbox(line) if one.sent_at)
    for now, is_begun in ((sent_at, False), (sent_at + fold.LONGEST, True)):
        fold.begin(line.sessions, now, least=fold.WORTH_A_ROUND, longest=fold.LONGEST)
        with line.sessions() as db:
            assert (find_round(db) is not None) is is_begun


def queued_folds(line: Line) -> list[str]:
    return [job_id for job_id in line.stream._queue.get_job_ids() if job_id.startswith("fold-")]


def test_more_than_one_piece_of_overrides_goes(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "OVERRIDES_AT_ONCE", 2)
    for person in range(5):
        two_browsers(line, str(person))
    before = owners(line)
    fold_all(line)
    assert owners(line) == before
    assert in_force(line) == 0
    assert outbox(line) == []
