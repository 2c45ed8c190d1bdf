from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.projects import NewProject, create_project
from shopalytic.events.event import Event
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from shopalytic.web import api, health
from tests.factories import insert_events
from tests.servers import running_valkey

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def parts(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """A real queue, database and store, shared by all tests; each test has its own project in them."""
    folder: Path = tmp_path_factory.mktemp("api")
    settings = Settings(data_dir=folder)
    upgrade(settings.relational_url)
    engine = make_engine(settings.relational_url)
    with running_valkey() as queue_url:
        stream = Stream(queue_url, partitions=2)
        yield Parts(settings, make_sessions(engine), store, stream)
        stream.client.close()
    engine.dispose()


@pytest.fixture(scope="session")
def app(parts: Parts) -> Flask:
    return make_app(parts)


def make_app(parts: Parts) -> Flask:
    """The read API and the health of the parts, without collector and dashboard."""
    app = Flask("shopalytic")
    app.extensions["shopalytic"] = parts
    app.config["SECRET_KEY"] = "test"
    health.register(app, parts)
    api.register(app, parts)
    return app


@dataclass
class Shop:
    """A project, what happened in it, and a client that holds its secret key."""

    made: NewProject
    parts: Parts
    client: FlaskClient

    @property
    def project_id(self) -> int:
        return self.made.project.id

    def get(self, path: str, key: str | None = None, **query: Any) -> Any:
        """The answer to a call below /api/v1, asked with the project's secret key or another `key`."""
        headers = {"Authorization": f"Bearer {self.made.secret_key if key is None else key}"}
        return self.client.get(f"/api/v1{path}", query_string=query, headers=headers)

    def insert(self, *events: Event) -> None:
        for event in events:
            event.project_id = self.project_id
        insert_events(self.parts.store, events)

    def identify(
        self, visitor: str, at: datetime, kind: Literal["track", "identify", "alias"] = "identify", **ids: str
    ) -> str:
        """Enter into the ledger who a visitor is; gives the customer's id."""
        sighting = Sighting(
            kind=kind, tracking_id=visitor, user_ids=ids, occurred_at=at,
            message_id=f"sighting-{next(_numbers)}", cause=kind, url="https://shop.example/sign-in",
        )  # fmt: skip
        with self.parts.sessions.begin() as db:
            return str(resolve(db, self.project_id, [sighting])[0].customer_id)


def make_named_shop(
    parts: Parts, app: Flask, name: str, time_zone: str = "UTC", currency: str = "EUR"
) -> Shop:
    with parts.sessions.begin() as db:
        made = create_project(db, name, time_zone=time_zone, currency=currency)
    return Shop(made, parts, app.test_client())


@pytest.fixture
def make_shop(parts: Parts, app: Flask) -> Any:
    def make(time_zone: str = "UTC", currency: str = "EUR") -> Shop:
        return make_named_shop(parts, app, f"Shop {next(_numbers)}", time_zone, currency)

    return make


@pytest.fixture
def shop(make_shop: Any) -> Shop:
    found: Shop = make_shop()
    return found
