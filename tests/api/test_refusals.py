"""Every refusal is `{"error": {"code", "message", "at"}}` with a sentence that helps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import select

from shopalytic.accounts.keys import get_key, revoke_key
from shopalytic.accounts.models import Key
from shopalytic.errors import StoreUnavailable
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.api.conftest import Shop


def error_of(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/json"
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message", "at"}
    return answer.json["error"]


def test_a_request_without_a_key_is_told_how_to_send_one(shop: Shop) -> None:
    answer = shop.client.get("/api/v1/counters")

    error = error_of(answer, 401)
    assert error["code"] == "not_authorized"
    assert "Authorization: Bearer" in error["message"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", ["", "sha_sec_wrong", "ü", "x" * 5000])
def test_a_wrong_key_opens_nothing(shop: Shop, key: str) -> None:
    error_of(shop.get("/counters", key=key), 401)


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "sha_sec_x", "Token x"])
def test_another_scheme_opens_nothing(shop: Shop, header: str) -> None:
    error_of(shop.client.get("/api/v1/counters", headers={"Authorization": header}), 401)


def test_a_project_token_is_told_that_reading_needs_a_secret_key(shop: Shop) -> None:
    error = error_of(shop.get("/counters", key=shop.made.token), 401)

    assert "secret key" in error["message"]
    assert "token" in error["message"]


def test_a_revoked_key_opens_nothing_any_more(shop: Shop) -> None:
    assert shop.get("/counters").status_code == 200
    with shop.parts.sessions.begin() as db:
        revoke_key(get_key(db, shop.project_id, shop.made.secret_key))

    assert "revoked" in error_of(shop.get("/counters"), 401)["message"]


def test_a_keys_last_use_is_noted_but_not_at_each_request(shop: Shop) -> None:
    def last_use() -> datetime | None:
        with shop.parts.sessions() as db:
            return db.scalars(
                select(Key.last_used_at).where(Key.project_id == shop.project_id, Key.kind == "secret")
            ).one()

    assert last_use() is None
    shop.get("/counters")
    first = last_use()
    shop.get("/counters")

    assert first is not None
    assert datetime.now(UTC) - first < timedelta(minutes=1)
    assert last_use() == first


@pytest.mark.parametrize(
    ("path", "query", "at", "part_of_message"),
    [
        ("/events", {"limit": "0"}, "limit", "limit is '0': Expected int >= 1"),
        ("/events", {"limit": "1001"}, "limit", "<= 1000"),
        ("/events", {"limit": "ten"}, "limit", "Expected int"),
        ("/events", {"limit": ""}, "limit", "limit is ''"),
        ("/events", {"since": "yesterday"}, "since", "such as 2026-01-31T12:00:00Z"),
        ("/events", {"since": "2026-01-31T12:00:00"}, "since", "no time zone"),
        ("/events", {"since": "9999-12-31T23:59:59Z"}, "since", "from 1970-01-01"),
        ("/events", {"since": "0001-01-01T00:00:00+14:00"}, "since", "from 1970-01-01"),
        ("/events", {"cursor": "abc"}, "cursor", "no cursor"),
        ("/events", {"cursor": "WyJhIiwiYiJd"}, "cursor", "no cursor"),
        ("/events", {"cursor": "ü"}, "cursor", "no cursor"),
        ("/events", {"event": "x" * 256}, "event", "length <= 255"),
        ("/events", {"events": "order"}, "events", "takes event, since, limit, cursor"),
        ("/events", {"limit": ["1", "2"]}, "limit", "given 2 times"),
        ("/customers", {}, "id", "id is missing"),
        ("/customers", {"id": ""}, "id", "length >= 1"),
        ("/counters", {"a": "b"}, "a", "this call takes none"),
        ("/reports/overview", {"start": "2010-12-1"}, "start", "date"),
        ("/reports/overview", {"start": "20101201"}, "start", "date"),
        ("/reports/overview", {"end": "2010-02-30"}, "end", "date"),
        ("/reports/overview", {"start": "2010-12-02", "end": "2010-12-01"}, "start", "before the first"),
        ("/reports/overview", {"start": "1960-01-01", "end": "1960-01-02"}, "start", "from 1970-01-01"),
        ("/reports/overview", {"end": "0001-01-02"}, "start", "no period"),
        ("/reports/overview", {"end": "9999-12-31"}, "start", "to 2199-12-31"),
        ("/reports/overview", {"start": "2000-01-01", "end": "2020-01-01"}, "start", "at most 3660 days"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_would_be_right(
    shop: Shop, path: str, query: dict[str, Any], at: str, part_of_message: str
) -> None:
    error = error_of(shop.get(path, **query), 400)

    assert error["code"] == "bad_request"
    assert error["at"] == at
    assert part_of_message in error["message"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/reports/nothing", "/customers/no-uuid/events", "/customers/1/undo"]
)
def test_a_path_that_is_not_there_is_answered_in_the_same_form(shop: Shop, path: str) -> None:
    assert "openapi.json" in error_of(shop.get(path), 404)["message"]


def test_a_path_beside_the_version_is_answered_in_the_same_form(shop: Shop) -> None:
    error_of(shop.client.get("/api/v2/counters"), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_method_that_the_call_does_not_take_is_refused_with_those_it_takes(shop: Shop, method: str) -> None:
    answer = shop.client.open("/api/v1/counters", method=method)

    assert error_of(answer, 405)["code"] == "method_not_allowed"
    assert "GET" in answer.headers["Allow"]


def test_a_store_that_does_not_answer_is_a_503_with_a_time_to_retry(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("connection to default:password@127.0.0.1 refused")

    monkeypatch.setattr(Store, "rows", unavailable)
    answer = shop.get("/events")

    error = error_of(answer, 503)
    assert error["code"] == "store_unavailable"
    assert "password" not in error["message"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_queue_that_does_not_answer_is_a_503(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: Any, **__: Any) -> None:
        raise RedisConnectionError("no socket")

    monkeypatch.setattr(type(shop.parts.stream.client), "get", unavailable)

    assert error_of(shop.get("/counters"), 503)["code"] == "queue_unavailable"


def test_a_fault_of_ours_is_a_500_that_tells_no_detail(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Stream, "counters", broken)

    error = error_of(shop.get("/counters"), 500)
    assert error["code"] == "internal_error"
    assert "secret detail" not in error["message"]
