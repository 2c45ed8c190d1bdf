"""`POST /track`, `/identify`, `/alias`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.collector.conftest import ADDRESS, Shop, error_of, make_shop, pack

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_message_goes_into_the_stream_with_its_bytes_unchanged(shop: Shop) -> None:
    body = b' {"token": "%b",\n "event":"order","tracking_id":"v","properties":{"total":1.10,"x":"\\u00e9"}} '
    body %= shop.token.encode()
    response = shop.post("/track", body)
    assert (response.status_code, response.content_type) == (200, "application/json")
    [envelope] = shop.stream.envelopes
    assert bytes(envelope.message) == body.strip()
    assert (envelope.project_id, envelope.type) == (shop.project.project.id, None)
    assert [parsed.event.event for parsed in shop.stream.parsed()] == ["order"]


def test_the_clients_message_id_is_answered_and_not_replaced(shop: Shop) -> None:
    response = shop.track(message_id='m"1')
    assert json.loads(response.data) == {"status": "accepted", "message_id": 'm"1'}
    assert shop.stream.envelopes[0].message_id == ""
    assert shop.stream.parsed()[0].event.message_id == 'm"1'


@pytest.mark.parametrize("message_id", [None, ""])
def test_a_message_without_an_id_gets_a_uuid_that_sorts_by_time(shop: Shop, message_id: str | None) -> None:
    answers = [json.loads(shop.track(message_id=message_id).data)["message_id"] for _ in range(2)]
    assert all(UUID7.fullmatch(answer) for answer in answers)
    assert answers[0][:13] <= answers[1][:13]
    assert [parsed.event.message_id for parsed in shop.stream.parsed()] == answers


@pytest.mark.parametrize("kind", ["identify", "alias"])
def test_the_path_says_what_the_message_is(shop: Shop, kind: str) -> None:
    response = shop.post(f"/{kind}", shop.message(event=None, user_id="jon"))
    assert response.status_code == 200
    assert shop.stream.envelopes[0].type == kind
    assert shop.stream.parsed()[0].kind == kind


def test_a_type_that_contradicts_the_path_is_refused(shop: Shop) -> None:
    response = shop.post("/track", shop.message(type="identify", user_id="jon"))
    assert response.status_code == 400
    assert error_of(response)["at"] == "type"


def test_messages_of_one_visitor_share_a_key_and_servers_send_the_customers(shop: Shop) -> None:
    shop.track(tracking_id="v", user_id="jon")
    shop.track(tracking_id=None, user_id={"email": "Jon@Example.com", "user_id": 7})
    assert shop.stream.keys == ["v", "7"]


def test_what_the_request_says_of_the_visitor_travels_along(shop: Shop) -> None:
    headers = {"User-Agent": 'Browser "1"', "Accept-Language": "de-AT,de;q=0.9"}
    shop.track(headers)
    [envelope] = shop.stream.envelopes
    assert (envelope.user_agent, envelope.language) == ('Browser "1"', "de-AT,de;q=0.9")
    assert envelope.ip == ADDRESS


def test_a_user_agent_that_is_not_ascii_does_not_break_the_envelope(shop: Shop) -> None:
    raw = "Bröwser \ud83d".encode("utf-8", "surrogatepass").decode("latin-1")
    response = shop.client.post(
        "/track", data=json.dumps(shop.message()), environ_base={"HTTP_USER_AGENT": raw}
    )
    assert response.status_code == 200
    assert shop.stream.envelopes[0].user_agent.startswith("Bröwser")


def test_a_server_with_a_secret_key_is_not_taken_for_its_visitor(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.project.secret_key}", "User-Agent": "curl/8"}
    assert shop.track(headers, token=None).status_code == 200
    [envelope] = shop.stream.envelopes
    assert (envelope.ip, envelope.user_agent, envelope.language) == ("", "", "")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", ADDRESS),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", ADDRESS),
    ],
)
def test_only_trusted_proxies_say_who_the_client_is(
    sessions: sessionmaker[Session], tmp_path: Path, proxies: int, forwarded: str, expected: str
) -> None:
    shop = make_shop(sessions, tmp_path, trusted_proxies=proxies)
    shop.track({"X-Forwarded-For": forwarded})
    assert shop.stream.envelopes[0].ip == expected


@pytest.mark.parametrize("content_type", ["application/json", "text/plain;charset=UTF-8", ""])
def test_json_is_taken_under_any_content_type(shop: Shop, content_type: str) -> None:
    response = shop.post("/track", shop.message(), content_type=content_type)
    assert response.status_code == 200


def test_a_gzip_body_is_unpacked_before_it_is_stored(shop: Shop) -> None:
    body = json.dumps(shop.message()).encode()
    half = len(body) // 2
    for packed in (pack(body), pack(body[:half]) + pack(body[half:])):
        assert shop.post("/track", packed, {"Content-Encoding": "gzip"}).status_code == 200
    assert [bytes(envelope.message) for envelope in shop.stream.envelopes] == [body, body]


@pytest.mark.parametrize(
    ("members", "at", "words"),
    [
        ({"event": None}, "event", "no name"),
        ({"event": "  "}, "event", "no name"),
        ({"event": 5}, "event", "string or null, not a number"),
        ({"event": "x" * 256}, "event", "at most 255"),
        ({"event": "a\0b"}, "event", "NUL"),
        ({"type": "page"}, "type", "page"),
        ({"message_id": "x" * 65}, "message_id", "at most 64"),
        ({"message_id": "a\nb"}, "message_id", "printable"),
        ({"message_id": 12}, "message_id", "string"),
        ({"tracking_id": None}, "tracking_id", "tracking_id or a user_id"),
        ({"tracking_id": ["v"]}, "tracking_id", "not an array"),
        ({"tracking_id": "v" * 256}, "tracking_id", "255"),
        ({"tracking_id": "undefined"}, "tracking_id", "nobody"),
        ({"tracking_id": "a\0b"}, "tracking_id", "printed"),
        ({"tracking_id": None, "user_id": "null"}, "user_id", "nobody"),
        ({"tracking_id": None, "user_id": {"email": "guest"}}, "user_id.email", "nobody"),
        ({"tracking_id": None, "user_id": 10**400}, "user_id", "255"),
        ({"user_id": ["jon"]}, "user_id", "not an array"),
        ({"user_id": {"email": {}}}, "user_id", "not an object"),
        ({"user_id": 1.5}, "user_id", "not a decimal number"),
        ({"session_id": 3}, "session_id", "string"),
        ({"timestamp": {}}, "timestamp", "not an object"),
        ({"timestamp": True}, "timestamp", "not true or false"),
        ({"properties": []}, "properties", "object or null, not an array"),
        ({"context": "x"}, "context", "object or null, not a string"),
        ({"token": 5}, "token", "string"),
    ],
)
def test_a_wrong_member_is_refused_with_its_place(
    shop: Shop, members: dict[str, Any], at: str, words: str
) -> None:
    response = shop.track(**members)
    error = error_of(response)
    assert (response.status_code, error["at"]) == (400, at)
    assert words in error["message"]
    assert shop.stream.appended == []


@pytest.mark.parametrize("user_id", ["null", "guest", "[object Object]", {"email": "undefined"}])
def test_an_event_of_a_known_visitor_is_not_lost_for_an_id_that_names_nobody(
    shop: Shop, user_id: Any
) -> None:
    assert shop.track(user_id=user_id).status_code == 200
    for kind in ("identify", "alias"):
        response = shop.post(f"/{kind}", shop.message(event=None, user_id=user_id))
        assert response.status_code == 400
        assert error_of(response)["code"] == "forbidden_id"


@pytest.mark.parametrize("kind", ["identify", "alias"])
def test_identify_and_alias_need_a_user_id(shop: Shop, kind: str) -> None:
    response = shop.post(f"/{kind}", shop.message(event=None))
    assert (response.status_code, error_of(response)["at"]) == (400, "user_id")


@pytest.mark.parametrize("timestamp", [253402300799, "9999-12-31T23:59:59Z", -1, "yesterday", 10**400, 1.5])
def test_a_time_of_any_value_is_left_to_the_worker(shop: Shop, timestamp: Any) -> None:
    assert shop.track(timestamp=timestamp).status_code == 200


def test_a_thousand_properties_are_taken(shop: Shop) -> None:
    assert shop.track(properties={f"p{number}": number for number in range(1000)}).status_code == 200
    shop.stream.parsed()


def test_what_the_sandbox_is_sent_is_checked_and_kept_out_of_the_real_data(shop: Shop) -> None:
    assert shop.track(sandbox=True).status_code == 200
    assert shop.track(sandbox=True, event=None).status_code == 400
    assert shop.batch([shop.item()], sandbox=True).status_code == 200
    assert (len(shop.stream.appended), shop.stream.real()) == (2, [])


@pytest.mark.parametrize("path", ["/track", "/identify", "/alias", "/batch"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_told_which_one_is_right(shop: Shop, path: str, method: str) -> None:
    response = shop.client.open(path, method=method)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")
    assert error_of(response)["code"] == "method_not_allowed"


def test_all_else_is_left_to_the_application_behind(shop: Shop) -> None:
    assert shop.client.post("/tracks", data=b"{}").status_code == 404
    with shop.client.get("/static/shopalytic.v1.js") as response:
        assert response.status_code == 200


@pytest.mark.parametrize("path", ["/track", "/batch"])
def test_a_queue_that_is_down_is_a_503_that_tells_nobody_where_it_stands(shop: Shop, path: str) -> None:
    shop.stream.is_down = True
    response = shop.batch([shop.item(), b"5"]) if path == "/batch" else shop.track()
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "secret" not in error_of(response)["message"]
    assert b"accepted" not in response.data
