"""`GET /p.gif`: always an image, and a 200 only for what the stream has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from shopalytic.collector.pixel import GIF
from shopalytic.events import column
from shopalytic.events.event import QuarantineReason
from shopalytic.events.parse import Parsed, parse_message
from shopalytic.events.properties import event_properties
from tests.collector.conftest import ADDRESS, Shop, make_shop
from tests.collector.test_browsers import COOKIE, SHOP_ORIGIN

ANY = dict[str, Any]


def show(
    shop: Shop, headers: dict[str, str] | None = None, method: str = "GET", **parameters: Any
) -> TestResponse:
    """A page or an e-mail shows the image. A parameter that is None is left out."""
    query = urlencode(
        {name: it for name, it in ({"token": shop.token} | parameters).items() if it is not None}
    )
    return shop.client.open(
        f"/p.gif?{query}", method=method, headers=headers, environ_base={"REMOTE_ADDR": ADDRESS}
    )


def test_an_image_that_is_shown_is_an_event(shop: Shop) -> None:
    response = show(shop, event="email_open", user_id="42", **ANY({"p.newsletter": "may"}))
    assert (response.status_code, response.data) == (200, GIF)
    assert response.headers["Content-Type"] == "image/gif"
    assert response.headers["Cache-Control"] == "no-store, private"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in response.headers
    [parsed] = shop.stream.parsed()
    assert (parsed.event.event, parsed.event.door, parsed.event.tracking_id) == ("email_open", "pixel", "")
    assert parsed.user_ids == {"user_id": "42"}
    assert event_properties(parsed.event) == {"newsletter": "may"}
    assert parsed.event.violations == []
    assert parsed.ip == ADDRESS


def test_every_parameter_has_its_place(shop: Shop) -> None:
    show(
        shop, event="cart_add", tracking_id="v-1", user_id="42", message_id="m-1", session_id="s-1",
        timestamp="2026-01-31T12:00:00Z", source="web", library="noscript", url="https://shop.example/p?a=b",
        referrer="https://r.example/", title="A cup", utm_source="news", utm_medium="email", utm_campaign="may",
        properties=json.dumps({"cart_id": "c1", "price": 4.95, "qty": 1}), sku="22196", _="17",
        **ANY({"user_id.email": "Jon@Shop.example", "p.qty": "2"}),
    )  # fmt: skip
    [parsed] = shop.stream.parsed()
    event = parsed.event
    assert (event.tracking_id, event.message_id, event.session_id) == ("v-1", "m-1", "s-1")
    assert parsed.user_ids == {"user_id": "42", "email": "Jon@Shop.example"}
    assert (event.url, event.referrer, event.title) == (
        "https://shop.example/p?a=b", "https://r.example/", "A cup",
    )  # fmt: skip
    assert (event.utm_source, event.utm_medium, event.utm_campaign) == ("news", "email", "may")
    assert (event.source, event.library, event.occurred_at) == ("web", "noscript", "2026-01-31 12:00:00.000")
    assert event_properties(event) == {"cart_id": "c1", "price": "4.95", "qty": 2, "sku": "22196"}
    assert event.violations == []


def test_a_page_without_script_is_a_page_view_of_the_page_that_shows_the_image(shop: Shop) -> None:
    show(
        shop,
        {"Referer": "https://shop.example/cups", "Sec-GPC": "1"},
        tracking_id="v-1",
        **ANY({"p.logged_in": "true"}),
    )
    [parsed] = shop.stream.parsed()
    assert (parsed.event.event, parsed.event.url) == ("page_view", "https://shop.example/cups")
    assert parsed.event.violations == []
    assert event_properties(parsed.event)["logged_in"] is True
    assert parsed.event.properties[column.CONTEXT]["gpc"] is True


def test_without_a_message_id_each_showing_counts_and_with_one_it_counts_once(shop: Shop) -> None:
    for _ in range(2):
        show(shop, user_id="42")
    for _ in range(2):
        show(shop, user_id="42", message_id="may-42")
    ids = [envelope.message_id for envelope in shop.stream.envelopes]
    assert len(set(ids)) == 3
    assert ids[2:] == ["may-42", "may-42"]


def test_the_shops_own_cookie_says_who_it_is_and_is_set_again(shop: Shop) -> None:
    response = show(shop, {"Host": "www.shop.example", "Cookie": f"_sha={COOKIE}", "Referer": SHOP_ORIGIN})
    [parsed] = shop.stream.parsed()
    assert parsed.event.tracking_id == "0199c2a0-7f00-7000-8000-000000000001"
    assert response.headers["Set-Cookie"].startswith(f"_sha={COOKIE};")


def test_somebody_unknown_is_a_new_visitor_without_a_cookie(shop: Shop) -> None:
    responses = [show(shop), show(shop)]
    assert [response.status_code for response in responses] == [200, 200]
    assert len({parsed.event.tracking_id for parsed in shop.stream.parsed()}) == 2
    assert all("Set-Cookie" not in response.headers for response in responses)


def test_who_does_not_want_to_be_tracked_is_not(shop: Shop) -> None:
    response = show(shop, {"Cookie": "a=1; _sha=0"}, user_id="42")
    assert (response.status_code, response.data) == (403, GIF)
    assert shop.stream.appended == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"X-Purpose": "preview"},
    ],
)
def test_what_is_fetched_ahead_does_not_count(shop: Shop, headers: dict[str, str]) -> None:
    response = show(shop, headers, user_id="42")
    assert (response.status_code, response.data, shop.stream.appended) == (425, GIF, [])
    assert response.headers["Cache-Control"] == "no-store, private"


def test_asking_for_the_head_does_not_count(shop: Shop) -> None:
    response = show(shop, method="HEAD", user_id="42")
    assert (response.status_code, response.data, shop.stream.appended) == (200, b"", [])
    assert response.headers["Content-Length"] == str(len(GIF))


def test_other_methods_are_told_what_it_takes(shop: Shop) -> None:
    response = show(shop, method="POST", user_id="42")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert shop.stream.appended == []


@pytest.mark.parametrize(
    ("parameters", "status", "reason"),
    [
        ({"token": None}, 401, "not_authorized: The address has no token."),
        ({"token": "wrong"}, 401, "not_authorized: This project token is not known."),
        ({"user_id": "null"}, 400, "forbidden_id: 'null' identifies nobody."),
        ({"event": "x" * 256}, 400, "bad_request: An event's name has at most 255 characters."),
        ({"properties": "{"}, 400, "bad_request: Not valid JSON: it ends too early."),
        ({"properties": "[1]"}, 400, "bad_request: properties must be an object, not an array."),
        ({"sandbox": "true"}, 400, "bad_request: The pixel has no sandbox: an image cannot show its answer."),
        ({"big": "x" * 40_000}, 413, "too_large: The message is larger than 32768 bytes."),
        (dict.fromkeys(map(str, range(300)), "1"), 413, "too_large: The address has more than 200 parameters."),
    ],
)  # fmt: skip
def test_a_refusal_is_an_image_too_and_a_header_says_why(
    shop: Shop, parameters: dict[str, Any], status: int, reason: str
) -> None:
    response = show(shop, **parameters)
    assert (response.status_code, response.data) == (status, GIF)
    assert response.headers["X-Shopalytic-Error"] == reason
    assert response.headers["Content-Type"] == "image/gif"
    assert shop.stream.appended == []


def test_a_reason_that_quotes_the_sender_stays_one_header(shop: Shop) -> None:
    response = show(
        shop, user_id="g\u00fcest\r\nSet-Cookie: x=1" + "\ud800".encode("utf-8", "replace").decode()
    )
    assert response.status_code == 400
    assert response.headers["X-Shopalytic-Error"].isascii()
    assert "Set-Cookie" not in response.headers


def test_no_200_without_the_stream(shop: Shop) -> None:
    shop.stream.is_down = True
    response = show(shop, user_id="42")
    assert (response.status_code, response.data) == (503, GIF)
    assert int(response.headers["Retry-After"]) > 0
    assert "secret" not in response.headers["X-Shopalytic-Error"]


def test_allowed_origins_and_the_rate_hold_here_too(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, origins=[SHOP_ORIGIN], rate_limit_per_second=1)
    assert show(shop, user_id="42").status_code == 403
    assert show(shop, {"Referer": "https://evil.test/"}, user_id="42").status_code == 403
    assert show(shop, {"Referer": f"{SHOP_ORIGIN}/p"}, user_id="42").status_code == 200
    assert show(shop, {"Referer": f"{SHOP_ORIGIN}/p"}, user_id="42").status_code == 429


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parameters=st.dictionaries(
        st.sampled_from(["event", "user_id", "tracking_id", "user_id.email", "message_id", "timestamp", "properties",
                         "p.qty", "p.logged_in", "url", "utm_source", "sandbox", "", "p.", "_"]) | st.text(max_size=8),
        st.text(max_size=20) | st.sampled_from(["{}", '{"a": [1.10]}', "2", "true", "purchase", "cart_add"]),
        max_size=8,
    ),
    raw=st.binary(max_size=20),
    headers=st.dictionaries(
        st.sampled_from(["Cookie", "Referer", "Sec-Purpose", "User-Agent"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
    ),
)  # fmt: skip
def test_whatever_the_address_says_it_is_an_image_and_what_is_taken_can_be_read(
    shop: Shop, parameters: dict[str, str], raw: bytes, headers: dict[str, str]
) -> None:
    query = urlencode({"token": shop.token} | parameters, errors="replace") + "&x=" + quote_from_bytes(raw)
    shop.stream.appended.clear()
    response = shop.client.get(f"/p.gif?{query}", headers=headers)
    assert response.status_code in (200, 400, 401, 403, 425)
    assert (response.data, response.headers["Content-Type"]) == (GIF, "image/gif")
    envelopes = shop.stream.envelopes
    assert len(envelopes) == (1 if response.status_code == 200 else 0)
    for envelope in envelopes:
        result = parse_message(envelope, 1_800_000_000_000)
        # What is no time waits to be mended, as at every door.
        assert isinstance(result, Parsed) or result.reason == QuarantineReason.BAD_TIMESTAMP, result


def test_a_secret_key_is_not_taken_in_an_address(shop: Shop) -> None:
    assert show(shop, token=shop.project.secret_key, user_id="42").status_code == 401


def test_all_names_and_paths_of_the_native_protocol_can_be_changed(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(
        sessions,
        tmp_path,
        collector_path="/basket/data",
        pixel_name="dot.gif",
        tag_name="b.js",
        cookie_name="_v",
    )
    assert shop.client.get("/basket/data/b.js").status_code == shop.client.get("/b.js").status_code == 200
    for path in ("/basket/data/dot.gif", "/dot.gif"):
        assert shop.client.get(f"{path}?token={shop.token}&user_id=42").status_code == 200
    assert shop.client.get("/p.gif").status_code == 404
    for prefix in ("", "/basket/data"):
        assert shop.post(f"{prefix}/track", shop.message()).status_code == 200
        assert shop.post(f"{prefix}/identify", shop.message(event=None, user_id="42")).status_code == 200
        assert shop.post(f"{prefix}/alias", shop.message(event=None, user_id="42")).status_code == 200
        assert shop.post(f"{prefix}/batch", {"token": shop.token, "events": [shop.message(token=None)]}).json == {
            "accepted": 1, "results": [{"status": "accepted"}],
        }  # fmt: skip
        assert shop.client.options(f"{prefix}/batch", headers={"Origin": SHOP_ORIGIN}).status_code == 204
    assert len(shop.stream.appended) == 10
