"""The whole application with a database of each test's own, and a fixed cast: owner, member, stranger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.models import Key, Member, Project, User
from shopalytic.accounts.users import session_stamp
from shopalytic.app import create_app
from shopalytic.events.event import Event
from shopalytic.identity.ids import origin_id
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.traits import save_traits
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.factories import insert_events, make_event

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
TOKEN = "sha_pub_" + "t" * 24
EMAILS = {"owner": "olga@shop.example", "member": "max@shop.example", "stranger": "sam@else.example"}


@dataclass
class Shop:
    """One project in a running application. `client("owner")` is a browser in which the owner has signed in."""

    app: Flask
    parts: Parts
    project_id: int

    @property
    def base(self) -> str:
        return f"/projects/{self.project_id}"

    def client(self, who: str | None = None) -> FlaskClient:
        client = self.app.test_client()
        if who is not None:
            with self.parts.sessions() as db, client.session_transaction() as session:
                user = db.query(User).filter_by(email=EMAILS[who]).one()
                session["user"], session["stamp"] = user.id, session_stamp(user)
        return client

    def page(self, path: str, who: str = "owner") -> str:
        """The text of a page that must be there."""
        response = self.client(who).get(self.base + path)
        assert response.status_code == 200, response.text
        return response.text

    def happened(self, *events: Event) -> None:
        insert_events(self.parts.store, events)

    def event(self, **fields: Any) -> Event:
        """Now, unless told otherwise, of a visitor whose customer is its own."""
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        visitor = fields.pop("visitor", "tid-anna")
        owner = str(origin_id(self.project_id, "tracking_id", visitor))
        values = {"project_id": self.project_id, "at": now, "origin_id": owner, "customer_id": owner}
        return make_event(visitor=visitor, **(values | fields))

    def identified(self, visitor: str, user_id: str, **properties: Any) -> UUID:
        """The ledger learns that the visitor is this customer; gives the customer's id."""
        at = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
        sighting = Sighting(
            "identify", visitor, {"user_id": user_id}, at, f"message-{visitor}-{user_id}", cause="identify",
            url="https://shop.example/welcome",
        )  # fmt: skip
        with self.parts.sessions.begin() as db:
            (resolved,) = resolve(db, self.project_id, [sighting])
            save_traits(db, self.project_id, [("user_id", user_id, properties, at, sighting.message_id)])
        return resolved.customer_id


@pytest.fixture
def parts(store: Store, tmp_path: Path) -> Iterator[Parts]:
    """The queue is not there: no page of the dashboard needs it."""
    settings = Settings(data_dir=tmp_path, secret_key="a key of tests")
    upgrade(settings.relational_url)
    engine = make_engine(settings.relational_url)
    stream = Stream(settings.queue_url, partitions=2)
    yield Parts(settings, make_sessions(engine), store, stream)
    stream.client.close()
    engine.dispose()


@pytest.fixture
def app(parts: Parts) -> Flask:
    app = create_app(parts.settings, parts)
    app.config["RATELIMIT_ENABLED"] = True
    return app


@pytest.fixture
def shop(app: Flask, parts: Parts, project_id: int) -> Shop:
    with parts.sessions.begin() as db:
        project = Project(
            id=project_id, name="My shop", time_zone="Europe/London", currency="GBP", origins=[]
        )
        db.add(project)
        db.flush()
        db.add(Key(project_id=project_id, kind="token", value=TOKEN, hint=TOKEN[:12]))
        users = {who: User(email=email, password_hash=f"no hash of {who}") for who, email in EMAILS.items()}
        db.add_all(users.values())
        db.flush()
        for who in ("owner", "member"):
            db.add(Member(user_id=users[who].id, project_id=project_id, role=who))
    return Shop(app, parts, project_id)


def send(client: FlaskClient, page: str, action: str, **form: str) -> TestResponse:
    """Send a form of a page as a browser would: with the page's token, and the page as referrer."""
    token = CSRF.search(client.get(page).text)
    assert token, f"{page} has no form"
    return client.post(
        action, data=form | {"csrf_token": token[1]}, headers={"Referer": f"http://localhost{page}"}
    )
