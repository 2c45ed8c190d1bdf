"""Exponea's calls that read customers."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

import shopalytic.collector
from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.models import Project
from shopalytic.accounts.projects import create_project
from shopalytic.collector.exponea.reading import ROWS_AT_ONCE
from shopalytic.errors import StoreUnavailable
from shopalytic.identity.id_rules import RuleChoice, save_rule
from shopalytic.identity.ids import origin_id
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.listing import list_people
from shopalytic.identity.lookup import customer_ids
from shopalytic.identity.traits import save_traits, traits
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.api.conftest import Shop as ReadShop
from tests.collector.conftest import RecordingStream
from tests.collector.test_fuzz import dumps, json_values, quick
from tests.factories import make_event, make_order

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
FIRST_PROJECT_ID = 2_000_000
_numbers = itertools.count(1)


class Shop(ReadShop):
    def ask(self, call: str, body: Any, key: str | None = None) -> Any:
        """The answer to a data call, asked with the project's secret key or another `key`."""
        path = f"/data/v2/projects/{self.made.token}/customers/{call}"
        return self.client.post(path, json=body, headers=self.authorization(key))

    def authorization(self, key: str | None = None) -> dict[str, str]:
        text = base64.b64encode(f"public:{key or self.made.secret_key}".encode()).decode()
        return {"Authorization": f"Basic {text}"}

    def say(self, id_type: str, id_value: str, at: datetime = NOON, **properties: Any) -> None:
        with self.parts.sessions.begin() as db:
            saying = (id_type, id_value, properties, at, f"saying-{next(_numbers)}")
            save_traits(db, self.project_id, [saying])

    def know(self, *ids: str) -> None:
        """Customers of whom only a `registered` id is known."""
        sightings = [
            Sighting("identify", "", {"registered": each}, NOON, f"known-{next(_numbers)}") for each in ids
        ]
        with self.parts.sessions.begin() as db:
            resolve(db, self.project_id, sightings)

    def visit(self, visitor: str, *events: tuple[str, str], customer: str = "") -> None:
        """Store events, each a name and an hour of the tenth of January. customer: '' for the visitor's own."""
        own = str(origin_id(self.project_id, "tracking_id", visitor))
        self.insert(
            *(
                make_event(
                    event=name, at=f"2026-01-10 {hour}:00:00", visitor=visitor, origin_id=own, customer_id=customer or own,
                    properties={"hour": hour},
                )
                for name, hour in events
            )
        )  # fmt: skip


