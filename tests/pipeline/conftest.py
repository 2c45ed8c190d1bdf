from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.events.message import Envelope
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.store import Store
from shopalytic.stream import Partition, Stream
from tests.accounts.conftest import database_url, postgres_folder, postgres_url
from tests.servers import running_valkey

__all__ = ["database_url", "postgres_folder", "postgres_url"]


class Row(msgspec.Struct):
    """A stored event as these tests look at it; `owner_id` is read through the overrides."""

    message_id: str
    event: str
    owner_id: str
    tracking_id: str
    session_id: str
    total: str | None
    url: str
    violations: list[str]


class Line:
    """One partition, from appending to what is stored, with a project of its own."""

    def __init__(self, stream: Stream, store: Store, engine: Engine, project_id: int) -> None:
        self.stream = stream
        self.store = store
        self.engine = engine
        self.project_id = project_id
        self.sessions = make_sessions(engine)

    def send(self, *messages: dict[str, Any], **envelope: Any) -> None:
        """Append messages as the collector would. `message_id` and `tracking_id` are filled in."""
        entries = []
        for number, message in enumerate(messages):
            complete = {"message_id": f"m{number}", "event": "page_view"} | message
            if "user_id" not in complete:
                complete.setdefault("tracking_id", "anna")
            packed = Envelope(
                project_id=self.project_id,
                received_at=time.time_ns() // 1_000_000,
                message_id=complete["message_id"],
                message=msgspec.Raw(msgspec.json.encode(complete)),
                **envelope,
            )
            entries.append(("anna", msgspec.json.encode(packed)))
        self.stream.append(self.project_id, entries)

    def lease(self) -> Partition:
        self.stream.client.delete("{shopalytic:0}:lease")
        partition = self.stream.partition(0)
        assert partition.lease()
        return partition

    def runner(self, store: Store | None = None) -> Runner:
        return Runner(store or self.store, self.sessions, StepContext(), session_timeout_minutes=30)

    def drain(self, most: int = 1000) -> None:
        partition = self.lease()
        while batch := partition.claim(most):
            self.runner().run(partition, batch)

    def rows(self) -> list[Row]:
        return self.store.rows(
            Row,
            "SELECT message_id, event, toString({{owner}}) AS owner_id, tracking_id, session_id, "
            "toString(total) AS total, url, violations FROM {{events}} "
            "WHERE project_id = {project:UInt32} ORDER BY message_id",
            project=self.project_id,
        )


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def line(valkey_url: str, store: Store, project_id: int, database_url: str) -> Iterator[Line]:
    upgrade(database_url)
    engine = make_engine(database_url)
    stream = Stream(valkey_url, partitions=1)
    stream.client.flushall()
    yield Line(stream, store, engine, project_id)
    stream.close()
    engine.dispose()
