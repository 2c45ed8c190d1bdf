"""Segment's calls, and what becomes of each."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shopalytic.collector.segment.translate import APPS
from shopalytic.events.properties import event_properties, name_sent
from tests.collector.conftest import ADDRESS, Shop, pack

SENT = {"anonymousId": "visitor-1", "messageId": "m-1"}


def call(shop: Shop, path: str, headers: dict[str, str] | None = None, **members: Any) -> TestResponse:
    return shop.post(f"/v1/{path}", {"writeKey": shop.token} | SENT | members, headers)


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


def send_all(shop: Shop, *items: Any, path: str = "batch", **members: Any) -> TestResponse:
    return shop.post(f"/v1/{path}", {"writeKey": shop.token, "batch": items} | members)


@pytest.mark.parametrize(
    ("path", "members", "event"),
    [
        ("track", {"event": "Sofa Tested"}, "Sofa Tested"),
        ("t", {"event": "Sofa Tested"}, "Sofa Tested"),
        ("identify", {"traits": {"a": 1}}, "identify"),
        ("i", {"userId": "u-1"}, "identify"),
        ("page", {"name": "Home"}, "page_view"),
        ("p", {}, "page_view"),
        ("screen", {"name": "Home"}, "screen_view"),
        ("s", {}, "screen_view"),
        ("group", {"groupId": "g-1"}, "group"),
        ("g", {"groupId": 7}, "group"),
        ("alias", {"userId": "u-1", "previousId": "visitor-1"}, "alias"),
        ("a", {"userId": "u-1"}, "alias"),
    ],
)
def test_every_call_becomes_an_event(shop: Shop, path: str, members: dict[str, Any], event: str) -> None:
    response = call(shop, path, **members)
    assert (response.status_code, response.json) == (200, {"success": True})
    [parsed] = shop.stream.parsed()
    assert (parsed.event.event, parsed.event.door) == (event, "segment")
    assert (parsed.event.tracking_id, parsed.event.message_id) == ("visitor-1", "m-1")
    assert shop.stream.keys == ["visitor-1"]


@pytest.mark.parametrize("path", ["batch", "b", "import"])
def test_a_batch_holds_calls_of_any_type(shop: Shop, path: str) -> None:
    types = ["track", "identify", "page", "screen", "group", "alias"]
    items = [
        {"type": name, "event": "x", "userId": "u-1", "anonymousId": "v", "messageId": name} for name in types
    ]
    response = send_all(shop, *items, path=path)
    assert (response.status_code, response.json) == (200, {"success": True})
    assert [parsed.event.message_id for parsed in shop.stream.parsed()] == types
    assert shop.stream.calls == 1


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"]
)
def test_the_bodys_type_does_not_matter(shop: Shop, content_type: str) -> None:
    body = {"writeKey": shop.token, "event": "x"} | SENT
    assert shop.post("/v1/track", body, content_type=content_type).status_code == 200


def test_a_packed_body_is_taken(shop: Shop) -> None:
    body = pack(json.dumps({"writeKey": shop.token, "event": "x"} | SENT).encode())
    assert shop.post("/v1/track", body, {"Content-Encoding": "gzip"}).status_code == 200
    assert len(shop.stream.parsed()) == 1


def test_the_write_key_stands_in_the_body_or_in_the_authorization(shop: Shop) -> None:
    assert call(shop, "track", basic(shop.token), event="x", writeKey=None).status_code == 200
    assert call(shop, "track", event="x").status_code == 200
    # A staging site's password goes along by itself; the body's key is meant.
    assert call(shop, "track", basic("staging"), event="x").status_code == 200
    assert len(shop.stream.appended) == 3


@pytest.mark.parametrize("headers", [None, {"Authorization": "Basic ***"}, basic(""), basic("wrong")])
def test_without_a_right_key_nothing_is_taken(shop: Shop, headers: dict[str, str] | None) -> None:
    response = call(shop, "track", headers, event="x", writeKey=None)
    assert response.status_code == 401
    assert (response.json or {})["success"] is False
    assert call(shop, "track", event="x", writeKey="wrong").status_code == 401
    assert shop.stream.appended == []


def test_an_error_is_told_in_the_members_that_the_clients_log(shop: Shop) -> None:
    response = call(shop, "track", event=7)
    assert response.status_code == 400
    assert response.json == {
        "success": False,
        "code": "bad_request",
        "message": "The event has no name.",
        "error": {"code": "bad_request", "message": "The event has no name.", "at": "event"},
    }


@pytest.mark.parametrize(
    ("path", "members", "at"),
    [
        ("track", {"event": "x", "properties": []}, "properties"),
        ("track", {"event": "x", "anonymousId": None}, "tracking_id"),
        ("track", {"event": "x", "anonymousId": {"a": 1}}, "anonymousId"),
        ("track", {"event": "x", "userId": True}, "userId"),
        ("track", {"event": "x", "context": "c"}, "context"),
        ("identify", {"traits": "t"}, "traits"),
        ("alias", {"previousId": "v"}, "userId"),
        ("alias", {"userId": "u", "anonymousId": None}, "previousId"),
        ("alias", {"userId": "u", "previousId": "undefined"}, "previous_id"),
        ("identify", {"userId": "null"}, "user_id"),
    ],
)
def test_a_refusal_names_its_place(shop: Shop, path: str, members: dict[str, Any], at: str) -> None:
    response = call(shop, path, **members)
    assert response.status_code == 400
    assert response.json is not None
    assert response.json["error"]["at"] == at
    assert shop.stream.appended == []


def test_one_bad_item_never_loses_its_neighbours(shop: Shop) -> None:
    good = {"type": "track", "event": "x", "anonymousId": "v"}
    items: list[Any] = [good | {"messageId": "1"}, good | {"event": None}, 7, good | {"type": "buy"}]
    response = send_all(shop, *items, good | {"messageId": "5"})
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["success"] is True
    assert [(one["index"], one["at"]) for one in response.json["rejected"]] == [
        (1, "batch[1].event"), (2, "batch[2]"), (3, "batch[3].type"),
    ]  # fmt: skip
    assert [envelope.message_id for envelope in shop.stream.envelopes] == ["1", "5"]


def test_an_item_that_is_no_json_never_loses_its_neighbours(shop: Shop) -> None:
    good = json.dumps({"type": "track", "event": "x", "anonymousId": "v"})
    bad = '{"type":"track","event":"x","anonymousId":"v","properties":{"price":NaN}}'
    response = shop.post("/v1/batch", f'{{"writeKey":"{shop.token}","batch":[{good},{bad},{good}]}}'.encode())
    assert response.status_code == 200
    assert response.json is not None
    assert [one["index"] for one in response.json["rejected"]] == [1]
    assert len(shop.stream.parsed()) == 2


def test_a_batch_without_one_good_item_is_refused(shop: Shop) -> None:
    response = send_all(shop, {"type": "track"}, 7)
    assert response.status_code == 400
    assert (response.json or {})["error"]["at"] == "batch[0].event"


def test_an_empty_batch_is_fine(shop: Shop) -> None:
    assert send_all(shop).json == {"success": True}


def test_what_the_browser_library_counts_of_itself_is_thrown_away(shop: Shop) -> None:
    assert shop.post("/v1/m", {"series": [{"type": "Counter"}]}).json == {"success": True}
    assert shop.stream.appended == []


def test_the_calls_take_post(shop: Shop) -> None:
    response = shop.client.get("/v1/track")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")


def test_limits_are_those_of_the_native_doors(shop: Shop) -> None:
    assert call(shop, "track", event="x", properties={"a": "x" * 33_000}).status_code == 413
    assert send_all(shop, *[{"a": "x" * 1000}] * 600).status_code == 413
    item = {"type": "track", "event": "x", "anonymousId": "v"}
    response = send_all(shop, item, item | {"properties": {"a": "x" * 33_000}})
    assert (response.json or {})["rejected"][0]["at"] == "batch[1]"
    deep = '{"a":' * 70 + "1" + "}" * 70
    assert shop.post("/v1/track", deep.encode()).status_code == 400


def test_while_the_queue_is_away_the_client_is_asked_to_keep_its_messages(shop: Shop) -> None:
    shop.stream.is_down = True
    response = call(shop, "track", {"Origin": "https://shop.example"}, event="x")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert b"secret" not in response.data


def test_a_message_without_an_id_gets_one_and_a_long_id_its_digest(shop: Shop) -> None:
    for message_id in (None, "x" * 100, "x" * 101, 'a"b\\', "é"):
        assert call(shop, "track", event="x", messageId=message_id).status_code == 200
    ids = [parsed.event.message_id for parsed in shop.stream.parsed()]
    assert len(set(ids)) == 5
    assert all(0 < len(name) <= 64 for name in ids)


def test_ids_that_are_numbers_are_taken(shop: Shop) -> None:
    call(shop, "track", event="x", anonymousId=12, userId=34)
    [parsed] = shop.stream.parsed()
    assert (parsed.event.tracking_id, parsed.user_ids) == ("12", {"user_id": "34"})


def test_an_identify_names_the_customer_and_brings_the_traits(shop: Shop) -> None:
    call(shop, "identify", userId="u-1", traits={"firstName": "Jon", "email": "jon@shop.example"})
    [parsed] = shop.stream.parsed()
    assert (parsed.kind, parsed.user_ids) == ("identify", {"user_id": "u-1"})
    assert event_properties(parsed.event) == {"first_name": "Jon", "email": "jon@shop.example"}


def test_traits_of_somebody_unknown_are_kept_under_the_visitors_id(shop: Shop) -> None:
    call(shop, "identify", traits={"lastName": "Snow"})
    [parsed] = shop.stream.parsed()
    assert (parsed.kind, parsed.event.event, parsed.user_ids) == ("track", "identify", {})
    assert event_properties(parsed.event) == {"last_name": "Snow"}


def test_an_alias_of_a_server_names_the_previous_id(shop: Shop) -> None:
    call(shop, "alias", anonymousId=None, previousId="visitor-9", userId="u-1")
    [parsed] = shop.stream.parsed()
    assert (parsed.kind, parsed.event.tracking_id, parsed.previous_id) == ("alias", "", "visitor-9")
    assert parsed.user_ids == {"user_id": "u-1"}


def test_an_alias_of_the_browser_library_names_the_visitor_and_the_previous_id(shop: Shop) -> None:
    call(shop, "alias", previousId="u-0", userId="u-1")
    [parsed] = shop.stream.parsed()
    assert (parsed.event.tracking_id, parsed.previous_id) == ("visitor-1", "u-0")


def test_a_group_is_a_free_event_with_its_traits(shop: Shop) -> None:
    call(shop, "group", userId="u-1", groupId="g-1", traits={"name": "Initech", "employees": 7})
    [parsed] = shop.stream.parsed()
    assert event_properties(parsed.event) == {"group_id": "g-1", "name": "Initech", "employees": 7}


def test_the_context_is_read_by_our_names(shop: Shop) -> None:
    page = {
        "url": "https://shop.example/a?utm_source=x",
        "referrer": "https://r.example/",
        "title": "A",
        "path": "/a",
        "search": "?utm_source=x",
    }
    context = {
        "ip": "192.0.2.77", "userAgent": "Visitor/1.0", "locale": "de-AT", "timezone": "Europe/Vienna",
        "page": page, "campaign": {"source": "news", "medium": "email", "name": "may"},
        "library": {"name": "analytics.js", "version": "next-1.2.3"}, "screen": {"width": 800, "height": 600},
        "app": {"name": "InitechGlobal"},
    }  # fmt: skip
    call(shop, "track", event="x", context=context)
    [parsed] = shop.stream.parsed()
    event = parsed.event
    assert (parsed.ip, parsed.user_agent, event.language) == ("192.0.2.77", "Visitor/1.0", "de-AT")
    assert (event.url, event.referrer, event.title) == (page["url"], page["referrer"], "A")
    assert (event.time_zone, event.screen) == ("Europe/Vienna", "800x600")
    assert (event.utm_source, event.utm_medium, event.utm_campaign) == ("news", "email", "may")
    assert event.library == "analytics.js/next-1.2.3"
    assert event.properties["_context"]["app"] == {"name": "InitechGlobal"}


def test_a_batchs_context_counts_for_all_its_items(shop: Shop) -> None:
    item = {"type": "track", "event": "x", "anonymousId": "v", "context": {"locale": "fr"}}
    send_all(shop, item, context={"locale": "de", "timezone": "Europe/Paris"})
    [parsed] = shop.stream.parsed()
    assert (parsed.event.language, parsed.event.time_zone) == ("fr", "Europe/Paris")


AGENT = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}


@pytest.mark.parametrize(
    ("headers", "library", "is_visitors"),
    [
        ({"Origin": "https://shop.example"}, "analytics.js", True),
        ({}, sorted(APPS)[0], True),
        ({}, "analytics-python", False),
        ({}, None, False),
    ],
)
def test_a_servers_address_is_not_the_visitors(
    shop: Shop, headers: dict[str, str], library: str | None, is_visitors: bool
) -> None:
    call(shop, "track", headers | AGENT, event="x", context={"library": {"name": library}})
    [parsed] = shop.stream.parsed()
    assert (parsed.ip, parsed.user_agent) == ((ADDRESS, AGENT["User-Agent"]) if is_visitors else ("", ""))


def test_a_wrong_clock_is_corrected_by_when_the_batch_was_sent(shop: Shop) -> None:
    item = {"type": "track", "event": "x", "anonymousId": "v", "timestamp": "2001-01-01T00:00:00.000Z"}
    send_all(shop, item, sentAt="2001-01-01T00:00:10.000Z")
    [parsed] = shop.stream.parsed()
    [envelope] = shop.stream.envelopes
    assert round(parsed.occurred_at.timestamp() * 1000) == envelope.received_at - 10_000


def test_an_imports_times_are_believed(shop: Shop) -> None:
    item = {"type": "track", "event": "x", "anonymousId": "v", "timestamp": "2001-01-01T00:00:00.000Z"}
    send_all(shop, item, sentAt="2001-01-01T00:00:10.000Z", path="import")
    [parsed] = shop.stream.parsed()
    assert parsed.event.occurred_at == "2001-01-01 00:00:00.000"


def test_the_original_timestamp_goes_first(shop: Shop) -> None:
    call(shop, "track", event="x", originalTimestamp="2002-02-02T00:00:00Z", timestamp="2001-01-01T00:00:00Z")
    [parsed] = shop.stream.parsed()
    assert parsed.event.occurred_at == "2002-02-02 00:00:00.000"


def test_what_has_no_name_of_ours_keeps_its_own(shop: Shop) -> None:
    properties = {"size": 9.90, "deep": {"a": [1, None]}, "products": [{"product_id": "1"}]}
    call(shop, "track", event="Sofa Tested", properties=properties)
    [parsed] = shop.stream.parsed()
    assert event_properties(parsed.event) == properties
    assert name_sent(parsed.event) == ""
