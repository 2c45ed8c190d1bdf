from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import Client, TestResponse

import shopalytic.collector
from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.projects import NewProject, create_project
from shopalytic.accounts.sandboxes import is_sandbox
from shopalytic.collector.routes import TAG_FILE
from shopalytic.errors import QueueUnavailable
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_envelope, parse_message
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream

ADDRESS = "192.0.2.1"
TAG_CONTENT = b"!function(){/* the tag */}();\n" * 50


@dataclass
class RecordingFeed:
    """Nobody answers who waits. `watching` are the projects that somebody watches; keeps what they are told."""

    watching: set[int] = field(default_factory=set)
    published: list[tuple[int, bytes]] = field(default_factory=list)

    def wait(self, ticket: str, count: int, seconds: float) -> list[bytes]:
        return []

    def watched(self) -> frozenset[int]:
        return frozenset(self.watching)

    def publish(self, project_id: int, contents: Iterable[bytes]) -> None:
        self.published += [(project_id, content) for content in contents]


@dataclass
class RecordingStream:
    """Keeps what is appended; refuses as long as `is_down`."""

    appended: list[tuple[int, str, bytes]] = field(default_factory=list)
    feed: RecordingFeed = field(default_factory=RecordingFeed)
    calls: int = 0
    is_down: bool = False

    def append(self, project_id: int, entries: list[tuple[str, bytes]]) -> None:
        if self.is_down:
            raise QueueUnavailable("No Redis at /some/secret/path.")
        self.calls += 1
        self.appended += [(project_id, key, envelope) for key, envelope in entries]

    def real(self) -> list[bytes]:
        """The envelopes of no sandbox."""
        return [envelope for project_id, _, envelope in self.appended if not is_sandbox(project_id)]

    @property
    def keys(self) -> list[str]:
        return [key for _, key, _ in self.appended]

    @property
    def envelopes(self) -> list[Envelope]:
        return [msgspec.json.decode(envelope, type=Envelope) for _, _, envelope in self.appended]

    def parsed(self) -> list[Parsed]:
        """As the worker reads them. Fails where one would be set aside."""
        results = [
            parse_message(parse_envelope(envelope), 1_800_000_000_000) for _, _, envelope in self.appended
        ]
        assert all(isinstance(result, Parsed) for result in results), results
        return cast("list[Parsed]", results)


@dataclass
class Shop:
    """A project whose messages go through `client`, over the doors in front of Flask, into `stream`."""

    client: Client
    stream: RecordingStream
    sessions: sessionmaker[Session]
    project: NewProject
    app: Flask

    @property
    def token(self) -> str:
        return self.project.token

    def message(self, **members: Any) -> dict[str, Any]:
        """A valid message but for what the test is about; None leaves a member out."""
        valid = {"token": self.token, "event": "page_view", "tracking_id": "visitor-1"}
        return {name: value for name, value in (valid | members).items() if value is not None}

    def post(
        self, path: str, body: Any, headers: dict[str, str] | None = None, **options: Any
    ) -> TestResponse:
        """body: bytes as they are, else JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        options = {"content_type": "text/plain", "environ_base": {"REMOTE_ADDR": ADDRESS}} | options
        return self.client.post(path, data=data, headers=headers, **options)

    def track(self, headers: dict[str, str] | None = None, **members: Any) -> TestResponse:
        return self.post("/track", self.message(**members), headers)

    def batch(self, items: Iterable[bytes], **members: Any) -> TestResponse:
        """items: raw, so that each may be damaged in its own way."""
        head = json.dumps({"token": self.token} | members)[:-1].encode()
        return self.post("/batch", head + b',"events":[' + b",".join(items) + b"]}")

    def item(self, **members: Any) -> bytes:
        return json.dumps(self.message(token=None, **members)).encode()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once; a test works on a copy."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    upgrade(f"sqlite:///{path}")
    return path


@contextmanager
def open_copy(database: Path, folder: Path) -> Iterator[sessionmaker[Session]]:
    shutil.copy(database, folder / "shopalytic.db")
    engine = make_engine(f"sqlite:///{folder / 'shopalytic.db'}")
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def sessions(empty_database: Path, tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    with open_copy(empty_database, tmp_path) as made:
        yield made


def make_shop(
    sessions: sessionmaker[Session], folder: Path, *, origins: Iterable[str] = (), keeps_addresses: bool = True,
    **settings: Any,
) -> Shop:  # fmt: skip
    """keeps_addresses: as no project does by itself, so that tests see whose address was taken."""
    with sessions.begin() as db:
        project = create_project(db, f"Shop {folder.name}", origins=origins)
        project.project.keeps_addresses = keeps_addresses
    stream = RecordingStream()
    parts = Parts(
        Settings(data_dir=folder, **settings), sessions, cast("Store", None), cast("Stream", stream)
    )
    static = folder / "static"
    static.mkdir(exist_ok=True)
    (static / TAG_FILE).write_bytes(TAG_CONTENT)
    app = Flask("shopalytic", static_folder=str(static))
    shopalytic.collector.register(app, parts)
    # The client's own cookie jar would take the place of a Cookie header.
    client = Client(shopalytic.collector.front(app.wsgi_app, parts), use_cookies=False)
    return Shop(client, stream, sessions, project, app)


@pytest.fixture
def shop(sessions: sessionmaker[Session], tmp_path: Path) -> Shop:
    return make_shop(sessions, tmp_path)


def error_of(response: TestResponse) -> dict[str, str]:
    """The error's members; fails where the answer is no documented error."""
    body = json.loads(response.data)
    assert list(body) == ["error"]
    assert set(body["error"]) <= {"code", "message", "at"}
    assert body["error"]["message"].endswith(".")
    return cast("dict[str, str]", body["error"])


def pack(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