@pytest.fixture(scope="module")
def parts(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder: Path = tmp_path_factory.mktemp("exponea")
    settings = Settings(data_dir=folder)
    upgrade(settings.relational_url)
    engine = make_engine(settings.relational_url)
    sessions = make_sessions(engine)
    with sessions.begin() as db:
        # The store is shared with modules whose databases number their projects from 1.
        db.add(Project(id=FIRST_PROJECT_ID, name="Before all others"))
    yield Parts(settings, sessions, store, cast("Stream", RecordingStream()))
    engine.dispose()


@pytest.fixture
def shop(parts: Parts) -> Shop:
    """Over an application of its own, whose keys are read when the first call comes."""
    app = Flask("shopalytic")
    shopalytic.collector.register(app, parts)
    with parts.sessions.begin() as db:
        made = create_project(db, f"Shop {uuid4()}")
    return Shop(made, parts, app.test_client())


@pytest.fixture
def known(shop: Shop) -> Shop:
    """A shop that knows one visitor."""
    shop.visit("app-1", ("a", "10"))
    return shop


def test_a_customer_is_exported_with_ids_properties_and_events(shop: Shop) -> None:
    shop.identify("app-1", NOON, registered="jon@shop.example")
    jon = shop.identify("app-2", NOON, registered="jon@shop.example")
    shop.say("registered", "jon@shop.example", first_name="Jon", visits=3)
    shop.visit("app-1", ("view_item", "10"), ("identify", "12"), ("order", "14"), customer=jon)
    shop.visit("app-2", ("session_start", "09"), customer=jon)
    for ids in (
        {"registered": "jon@shop.example"},
        {"cookie": "app-2"},
        {"registered": None, "cookie": "app-1"},
    ):
        answer = shop.ask("export-one", {"customer_ids": ids})
        assert (answer.status_code, answer.json["success"]) == (200, True)
        assert answer.json["ids"] == {"registered": "jon@shop.example", "cookie": ["app-1", "app-2"]}
        assert answer.json["properties"] == {"first_name": "Jon", "visits": 3}
    noon = NOON.timestamp()
    assert answer.json["events"] == [
        {"type": "session_start", "timestamp": noon - 3 * 3600, "properties": {"hour": "09"}},
        {"type": "view_item", "timestamp": noon - 2 * 3600, "properties": {"hour": "10"}},
        {"type": "order", "timestamp": noon + 2 * 3600, "properties": {"hour": "14"}},
    ]


def test_a_visitor_who_never_said_who_he_is_is_found_by_the_cookie(shop: Shop) -> None:
    shop.visit("app-9", ("view_item", "10"))
    answer = shop.ask("export-one", {"customer_ids": {"cookie": "app-9"}}).json
    assert (answer["ids"], len(answer["events"])) == ({"cookie": "app-9"}, 1)


@pytest.mark.parametrize(
    "ids", [{"registered": "nobody@shop.example"}, {"cookie": "nobody's"}, {}, {"registered": "null"}]
)
@pytest.mark.parametrize("call", ["export-one", "events", "attributes"])
def test_an_id_that_nobody_has_is_a_refusal(shop: Shop, call: str, ids: dict[str, str]) -> None:
    answer = shop.ask(call, {"customer_ids": ids, "event_types": ["a"], "attributes": []})
    assert (answer.status_code, answer.json["success"]) == (200, False)
    assert len(answer.json["errors"]) == 1


def events_of(shop: Shop, **members: Any) -> list[str]:
    answer = shop.ask("events", {"customer_ids": {"cookie": "app-1"}} | members)
    assert answer.json["success"] is True
    return [f"{event['type']} {event['properties']['hour']}" for event in answer.json["data"]]


def test_events_are_given_by_name_in_either_order_and_by_pages(shop: Shop) -> None:
    shop.visit("app-1", ("a", "10"), ("b", "11"), ("a", "12"), ("c", "13"), ("identify", "14"))
    assert events_of(shop, event_types=["a", "b"]) == ["a 10", "b 11", "a 12"]
    assert events_of(shop, event_types=["a", "b"], order="desc") == ["a 12", "b 11", "a 10"]
    assert events_of(shop, event_types=["a", "b"], limit=1, skip=1) == ["b 11"]
    assert events_of(shop, event_types=["identify"]) == ["identify 14"]
    assert events_of(shop, event_types=["d"]) == []


@pytest.mark.parametrize(
    "members",
    [
        {"event_types": None}, {"event_types": []}, {"event_types": [7]}, {"order": "up"}, {"limit": -1},
        {"limit": "5"}, {"limit": 10_001}, {"skip": True},
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_refused(shop: Shop, members: dict[str, Any]) -> None:
    shop.visit("app-1", ("a", "10"))
    answer = shop.ask("events", {"customer_ids": {"cookie": "app-1"}, "event_types": ["a"]} | members)
    assert (answer.status_code, answer.json["success"]) == (200, False)


def test_an_orders_amounts_are_among_its_properties(shop: Shop) -> None:
    own = str(origin_id(shop.project_id, "tracking_id", "app-1"))
    shop.insert(make_order(order_id="1", total="10.50", visitor="app-1", origin_id=own, customer_id=own))
    answer = shop.ask("events", {"customer_ids": {"cookie": "app-1"}, "event_types": ["order"]}).json
    assert answer["data"][0]["properties"]["total"] == "10.5"


def test_attributes_are_answered_one_by_one(shop: Shop) -> None:
    shop.identify("app-1", NOON, registered="jon@shop.example")
    shop.say("registered", "jon@shop.example", first_name="Jon")
    wanted = [
        {"type": "property", "property": "first_name"},
        {"type": "property", "property": "shoe_size"},
        {"type": "id", "id": "registered"},
        {"type": "id", "id": "cookie"},
        {"type": "expression", "id": "abc"},
        7,
    ]
    body = {"customer_ids": {"cookie": "app-1"}, "attributes": wanted}
    answer = shop.ask("attributes", body).json
    assert answer["success"] is True
    assert answer["results"][:4] == [
        {"success": True, "value": "Jon"},
        {"success": True, "value": None},
        {"success": True, "value": "jon@shop.example"},
        {"success": True, "value": "app-1"},
    ]
    assert [result["success"] for result in answer["results"][4:]] == [False, False]
    assert shop.ask("attributes", body | {"attributes": {}}).json["success"] is False


def test_all_customers_are_exported_as_a_table(shop: Shop) -> None:
    shop.identify("app-1", NOON, registered="jon@shop.example")
    shop.know("ann@shop.example")
    shop.say("registered", "jon@shop.example", first_name="Jon")
    shop.say("registered", "ann@shop.example", first_name="Ann", vip=True)
    answer = shop.ask("export", {"format": "native_json"})
    assert (answer.status_code, answer.json["success"]) == (200, True)
    assert answer.json["fields"] == [
        {"type": "id", "id": "registered"},
        {"type": "id", "id": "cookie"},
        {"type": "property", "property": "first_name"},
        {"type": "property", "property": "vip"},
    ]
    assert sorted(answer.json["data"]) == [
        ["ann@shop.example", None, "Ann", True],
        ["jon@shop.example", "app-1", "Jon", None],
    ]


def test_an_export_has_every_customer_once_however_many_there_are(shop: Shop) -> None:
    ids = [f"{number}@shop.example" for number in range(ROWS_AT_ONCE + 7)]
    shop.know(*ids)
    answer = shop.ask("export", {"format": "native_json"}).json
    assert sorted(row[0] for row in answer["data"]) == sorted(ids)


def test_a_listed_customer_is_told_of_as_when_asked_for_alone(shop: Shop) -> None:
    """A shared browser's sayings are those of whoever had it then."""
    shop.identify("kiosk", NOON, registered="jon@shop.example")
    shop.say("tracking_id", "kiosk", NOON, colour="red")
    shop.identify("kiosk", NOON.replace(hour=14), registered="ann@shop.example")
    shop.say("tracking_id", "kiosk", NOON.replace(hour=15), colour="blue")
    with shop.parts.sessions() as db:
        people = list_people(db, shop.project_id, None, 10)
        assert len(people) == 2
        for person in people:
            assert person.ids == customer_ids(db, shop.project_id, person.customer_id)
            assert person.properties == traits(db, shop.project_id, person.customer_id)


@pytest.mark.parametrize(
    "body", [{}, {"format": "csv"}, {"format": "native_json", "filter": {"type": "and"}}]
)
def test_an_export_that_cannot_be_given_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    answer = shop.ask("export", body)
    assert (answer.status_code, answer.json["success"]) == (200, False)


@quick
@given(
    body=st.dictionaries(
        st.sampled_from(["customer_ids", "event_types", "limit", "skip", "order", "attributes", "format"]),
        json_values | st.lists(st.text(min_size=1), min_size=1) | st.just({"cookie": "app-1"}),
    ),
    call=st.sampled_from(["export-one", "events", "attributes", "export"]),
)
def test_a_question_of_any_kind_is_answered_or_refused(known: Shop, body: dict[str, Any], call: str) -> None:
    path = f"/data/v2/projects/{known.made.token}/customers/{call}"
    answer = known.client.post(path, data=dumps(body), headers=known.authorization())
    assert answer.status_code == 200


class DownStore:
    def rows(self, *_: Any, **__: Any) -> list[Any]:
        raise StoreUnavailable("Nobody answers at /some/secret/path.")


@pytest.mark.parametrize(
    ("call", "part"),
    [
        *((call, "database") for call in ("export-one", "events", "attributes", "export")),
        *((call, "store") for call in ("export-one", "events", "attributes")),
    ],
)
def test_while_a_part_is_away_the_caller_is_asked_to_come_again(
    sessions: sessionmaker[Session], call: str, part: str
) -> None:
    with sessions.begin() as db:
        made = create_project(db, "Shop")
    app = Flask("shopalytic")
    parts = Parts(Settings(), sessions, cast("Store", DownStore()), cast("Stream", RecordingStream()))
    shopalytic.collector.register(app, parts)
    shop = Shop(made, parts, app.test_client())
    if part == "database":
        with sessions.begin() as db:
            db.execute(text("DROP TABLE identity"))
    body = {"customer_ids": {"cookie": "c"}, "event_types": ["a"], "attributes": [], "format": "native_json"}
    answer = shop.ask(call, body)
    assert (answer.status_code, answer.json["success"]) == (503, False)
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["errors"] == ["This cannot be read now; ask again later."]


@pytest.mark.parametrize("call", ["export-one", "events", "attributes", "export"])
def test_reading_needs_a_secret_key_of_the_project(shop: Shop, call: str) -> None:
    with shop.parts.sessions.begin() as db:
        other = create_project(db, f"Another shop {uuid4()}")
    path = f"/data/v2/projects/{shop.made.token}/customers/{call}"
    for key in (shop.made.token, other.secret_key, other.token, "wrong", "sha_sec_wrong"):
        answer = shop.ask(call, {"customer_ids": {"cookie": "app-1"}}, key)
        assert (answer.status_code, answer.json["success"]) == (401, False)
    for headers in ({"Authorization": f"Token {shop.made.token}"}, {}):
        assert shop.client.post(path, json={}, headers=headers).status_code == 401


def test_a_soft_id_names_the_visitor_whom_it_tells(shop: Shop) -> None:
    with shop.parts.sessions.begin() as db:
        save_rule(db, shop.project_id, "device", RuleChoice(is_hard=False), by="user:1")
    shop.visit("device:pad", ("a", "10"))
    asked = {"customer_ids": {"device": "pad"}, "event_types": ["a"]}
    assert [each["type"] for each in shop.ask("events", asked).json["data"]] == ["a"]
    asked["customer_ids"] = {"device": "another"}
    assert shop.ask("events", asked).json["success"] is False
