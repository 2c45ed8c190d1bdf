"""Exponea's call `customers/anonymize`. What it does to the events is in tests/privacy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

import shopalytic.collector
from shopalytic.accounts.models import Project
from shopalytic.accounts.projects import create_project
from shopalytic.parts import Parts
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.privacy.record import list_erasures, unfinished
from shopalytic.privacy.run import advance
from shopalytic.stream import Stream
from tests.collector.exponea.test_reading import NOON, Shop, parts
from tests.servers import running_valkey

__all__ = ["parts"]


@pytest.fixture
def shop(parts: Parts) -> Iterator[Shop]:
    """A shop whose customer jon@shop.example had one visit, as `app-1`."""
    with running_valkey() as url:
        stream = Stream(url, partitions=1)
        whole = Parts(parts.settings, parts.sessions, parts.store, stream)
        app = Flask("shopalytic")
        shopalytic.collector.register(app, whole)
        with parts.sessions.begin() as db:
            made = create_project(db, f"Shop {uuid4()}", currency="GBP")
        shop = Shop(made, whole, app.test_client())
        jon = shop.identify("app-1", NOON, registered="jon@shop.example")
        shop.visit("app-1", ("view_item", "10"), customer=jon)
        yield shop
        stream.close()


def work(shop: Shop) -> None:
    runner = Runner(shop.parts.store, shop.parts.sessions, StepContext(), session_timeout_minutes=30)
    for erasure_id in unfinished(shop.parts.sessions):
        advance(shop.parts, runner, erasure_id)


def erasures(shop: Shop) -> list[Any]:
    return list_erasures(shop.parts.sessions, shop.project_id)


@pytest.mark.parametrize(
    "ids", [{"registered": "jon@shop.example"}, {"cookie": "app-1"}, {"registered": "jon@shop.example", "cookie": "app-1"}]
)  # fmt: skip
def test_the_person_is_gone_and_the_events_stay(shop: Shop, ids: dict[str, str]) -> None:
    assert shop.ask("anonymize", {"customer_ids": ids}).json == {"success": True}
    work(shop)
    for gone in ({"registered": "jon@shop.example"}, {"cookie": "app-1"}):
        assert shop.ask("export-one", {"customer_ids": gone}).json["success"] is False
    assert [erasure.counts["events"] for erasure in erasures(shop)] == [1]


def test_a_visitor_who_never_said_who_he_is_can_be_anonymised(shop: Shop) -> None:
    shop.visit("app-9", ("view_item", "10"))
    assert shop.ask("anonymize", {"customer_ids": {"cookie": "app-9"}}).json == {"success": True}
    work(shop)
    assert shop.ask("export-one", {"customer_ids": {"cookie": "app-9"}}).json["success"] is False
    assert shop.ask("export-one", {"customer_ids": {"cookie": "app-1"}}).json["success"] is True


def test_called_again_it_succeeds_and_begins_nothing(shop: Shop) -> None:
    body = {"customer_ids": {"registered": "jon@shop.example"}}
    for _ in range(2):
        assert shop.ask("anonymize", body).json == {"success": True}
    work(shop)
    assert shop.ask("anonymize", body).json == {"success": True}
    assert len(erasures(shop)) == 1


@pytest.mark.parametrize(
    "ids", [{"registered": "nobody@shop.example"}, {"cookie": "nobody's"}, {}, {"registered": "null"}, None]
)
def test_an_id_that_nobody_has_is_a_refusal(shop: Shop, ids: Any) -> None:
    answer = shop.ask("anonymize", {"customer_ids": ids})
    assert (answer.status_code, answer.json["success"], len(answer.json["errors"])) == (200, False, 1)
    assert erasures(shop) == []


def test_ids_of_two_customers_are_a_refusal(shop: Shop) -> None:
    shop.identify("app-2", NOON, registered="ann@shop.example")
    answer = shop.ask("anonymize", {"customer_ids": {"registered": "jon@shop.example", "cookie": "app-2"}})
    assert answer.json["success"] is False
    assert erasures(shop) == []


def test_only_a_secret_key_of_the_project_anonymises(shop: Shop) -> None:
    body = {"customer_ids": {"registered": "jon@shop.example"}}
    with shop.parts.sessions.begin() as db:
        other = create_project(db, f"Other {uuid4()}")
        assert db.get(Project, other.project.id)
    path = f"/data/v2/projects/{shop.made.token}/customers/anonymize"
    refused = [
        {},
        {"Authorization": f"Token {shop.made.token}"},
        shop.authorization(other.secret_key),
        shop.authorization("sha_sec_wrong"),
    ]
    for headers in refused:
        answer = shop.client.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json["success"]) == (401, False)
    assert shop.client.get(path, headers=shop.authorization()).status_code == 405
    assert erasures(shop) == []
