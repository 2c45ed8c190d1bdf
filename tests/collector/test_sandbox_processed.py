"""`sandbox: true` with a queue, a worker and a store: what the answer tells, and where the data are."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import Client

import shopalytic.collector
from shopalytic.accounts.models import Project, Sandbox
from shopalytic.accounts.projects import NewProject, create_project
from shopalytic.accounts.sandboxes import close_sandbox, open_sandbox
from shopalytic.errors import QueueUnavailable
from shopalytic.parts import Parts
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.pipeline.told import Teller
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.servers import running_valkey
from tests.supervisor.polling import wait_until

ORDER = {
    "order_id": "o1", "cart_id": "c1", "total": "12.00", "subtotal": "12.00",
    "line_items": [{"sku": "s1", "price": "6.00", "qty": 2}],
}  # fmt: skip


class Name(msgspec.Struct):
    event: str


@dataclass
class Shop:
    parts: Parts
    project: NewProject
    client: Client
    working: threading.Event

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self.client.post(path, data=json.dumps({"token": self.project.token} | body).encode())
        assert response.status_code == 200, response.data
        answer: dict[str, Any] = json.loads(response.data)
        return answer

    def track(self, **message: Any) -> dict[str, Any]:
        valid = {"event": "page_view", "tracking_id": "anna", "sandbox": True}
        return self.post("/track", valid | message)

    @property
    def sandbox_id(self) -> int:
        return open_sandbox(self.parts.sessions, self.project.project.id)

    def stored(self, project_id: int) -> list[str]:
        query = "SELECT event FROM {{events}} WHERE project_id = {project:UInt32} ORDER BY event"
        return [row.event for row in self.parts.store.rows(Name, query, project=project_id)]


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def shop(
    sessions: sessionmaker[Session], store: Store, valkey_url: str, tmp_path: Path, project_id: int
) -> Iterator[Shop]:
    """A worker in a thread works as long as `working` is set."""
    stream = Stream(valkey_url, partitions=2)
    stream.client.flushall()
    with sessions.begin() as db:
        # Numbers of the test's own, since tests share the store.
        db.add(Project(id=project_id * 10, name="Before"))
        db.flush()
        project = create_project(db, "My shop")
        db.add(Sandbox(id=project_id * 10, project_id=project.project.id))
    parts = Parts(Settings(data_dir=tmp_path, web_threads=8), sessions, store, stream)
    app = Flask("shopalytic", static_folder=str(tmp_path))
    shopalytic.collector.register(app, parts)
    client = Client(shopalytic.collector.front(app.wsgi_app, parts), use_cookies=False)
    working, ended = threading.Event(), threading.Event()
    working.set()
    worker = threading.Thread(target=work, args=(parts, working, ended))
    worker.start()
    yield Shop(parts, project, client, working)
    ended.set()
    worker.join()
    stream.close()


def work(parts: Parts, working: threading.Event, ended: threading.Event) -> None:
    tell = Teller(parts.stream.feed).tell
    runner = Runner(parts.store, parts.sessions, StepContext(), session_timeout_minutes=30, tell=tell)
    views = [parts.stream.partition(number) for number in range(2)]
    while not ended.wait(0.01):
        for view in views:
            if working.is_set() and view.lease():
                while batch := view.claim(100):
                    runner.run(view, batch)
                view.release("next")


def test_the_answer_tells_what_became_of_a_message(shop: Shop) -> None:
    properties = {"cart_id": "c1", "price": "cheap", "qty": 2}
    answer = shop.track(event="cart_add", message_id="m1", properties=properties, user_id="jon")
    assert (answer["status"], answer["sandbox"], answer["outcome"]) == ("accepted", True, "stored")
    assert [each["message"] for each in answer["violations"]] == [
        'price is not a decimal; send 9.99 or "9.99", without a currency sign.',
        "sku is required, but is missing or null; send it with a value.",
    ]
    event = answer["event"]
    assert (event["event"], event["user_ids"], event["properties"]) == (
        "cart_add", {"user_id": "jon"}, properties,
    )  # fmt: skip
    assert event["customer_id"] and event["session_id"]
    assert "reason" not in answer


def test_amounts_are_answered_as_exactly_as_they_were_sent(shop: Shop) -> None:
    body = '{"token": "%s", "event": "x", "tracking_id": "a", "sandbox": true, "properties": {"v": %s}}'
    exact = "1234567890123456.78"  # more digits than a float has
    response = shop.client.post("/track", data=(body % (shop.project.token, exact)).encode())
    assert exact.encode() in response.data


def test_what_was_there_before_is_told(shop: Shop) -> None:
    assert shop.track(event="order", message_id="m1", properties=ORDER)["outcome"] == "stored"
    again = shop.track(event="order", message_id="m1", properties=ORDER)
    assert (again["outcome"], again["message"]) == (
        "duplicate", "A message with this message_id came before; it counts once.",
    )  # fmt: skip
    reopened = shop.track(event="order", message_id="m2", properties=ORDER)
    assert (reopened["outcome"], reopened["reason"]) == ("dropped", "order_known")
    late = shop.track(timestamp="yesterday", message_id="m3")
    assert (late["outcome"], late["reason"], late["event"]) == ("quarantined", "bad_timestamp", None)
    assert "ISO 8601" in late["message"]
    counters = shop.parts.stream.counters(shop.sandbox_id)
    assert (counters.accepted, counters.stored, counters.duplicate, counters.quarantined) == (4, 1, 1, 1)
    assert counters.dropped == {"order_known": 1}
    assert counters.waiting == 0


def test_an_e_mail_of_another_customer_is_told(shop: Shop) -> None:
    def register(visitor: str, name: str) -> dict[str, Any]:
        properties = {"email": "jon@shop.example", "first_name": "Jon", "last_name": "Snow"}
        return shop.track(event="account_register", tracking_id=visitor, user_id=name, properties=properties)

    assert register("anna", "jon")["outcome"] == "stored"
    other = register("bert", "bert")
    assert (other["outcome"], other["reason"]) == ("quarantined", "email_in_use")


def test_a_batch_is_answered_item_by_item_and_its_real_messages_stay_apart(shop: Shop) -> None:
    items = [
        {"event": "real", "tracking_id": "anna"},
        {"event": "tried", "tracking_id": "anna", "sandbox": True},
        {"tracking_id": "anna", "sandbox": True},
        {"event": "tried too", "tracking_id": "bert", "sandbox": True},
    ]
    answer = shop.post("/batch", {"events": items})
    assert answer["accepted"] == 3
    real, tried, refused, other = answer["results"]
    assert real == {"status": "accepted"}
    assert (tried["outcome"], tried["event"]["event"]) == ("stored", "tried")
    assert refused["status"] == "rejected"
    assert (other["outcome"], other["event"]["event"]) == ("stored", "tried too")
    assert shop.stored(shop.sandbox_id) == ["tried", "tried too"]


def test_real_data_and_counters_know_nothing_of_the_sandbox(shop: Shop) -> None:
    shop.track(event="order", properties=ORDER)
    assert shop.stored(shop.project.project.id) == []
    assert shop.parts.stream.counters(shop.project.project.id).accepted == 0
    real = shop.track(event="order", properties=ORDER, sandbox=False, message_id="m1")
    assert real == {"status": "accepted", "message_id": "m1"}


def test_an_emptied_sandbox_knows_nothing_of_what_it_was_sent(shop: Shop) -> None:
    before = shop.sandbox_id
    shop.track(event="order", message_id="m1", properties=ORDER)
    with shop.parts.sessions.begin() as db:
        close_sandbox(db, shop.project.project.id)
    assert shop.track(event="order", message_id="m1", properties=ORDER)["outcome"] == "stored"
    assert shop.sandbox_id != before
    assert shop.stored(shop.sandbox_id) == ["order"]


def test_a_slow_worker_leaves_the_message_in_the_queue_and_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.collector.sandbox.WAIT_SECONDS", 0.05)
    shop.working.clear()
    answer = shop.track(event="search")
    assert answer["outcome"] == "waiting"
    assert "the worker has not come to it yet" in answer["message"]
    assert answer["event"]["event"] == "search"
    assert shop.parts.stream.counters(shop.sandbox_id).waiting == 1
    shop.working.set()
    wait_until(lambda: shop.stored(shop.sandbox_id) == ["search"])


def test_a_worker_of_another_version_that_tells_otherwise_leaves_the_answer_open(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(shop.parts.stream.feed), "wait", lambda *_: [b'{"outcome": "hidden"}', b"2"])
    assert shop.track(event="search")["outcome"] == "waiting"
    wait_until(lambda: shop.stored(shop.sandbox_id) == ["search"])


def test_a_sandbox_that_the_queue_does_not_take_leaves_no_real_message_behind(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a batch that is repeated after its 503 would count the messages without an id twice."""
    append = type(shop.parts.stream).append

    def refuse_sandbox(stream: Stream, project_id: int, entries: list[tuple[str, bytes]]) -> None:
        if project_id != shop.project.project.id:
            raise QueueUnavailable("The queue is full.")
        append(stream, project_id, entries)

    monkeypatch.setattr(type(shop.parts.stream), "append", refuse_sandbox)
    events = [
        {"event": "search", "tracking_id": "anna"},
        {"event": "search", "tracking_id": "anna", "sandbox": True},
    ]
    body = json.dumps({"token": shop.project.token, "events": events}).encode()
    assert shop.client.post("/batch", data=body).status_code == 503
    assert shop.parts.stream.counters(shop.project.project.id).accepted == 0


def test_a_shop_that_went_live_with_its_sandbox_on_takes_a_quarter_of_the_threads(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.collector.sandbox.WAIT_SECONDS", 60)
    shop.working.clear()
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(shop.track, event="search", message_id=f"m{number}") for number in range(6)]
        wait_until(lambda: sum(each.done() for each in asked) == 4)
        assert {each.result()["outcome"] for each in asked if each.done()} == {"waiting"}
        shop.working.set()
    assert sorted(each.result()["outcome"] for each in asked) == ["stored"] * 2 + ["waiting"] * 4
    wait_until(lambda: shop.parts.stream.counters(shop.sandbox_id).waiting == 0)
    assert len(shop.stored(shop.sandbox_id)) == 6
