"""Failures that are nobody's message: the batch waits, nothing is set aside, and a repeat ends the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, ProgrammingError

from shopalytic import jobs
from shopalytic.errors import DatabaseUnavailable, StoreRefused, StoreUnavailable
from shopalytic.parts import Parts
from shopalytic.pipeline import run
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.store.client import UNKNOWN_COLUMN
from shopalytic.store.migrate import migrate_store
from tests.pipeline.conftest import Line
from tests.pipeline.test_run import MESSAGES, FailingStore, Killed, check_messages, counters_add_up


@pytest.fixture
def own_store(store: Store) -> Iterator[Store]:
    """A database of the test's own on the same server, so that it can be spoiled."""
    address = store._address
    own = Store(address, f"shopalytic_test_{uuid4().hex[:8]}")
    migrate_store(own)
    yield own
    own.command(f"DROP DATABASE {own.naming.database}")
    own.close()


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        ("ALTER TABLE {{events}} DROP COLUMN title", "ALTER TABLE {{events}} ADD COLUMN title String"),
        ("RENAME TABLE {{events}} TO {{events}}_away", "RENAME TABLE {{events}}_away TO {{events}}"),
    ],
    ids=["column", "table"],
)
def test_a_batch_waits_for_a_store_that_is_not_migrated_yet(
    line: Line, own_store: Store, spoil: str, mend: str
) -> None:
    line.store = own_store
    line.send({"message_id": "a"}, {"message_id": "b"})
    own_store.command(spoil)
    with pytest.raises(StoreUnavailable):
        line.drain()
    assert line.stream.counters(line.project_id).waiting == 2
    own_store.command(mend)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "b"]
    assert line.stream.counters(line.project_id).quarantined == 0
    assert counters_add_up(line)


@pytest.mark.parametrize(
    "fault",
    [
        {"total": "ten"},
        {"total": "x" + "é" * 300},
        {"total": "xx" + "é" * 300},
        {"total": "1" * 40},
        {"occurred_at": "never"},
        {"origin_id": "nobody"},
        {"qty": "1.5"},
        {"is_bot": "perhaps"},
        {"line_items.sku": ["a"], "line_items.qty": [1, 2]},
        {"line_items.sku": "a"},
        {"properties": {"a": f"{UNKNOWN_COLUMN} JSONEachRow format: a", "b": msgspec.Raw(b"1e999")}},
    ],
    ids=lambda fault: ",".join(fault),
)
def test_a_row_whose_own_content_is_wrong_is_refused(
    store: Store, project_id: int, fault: dict[str, object]
) -> None:
    row = {"project_id": project_id, "event": "order", **fault}
    with pytest.raises(StoreRefused):
        store.insert("events", [msgspec.json.encode(row)], token=uuid4().hex)


def test_a_query_that_is_wrong_is_refused_and_not_repeated(store: Store) -> None:
    with pytest.raises(StoreRefused) as refused:
        store.command("SELECT nothing FROM {{events}}")
    assert refused.value.number == 47


def test_a_batch_waits_for_a_database_that_is_not_migrated_yet(line: Line) -> None:
    line.send({"message_id": "a", "user_id": "42"})
    with line.engine.begin() as connection:
        connection.execute(text("ALTER TABLE link RENAME TO link_away"))
    with pytest.raises(DatabaseUnavailable):
        line.drain()
    with line.engine.begin() as connection:
        connection.execute(text("ALTER TABLE link_away RENAME TO link"))
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a"]
    assert line.stream.counters(line.project_id).quarantined == 0


@pytest.mark.parametrize("kind", [InternalError, ProgrammingError, InterfaceError])
@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_batch_waits_while_the_database_cannot_be_written(
    line: Line, kind: type[DBAPIError], fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def unable(*arguments: Any) -> list[None]:
        nonlocal calls
        calls += 1
        if calls < fails_at:
            raise ZeroDivisionError("so that the messages are tried one by one")
        raise kind("INSERT", {}, Exception("cannot execute INSERT in a read-only transaction"))

    line.send({"message_id": "a"}, {"message_id": "b"})
    with monkeypatch.context() as patch, pytest.raises(DatabaseUnavailable, match="read-only"):
        patch.setattr(run, "settle_people", unable)
        line.drain()
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "b"]
    assert counters_add_up(line)


class Unwilling(FailingStore):
    """The real store, which refuses one table until it is told otherwise."""

    def __init__(self, real: Store, table: str) -> None:
        super().__init__(real, 0, after=False, error=Killed())
        self.table = table

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        if table == self.table:
            raise StoreRefused("Cannot parse", number=27)
        super().insert(table, lines, token=token)


@pytest.mark.parametrize("table", ["overrides", "quarantine"])
def test_a_refusal_that_is_no_messages_fault_frees_the_partition_for_a_repeat(
    line: Line, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Unwilling(line.store, table)
    parts = Parts(Settings(), line.sessions, store, line.stream)
    monkeypatch.setattr(jobs, "_parts", lambda: (parts, line.runner(store)))
    monkeypatch.setattr(jobs, "PAUSE_SECONDS", 0)
    line.send(*MESSAGES)
    jobs.drain(0)
    assert line.stream.partition(0).lease()
    line.lease().release("")
    assert line.stream.counters(line.project_id).waiting == len(MESSAGES)
    store.table = ""
    assert jobs.drain(0) == len(MESSAGES)
    check_messages(line)


def test_many_overrides_are_sent_in_parts_and_none_is_left(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "OVERRIDES_AT_ONCE", 2)
    visitors = [f"visitor-{number}" for number in range(5)]
    line.send(*({"message_id": visitor, "tracking_id": visitor} for visitor in visitors))
    line.drain()
    assert len({row.owner_id for row in line.rows()}) == 5
    line.send(
        *(
            {"message_id": f"i{visitor}", "type": "identify", "user_id": "42", "tracking_id": visitor}
            for visitor in visitors
        )
    )
    line.drain()
    assert len({row.owner_id for row in line.rows()}) == 1
