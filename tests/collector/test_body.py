"""What is refused before the JSON is looked at: size, encoding, an end that comes too early."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.collector.body import DRAIN_LIMIT_BYTES, drop_body, read_body
from shopalytic.errors import Rejected, TooLarge
from tests.collector.conftest import Shop, error_of, make_shop, pack


def test_a_message_over_the_limit_is_a_413(shop: Shop) -> None:
    room = 32 * 1024 - len(json.dumps(shop.message(properties={"a": ""})))
    assert shop.track(properties={"a": "x" * room}).status_code == 200
    response = shop.track(properties={"a": "x" * (room + 1)})
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")


def test_five_megabytes_are_read_to_their_end_and_refused(shop: Shop) -> None:
    body = io.BytesIO(b" " * 5_000_000)
    response = shop.client.post("/batch", input_stream=body, content_length=5_000_000)
    assert response.status_code == 413
    assert body.read() == b""


def test_the_limits_are_settings(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, message_limit_bytes=256, body_limit_bytes=1024)
    assert shop.track(properties={"a": "x" * 256}).status_code == 413
    large = shop.item(properties={"a": "x" * 256})
    answer = json.loads(shop.batch([large, shop.item()]).data)
    assert [result["status"] for result in answer["results"]] == ["rejected", "accepted"]
    assert shop.batch([shop.item()] * 20).status_code == 413


def test_a_gzip_bomb_is_refused_without_being_unpacked(shop: Shop) -> None:
    bomb = pack(b" " * 50_000_000)
    assert len(bomb) < 100_000
    response = shop.post("/batch", bomb, {"Content-Encoding": "gzip"})
    assert (response.status_code, error_of(response)["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [b"no gzip", pack(b"{}")[:-3], pack(b"{}") + b"rest", pack(b"") * 1000, b"\x1f\x8b"],
    ids=["something_else", "truncated", "trailing_bytes", "very_many_members", "only_the_magic_number"],
)
def test_a_damaged_gzip_body_is_refused(shop: Shop, body: bytes) -> None:
    response = shop.post("/track", body, {"Content-Encoding": "gzip"})
    assert (response.status_code, error_of(response)["at"]) == (400, "Content-Encoding")


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_another_encoding_is_refused_with_the_one_that_is_taken(shop: Shop, encoding: str) -> None:
    response = shop.track({"Content-Encoding": encoding})
    assert response.status_code == 415
    assert "gzip" in error_of(response)["message"]


def test_an_encoding_that_changes_nothing_is_taken(shop: Shop) -> None:
    assert shop.track({"Content-Encoding": "identity"}).status_code == 200


def test_a_body_that_ends_before_its_stated_length_is_refused() -> None:
    environ = {"wsgi.input": io.BytesIO(b'{"a":1}'), "CONTENT_LENGTH": "50"}
    with pytest.raises(Rejected, match="ended after 7 of 50 bytes"):
        read_body(environ, 1000)


def test_a_body_without_a_stated_length_is_read_to_its_end() -> None:
    environ = {"wsgi.input": io.BytesIO(b"x" * 1000), "wsgi.input_terminated": True}
    assert read_body(environ, 1000) == b"x" * 1000


def test_a_body_without_a_stated_length_is_read_only_where_the_server_ends_it() -> None:
    assert read_body({"wsgi.input": io.BytesIO(b"x")}, 1000) == b""


def test_an_endless_body_is_given_up() -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(TooLarge):
        read_body({"wsgi.input": stream, "wsgi.input_terminated": True}, 1000)
    assert stream.given < DRAIN_LIMIT_BYTES + 1_000_000


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"event":"x"', b"[]", b'"x"', b"\xef\xbb\xbf{}", b"{} {}", b"\0", b"{'a':1}"]
)
def test_what_is_no_json_object_is_a_400(shop: Shop, body: bytes) -> None:
    response = shop.post("/track", body)
    assert (response.status_code, error_of(response)["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (b"NaN", "invalid character"),
        (b'"\\ud800"', "surrogate"),
        (b'"\\ud800 and more text"', "surrogate"),
        (b'"\xff"', "UTF-8"),
        (b'"\0"', "invalid character"),
        (b"[" * 65 + b"]" * 65, "64 levels"),
        (b"[" * 10_000, "64 levels"),
        (b'{"a":' * 5_000, "64 levels"),
    ],
)
def test_a_damaged_property_is_refused_in_words(shop: Shop, properties: bytes, words: str) -> None:
    body = shop.item().replace(
        b"}", b',"token":"%b","properties":{"a":%b}}' % (shop.token.encode(), properties)
    )
    response = shop.post("/track", body)
    assert response.status_code == 400
    assert words in error_of(response)["message"]


def test_as_much_nesting_as_is_allowed_reaches_the_worker(shop: Shop) -> None:
    deepest = b"[" * 62 + b"]" * 62
    body = shop.item().replace(b"}", b',"token":"%b","properties":{"a":%b}}' % (shop.token.encode(), deepest))
    assert shop.post("/track", body).status_code == 200
    assert len(shop.stream.envelopes) == 1


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 5000, b"1." + b"9" * 5000])
def test_numbers_without_bounds_are_left_to_the_worker(shop: Shop, number: bytes) -> None:
    body = shop.item().replace(b"}", b',"token":"%b","properties":{"a":%b}}' % (shop.token.encode(), number))
    assert shop.post("/track", body).status_code == 200
    assert len(shop.stream.envelopes) == 1


@pytest.mark.parametrize("length", [0, 10, 3_000_000])
def test_a_dropped_body_is_read_to_its_end(length: int) -> None:
    stream = io.BytesIO(b"x" * length)
    drop_body({"wsgi.input": stream, "CONTENT_LENGTH": str(length)})
    assert stream.read() == b""
