"""Failures that are nobody's message: the batch waits, nothing is set aside, and a repeat ends the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, ProgrammingError

from shopalytic import jobs
from shopalytic.accounts.models import Link
from shopalytic.errors import DatabaseUnavailable, StoreRefused, StoreUnavailable
from shopalytic.identity.traits import save_traits
from shopalytic.parts import Parts
from shopalytic.pipeline import overrides, run
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.store.client import UNKNOWN_COLUMN
from shopalytic.store.migrate import migrate_store
from shopalytic.stream import Partition
from tests.pipeline.conftest import Line
from tests.pipeline.test_run import MESSAGES, ORDER, FailingStore, Killed, check_messages, counters_add_up


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


def test_a_failure_without_a_word_is_asked_for_again(
    store: Store, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = store._call
    failures = [StoreUnavailable("Code: 1002. DB::Exception:  (version 26.9.2.1)")]

    def fail_first(*arguments: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return call(*arguments, **named)

    monkeypatch.setattr(store, "_call", fail_first)
    row = {"project_id": project_id, "event": "order", "total": "ten"}
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
    monkeypatch.setattr(overrides, "OVERRIDES_AT_ONCE", 2)
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


def die(*arguments: Any) -> bool:
    raise Killed


def account(event: str, message_id: str, user_id: str, email: str) -> dict[str, Any]:
    properties = {"email": email, "first_name": "A", "last_name": "B"}
    return {"event": event, "message_id": message_id, "user_id": user_id, "properties": properties}


REGISTRATIONS = [
    pytest.param(
        [
            account("account_register", "b", "x", "e@shop.example"),
            account("account_update", "c", "y", "other@shop.example"),
        ],
        "",
        ["a", "c", "z"],
        id="refused",
    ),
    pytest.param(
        [
            account("account_update", "b", "y", "x@shop.example"),
            account("account_update", "c", "y", "other@shop.example"),
        ],
        "x@shop.example",
        ["a", "b", "c", "z"],
        id="accepted",
    ),
]


@pytest.mark.parametrize(("messages", "taken_meanwhile", "stored"), REGISTRATIONS)
def test_a_repeat_judges_an_email_as_the_first_run_did_though_its_holder_changed(
    line: Line,
    messages: list[dict[str, Any]],
    taken_meanwhile: str,
    stored: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line.send(account("account_register", "a", "y", "e@shop.example"))
    line.drain()
    line.send(*messages)
    batch = line.lease().claim(2)
    assert batch
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Partition, "acknowledge", die)
        line.runner().run(line.lease(), batch)
    if taken_meanwhile:
        with line.sessions.begin() as db:
            properties = {"email": taken_meanwhile}
            save_traits(db, line.project_id, [("user_id", "w", properties, datetime.now(UTC), "elsewhere")])
    line.drain()
    line.send({"message_id": "z"})
    line.drain()
    assert [row.message_id for row in line.rows()] == stored
    counters = line.stream.counters(line.project_id)
    assert (counters.stored, counters.quarantined) == (len(stored), 4 - len(stored))
    assert counters_add_up(line)


def test_a_refused_registration_says_nothing_of_who_is_who(line: Line) -> None:
    register = account("account_register", "b", "two", "e@shop.example")
    line.send(account("account_register", "a", "one", "e@shop.example"))
    line.send({**register, "tracking_id": "laptop"}, {"message_id": "c", "tracking_id": "laptop"})
    line.send({"message_id": "d", "user_id": "two"})
    line.drain()
    owners = {row.message_id: row.owner_id for row in line.rows()}
    assert set(owners) == {"a", "c", "d"}
    assert len(set(owners.values())) == 3
    with line.sessions() as db:
        links = db.scalar(
            select(func.count()).where(Link.project_id == line.project_id, Link.tracking_id == "laptop")
        )
    assert links == 0


def test_a_registration_with_the_visitors_own_email_is_taken(line: Line) -> None:
    said = {"type": "identify", "user_id": "old@shop.example", "properties": {"email": "e@shop.example"}}
    line.send({"message_id": "a", "tracking_id": "laptop", **said})
    line.drain()
    line.send(
        {**account("account_register", "b", "old@shop.example", "e@shop.example"), "tracking_id": "laptop"}
    )
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "b"]


def test_an_order_that_was_set_aside_counts_when_it_is_sent_again_under_another_message_id(
    line: Line,
) -> None:
    line.send({**ORDER, "message_id": "first"})
    batch = line.lease().claim(10)
    assert batch
    line.runner(Unwilling(line.store, "events")).run(line.lease(), batch)
    line.send({**ORDER, "message_id": "second"})
    line.drain()
    assert [row.message_id for row in line.rows()] == ["second"]
    assert line.stream.counters(line.project_id).dropped == {}
    line.send({**ORDER, "message_id": "third"})
    line.drain()
    assert line.stream.counters(line.project_id).dropped == {"order_known": 1}


class Picky(FailingStore):
    """The real store, which refuses the row of one message."""

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        lines = list(lines)
        if table == "events" and any(b'"message_id":"bad"' in row for row in lines):
            raise StoreRefused("Cannot parse", number=27)
        self._real.insert(table, lines, token=token)


@pytest.mark.parametrize("is_taken", [False, True], ids=["free", "taken"])
def test_a_batch_whose_order_was_set_aside_ends_the_same_when_repeated(
    line: Line, is_taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Picky(line.store, 0, after=False, error=Killed())
    line.send(
        {"message_id": "a"},
        {**ORDER, "message_id": "bad"},
        {**ORDER, "message_id": "twin"},
        {"message_id": "c"},
    )
    batch = line.lease().claim(10)
    assert batch
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Partition, "acknowledge", die)
        line.runner(store).run(line.lease(), batch)
    if is_taken:
        with line.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO order_claim (project_id, order_id, message_id, batch) "
                    "VALUES (:project, '1001', 'elsewhere', 'another batch')"
                ),
                {"project": line.project_id},
            )
    line.runner(store).run(line.lease(), batch)
    assert [row.message_id for row in line.rows()] == ["a", "c"]
    counters = line.stream.counters(line.project_id)
    assert (counters.stored, counters.quarantined, counters.dropped) == (2, 1, {"order_known": 1})
    assert counters_add_up(line)
