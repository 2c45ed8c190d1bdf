"""Exponea's tracking calls, and what becomes of each."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from shopalytic.accounts.projects import create_project
from shopalytic.events.properties import event_properties
from tests.collector.conftest import ADDRESS, Shop, make_shop

IDS = {"registered": "jon@shop.example", "cookie": "app-1"}
AT = 1_700_000_000.123456
AGENT = {"User-Agent": "Mozilla/5.0 (Linux; Android 14)"}


def token_of(shop: Shop) -> dict[str, str]:
    return {"Authorization": f"Token {shop.token}"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def call(shop: Shop, path: str, body: Any, headers: dict[str, str] | None = None) -> TestResponse:
    return shop.post(
        f"/track/v2/projects/{shop.token}/{path}",
        body,
        token_of(shop) if headers is None else headers,
        content_type="application/json",
    )


def event(**members: Any) -> dict[str, Any]:
    return {"customer_ids": IDS, "event_type": "view_item", "timestamp": AT, "properties": {"a": 1}} | members


def command(name: str = "customers/events", **members: Any) -> dict[str, Any]:
    return {"name": name, "data": event(**members)}


def test_an_event_is_the_visitors_and_the_customers(shop: Shop) -> None:
    response = call(shop, "customers/events", event(), token_of(shop) | AGENT)
    assert (response.status_code, response.json) == (200, {"success": True, "errors": []})
    [parsed] = shop.stream.parsed()
    assert (parsed.event.event, parsed.event.door, parsed.event.tracking_id) == (
        "view_item",
        "exponea",
        "app-1",
    )
    assert parsed.user_ids == {"registered": "jon@shop.example"}
    assert parsed.event.occurred_at == "2023-11-14 22:13:20.123"
    assert event_properties(parsed.event) == {"a": 1}
    assert (parsed.ip, parsed.user_agent) == (ADDRESS, AGENT["User-Agent"])
    assert shop.stream.keys == ["app-1"]


def test_a_customers_properties_are_an_identify(shop: Shop) -> None:
    body = {"customer_ids": IDS, "properties": {"first_name": "Jon"}, "update_timestamp": AT}
    assert call(shop, "customers", body).json == {"success": True, "errors": []}
    [parsed] = shop.stream.parsed()
    assert (parsed.kind, parsed.event.event) == ("identify", "identify")
    assert parsed.event.occurred_at == "2023-11-14 22:13:20.123"
    assert event_properties(parsed.event) == {"first_name": "Jon"}


def test_properties_of_somebody_unknown_are_kept_under_the_visitors_id(shop: Shop) -> None:
    ids = {"cookie": "app-1", "registered": None}
    call(shop, "customers", {"customer_ids": ids, "properties": {"first_name": "Jon"}})
    [parsed] = shop.stream.parsed()
    assert (parsed.kind, parsed.event.event, parsed.user_ids) == ("track", "identify", {})


def test_a_click_in_a_campaign_brings_the_address_that_it_led_to(shop: Shop) -> None:
    url = "https://shop.example/?utm_source=push&utm_campaign=may"
    body = {"customer_ids": IDS, "url": url, "properties": {"platform": "iOS"}, "timestamp": AT}
    assert call(shop, "campaigns/clicks", body).json == {"success": True, "errors": []}
    [parsed] = shop.stream.parsed()
    assert (parsed.event.event, parsed.event.url) == ("campaign", url)
    assert event_properties(parsed.event) == {"platform": "iOS"}


def test_the_sdk_is_the_library(shop: Shop) -> None:
    call(shop, "customers/events", event(properties={"sdk": "AndroidSDK", "sdk_version": "4.0.1"}))
    [parsed] = shop.stream.parsed()
    assert parsed.event.library == "AndroidSDK/4.0.1"


def test_what_the_app_sends_again_is_the_same_message(shop: Shop) -> None:
    """The SDKs send no message id."""
    for body in (event(), event(), event(timestamp=AT + 0.000001), event(properties={"a": 2})):
        call(shop, "customers/events", body)
    call(shop, "batch", {"commands": [command()]})
    first, again, later, other, in_batch = [parsed.event.message_id for parsed in shop.stream.parsed()]
    assert first == again == in_batch
    assert len({first, later, other}) == 3
    assert len(first) <= 64


def test_commands_without_a_time_are_messages_of_their_own(shop: Shop) -> None:
    for _ in range(2):
        call(shop, "customers/events", event(timestamp=None))
    first, second = [parsed.event.message_id for parsed in shop.stream.parsed()]
    assert first != second


def test_a_batch_answers_each_command_in_order(shop: Shop) -> None:
    commands = [
        command("customers"),
        command("system/time"),
        command(event_type=""),
        command("customers/merge"),
        command(customer_ids={}),
        {"name": "system/time"},
        7,
        command(),
    ]
    response = call(shop, "batch", {"commands": commands})
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["success"] is True
    assert response.json["start_time"] <= response.json["end_time"]
    results = response.json["results"]
    assert [result["success"] for result in results] == [True, True, False, False, False, True, False, True]
    assert all(bool(result["errors"]) != result["success"] for result in results)
    assert all(
        response.json["start_time"] <= result["time"] <= response.json["end_time"] for result in results
    )
    assert [parsed.event.event for parsed in shop.stream.parsed()] == ["identify", "view_item"]
    assert shop.stream.calls == 1


def test_more_than_fifty_commands_are_refused(shop: Shop) -> None:
    assert (call(shop, "batch", {"commands": [command()] * 50}).json or {})["success"] is True
    response = call(shop, "batch", {"commands": [command()] * 51})
    assert (response.status_code, (response.json or {})["success"]) == (200, False)
    assert len(shop.stream.appended) == 50


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("customers", {"properties": {}}),
        ("customers", {"customer_ids": {"registered": "null"}, "properties": {}}),
        ("customers", {"customer_ids": IDS, "properties": []}),
        ("customers", {"customer_ids": {"cookie": ["a"]}}),
        ("customers", {"customer_ids": {"tracking_id": "t"}}),
        ("customers/events", {"customer_ids": IDS}),
        ("customers/events", {"customer_ids": IDS, "event_type": 7}),
        ("customers/events", event(customer_ids={"registered": 1.5})),
        ("campaigns/clicks", {"customer_ids": IDS}),
        ("batch", {}),
        ("batch", {"commands": {}}),
        ("customers", b"{"),
    ],
)
def test_a_refused_command_is_answered_with_200_and_its_errors(shop: Shop, path: str, body: Any) -> None:
    response = call(shop, path, body)
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["success"] is False
    [error] = response.json["errors"]
    assert error.endswith(".")
    assert shop.stream.appended == []


def test_any_of_the_right_keys_opens(shop: Shop) -> None:
    secret = shop.project.secret_key
    for headers in (
        token_of(shop), basic(secret), basic(f"{secret}:"), basic(f":{secret}"), basic(f"public:{secret}"),
        basic(f"{shop.token}:{secret}"), basic(f"{shop.token}:"),
    ):  # fmt: skip
        assert call(shop, "customers/events", event(timestamp=None), headers).status_code == 200
    assert len(shop.stream.appended) == 7


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Token"},
        {"Authorization": "Token wrong"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic !"},
        basic("public:sha_sec_wrong"),
        basic("wrong"),
    ],
)
@pytest.mark.parametrize("path", ["customers", "customers/events", "campaigns/clicks", "batch"])
def test_a_wrong_key_is_401(shop: Shop, path: str, headers: dict[str, str]) -> None:
    response = call(shop, path, event(), headers)
    assert response.status_code == 401
    assert (response.json or {})["success"] is False
    assert shop.stream.appended == []


def test_a_key_of_another_project_is_401(shop: Shop) -> None:
    with shop.sessions.begin() as db:
        other = create_project(db, "Another shop")
    for headers in (
        {"Authorization": f"Token {other.token}"}, basic(other.secret_key),
        basic(f"{other.token}:{shop.project.secret_key}"),
    ):  # fmt: skip
        assert call(shop, "customers/events", event(), headers).status_code == 401


def test_the_time_is_told(shop: Shop) -> None:
    path = f"/track/v2/projects/{shop.token}/system/time"
    response = shop.client.get(path, headers=token_of(shop))
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["success"] is True
    assert isinstance(response.json["time"], float)
    assert shop.client.get(path, headers={"Authorization": "Token wrong"}).status_code == 401


def test_while_the_queue_is_away_the_app_keeps_its_events(shop: Shop) -> None:
    shop.stream.is_down = True
    for path, body in (("customers/events", event()), ("batch", {"commands": [command()]})):
        response = call(shop, path, body)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert (response.json or {})["success"] is False


def test_an_app_has_no_origin_so_that_its_project_must_name_none(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, origins=["https://shop.example"])
    assert call(shop, "customers/events", event()).status_code == 403
    assert call(shop, "customers/events", event(), basic(shop.project.secret_key)).status_code == 200


def test_limits_are_those_of_the_native_doors(shop: Shop) -> None:
    large = event(properties={"a": "x" * 33_000})
    assert call(shop, "customers/events", large).status_code == 413
    response = call(shop, "batch", {"commands": [{"name": "customers/events", "data": large}, command()]})
    assert [result["success"] for result in (response.json or {})["results"]] == [False, True]
    assert call(shop, "batch", {"commands": [large] * 20}).status_code == 413


def test_a_server_speaks_for_its_visitors(shop: Shop) -> None:
    call(shop, "customers/events", event(), basic(shop.project.secret_key) | AGENT)
    [parsed] = shop.stream.parsed()
    assert (parsed.ip, parsed.user_agent) == ("", "")


def test_a_preflight_is_granted(shop: Shop) -> None:
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    response = shop.client.options(f"/track/v2/projects/{shop.token}/batch", headers=headers)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
