"""Exponea's documented calls against a whole Shopalytic: each call, and what arrived."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from benchmarks.system import System

AT = time.time() - 600
IDS = {"registered": "xeno@shop.example", "cookie": "app-x"}
TRACKING = {
    "customers": {"customer_ids": IDS, "properties": {"first_name": "Xeno"}, "update_timestamp": AT},
    "customers/events": {
        "customer_ids": IDS, "event_type": "view_item", "timestamp": AT + 1.5, "properties": {"item_id": 7},
    },
    "campaigns/clicks": {
        "customer_ids": IDS, "url": "https://shop.example/?utm_source=push&utm_medium=push", "timestamp": AT + 2,
        "properties": {"platform": "iOS"},
    },
    "batch": {
        "commands": [
            {"name": "system/time"},
            {"name": "customers/events", "data": {
                "customer_ids": {"cookie": "app-x"}, "event_type": "session_start", "timestamp": AT - 1,
                "properties": {},
            }},
            {"name": "customers/events", "data": {"customer_ids": IDS}},
        ],
    },
}  # fmt: skip


def call(system: System, path: str, body: Any, authorization: str) -> tuple[int, Any]:
    address = f"{system.address}/{path.replace('<token>', system.project['token'])}"
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def track(system: System, name: str) -> tuple[int, Any]:
    authorization = f"Token {system.project['token']}"
    return call(system, f"track/v2/projects/<token>/{name}", TRACKING.get(name), authorization)


def read(system: System, name: str, body: Any) -> Any:
    key = base64.b64encode(f"public:{system.project['secret_key']}".encode()).decode()
    status, answer = call(system, f"data/v2/projects/<token>/customers/{name}", body, f"Basic {key}")
    assert status == 200
    return answer


@pytest.fixture(scope="module")
def tracked(system: System) -> System:
    """Every tracking call sent, and sent again as an app does that had no answer; all stored."""
    for _ in range(2):
        for name in ("customers", "customers/events", "campaigns/clicks"):
            assert track(system, name) == (200, {"success": True, "errors": []})
        status, answer = track(system, "batch")
        assert (status, answer["success"]) == (200, True)
        assert [result["success"] for result in answer["results"]] == [True, True, False]
    system.wait_until_stored(patience_seconds=60)
    return system


def test_the_time_is_told(system: System) -> None:
    status, answer = track(system, "system/time")
    assert (status, answer["success"]) == (200, True)
    assert isinstance(answer["time"], float)


def test_what_was_sent_twice_is_stored_once(tracked: System) -> None:
    events = tracked.get("/api/v1/events?limit=1000")["events"]
    found = {event["event"]: event for event in events}
    assert set(found) == {"identify", "view_item", "campaign", "session_start"}
    assert len(events) == 4
    assert {event["door"] for event in events} == {"exponea"}
    assert len({event["customer_id"] for event in events}) == 1
    assert found["view_item"]["properties"] == {"item_id": 7}
    assert found["campaign"]["url"].startswith("https://shop.example/")
    assert found["campaign"]["channel"] not in ("", "direct")
    assert tracked.counters()["duplicate"] == 4


def test_a_customer_is_exported(tracked: System) -> None:
    answer = read(tracked, "export-one", {"customer_ids": {"cookie": "app-x"}})
    assert answer["success"] is True
    assert answer["ids"] == IDS
    assert answer["properties"] == {"first_name": "Xeno"}
    assert [event["type"] for event in answer["events"]] == ["session_start", "view_item", "campaign"]
    assert answer["events"][1]["timestamp"] == pytest.approx(AT + 1.5, abs=0.002)


def test_events_of_a_customer_are_read(tracked: System) -> None:
    body = {"customer_ids": IDS, "event_types": ["view_item", "session_start"], "order": "desc", "limit": 1}
    assert [event["type"] for event in read(tracked, "events", body)["data"]] == ["view_item"]
    assert [event["type"] for event in read(tracked, "events", body | {"skip": 1})["data"]] == [
        "session_start"
    ]


def test_attributes_of_a_customer_are_read(tracked: System) -> None:
    wanted = [{"type": "property", "property": "first_name"}, {"type": "id", "id": "registered"}]
    answer = read(tracked, "attributes", {"customer_ids": IDS, "attributes": wanted})
    assert answer["results"] == [
        {"success": True, "value": "Xeno"}, {"success": True, "value": "xeno@shop.example"},
    ]  # fmt: skip


def test_all_customers_are_exported(tracked: System) -> None:
    answer = read(tracked, "export", {"format": "native_json"})
    assert answer["fields"] == [
        {"type": "id", "id": "registered"}, {"type": "id", "id": "cookie"},
        {"type": "property", "property": "first_name"},
    ]  # fmt: skip
    assert answer["data"] == [["xeno@shop.example", "app-x", "Xeno"]]


@pytest.mark.parametrize("path", [
    *(f"track/v2/projects/<token>/{name}" for name in (*TRACKING, "system/time")),
    *(f"data/v2/projects/<token>/customers/{name}" for name in ("export-one", "events", "attributes", "export")),
])  # fmt: skip
def test_a_wrong_key_is_401(system: System, path: str) -> None:
    body = None if path.endswith("system/time") else {"customer_ids": IDS, "format": "native_json"}
    status, answer = call(system, path, body, "Token wrong")
    assert (status, answer["success"]) == (401, False)


def test_the_apps_token_reads_nothing(system: System) -> None:
    path = "data/v2/projects/<token>/customers/export-one"
    assert call(system, path, {"customer_ids": IDS}, f"Token {system.project['token']}")[0] == 401
