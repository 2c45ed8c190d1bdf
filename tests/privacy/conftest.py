"""A shop whose messages go the real way: queue, worker, database, store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.events.message import Envelope
from shopalytic.identity.lookup import find_customer
from shopalytic.parts import Parts
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.privacy import record
from shopalytic.privacy.record import Kind
from shopalytic.privacy.run import advance
from shopalytic.reports.overview import overview
from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.accounts.conftest import database_url, postgres_folder, postgres_url
from tests.conftest import new_store
from tests.servers import running_valkey

__all__ = ["database_url", "postgres_folder", "postgres_url"]

DEADLINE_SECONDS = 120
DAY = "2026-01-15"


class Row(msgspec.Struct):
    message_id: str
    event: str
    owner_id: str
    tracking_id: str
    session_id: str
    user_ids: dict[str, str]
    order_id: str
    total: Decimal | None
    url: str
    properties: dict[str, Any]


class Shop:
    """One project; messages are sent as a collector would, and stored when `drain` is called."""

    def __init__(self, parts: Parts, project_id: int) -> None:
        self.parts = parts
        self.project = Project(project_id)
        self.runner = Runner(parts.store, parts.sessions, StepContext(), session_timeout_minutes=30)
        self._sent = 0

    def send(self, *messages: dict[str, Any]) -> None:
        """`message_id` and `timestamp` (noon and some minutes of DAY) are filled in."""
        entries = []
        for message in messages:
            self._sent += 1
            complete = {
                "message_id": f"m{self._sent:03}",
                "event": "page_view",
                "timestamp": f"{DAY}T12:{self._sent % 60:02}:00Z",
            } | message
            envelope = Envelope(
                project_id=self.project.project_id,
                received_at=time.time_ns() // 1_000_000,
                message_id=complete["message_id"],
                message=msgspec.Raw(msgspec.json.encode(complete)),
                ip="198.51.100.7",
                user_agent="Mozilla/5.0",
            )
            key = str(message.get("tracking_id") or message.get("user_id"))
            entries.append((key, msgspec.json.encode(envelope)))
        self.parts.stream.append(self.project.project_id, entries)

    def drain(self) -> None:
        for number in range(self.parts.stream.partitions()):
            partition = self.parts.stream.partition(number)
            assert partition.lease()
            while batch := partition.claim(1000):
                self.runner.run(partition, batch)
            partition.release("none")

    def visit(self, *messages: dict[str, Any]) -> None:
        self.send(*messages)
        self.drain()

    def find(self, id: str) -> UUID | None:
        with self.parts.sessions() as db:
            return find_customer(db, self.project.project_id, id)

    def get(self, id: str) -> UUID:
        found = self.find(id)
        assert found is not None
        return found

    def ask(self, kind: Kind, customer_id: UUID) -> record.Asked:
        return record.ask(self.parts, self.project, customer_id, kind, asked_by="command")

    def work(self, erasure_id: str) -> None:
        """Until the erasure is done; the engine's clean-up takes half a minute at most."""
        ends_at = time.monotonic() + DEADLINE_SECONDS
        while not advance(self.parts, self.runner, erasure_id):
            assert time.monotonic() < ends_at, record.find_erasure(self.parts.sessions, erasure_id)
            time.sleep(0.05)

    def erase(self, kind: Kind, customer_id: UUID) -> str:
        """Up to where only the files of the past are left to go."""
        asked = self.ask(kind, customer_id)
        self.erase_on(asked.erasure_id)
        return asked.erasure_id

    def erase_on(self, erasure_id: str) -> None:
        ends_at = time.monotonic() + DEADLINE_SECONDS
        while not advance(self.parts, self.runner, erasure_id):
            found = record.find_erasure(self.parts.sessions, erasure_id)
            assert found is not None
            if found.step == "disk":
                return
            assert time.monotonic() < ends_at, found.step
            time.sleep(0.02)

    def rows(self) -> list[Row]:
        return self.parts.store.rows(
            Row,
            "SELECT message_id, event, toString({{owner}}) AS owner_id, tracking_id, session_id, user_ids, order_id, "
            "total, url, properties FROM {{events}} WHERE project_id = {project:UInt32} "
            "ORDER BY occurred_at, message_id",
            project=self.project.project_id,
        )

    def overview(self) -> Any:
        from datetime import date

        return overview(
            self.parts.store, self.project, Period.of_days(date(2026, 1, 1), date(2026, 1, 31), "UTC")
        )

    def counters(self) -> Any:
        return self.parts.stream.counters(self.project.project_id)

    def counters_add_up(self) -> bool:
        known = self.counters()
        return bool(
            known.accepted
            == known.stored
            + known.duplicate
            + sum(known.dropped.values())
            + known.quarantined
            + known.waiting
        )


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """One of their own: a deletion looks at every part, and the whole suite's tests leave thousands."""
    with new_store() as made:
        yield made


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def shop(valkey_url: str, store: Store, project_id: int, database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """Once on each kind of database."""
    yield from make_shop(valkey_url, store, project_id, database_url, tmp_path)


@pytest.fixture
def sqlite_shop(valkey_url: str, store: Store, project_id: int, tmp_path: Path) -> Iterator[Shop]:
    """For what takes long and is no database's matter."""
    yield from make_shop(valkey_url, store, project_id, f"sqlite:///{tmp_path / 'shopalytic.db'}", tmp_path)


def make_shop(
    valkey_url: str, store: Store, project_id: int, database_url: str, tmp_path: Path
) -> Iterator[Shop]:
    upgrade(database_url)
    engine = make_engine(database_url)
    stream = Stream(valkey_url, partitions=2)
    stream.client.flushall()
    parts = Parts(Settings(data_dir=tmp_path), make_sessions(engine), store, stream)
    with parts.sessions.begin() as db:
        db.add(ProjectRow(id=project_id, name="Shop"))
    yield Shop(parts, project_id)
    stream.close()
    engine.dispose()
