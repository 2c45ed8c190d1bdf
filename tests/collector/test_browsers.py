"""What a browser needs beside the answer: CORS, preflights, and the visitor's cookie set again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from shopalytic.collector.cookie import is_first_party, widest_domain
from tests.collector.conftest import Shop, error_of, make_shop

SHOP_ORIGIN = "https://www.shop.example"
VISITOR = "1.0199c2a0-7f00-7000-8000-000000000001.1767225600000.0199c2a0-1111-7000-8000-000000000002"
COOKIE = f"{VISITOR}.1767225600000.1767225900000.12.jon%40shop%2Eexample"
OLDER = f"{VISITOR}.1767225600000.1767225800000.11."


def page_request(
    shop: Shop, host: str, cookie: str = COOKIE, origin: str = SHOP_ORIGIN, query: str = ""
) -> TestResponse:
    headers = {"Host": host, "Origin": origin, "Cookie": f"other=1; _sha={cookie}; last=2"}
    response = shop.post(f"/track{query}", shop.message(), headers)
    assert response.status_code == 200
    return response


def test_any_page_reads_the_answer_where_the_project_names_no_origin(shop: Shop) -> None:
    response = shop.track({"Origin": "https://anything.test"})
    assert response.headers["Access-Control-Allow-Origin"] == "https://anything.test"
    assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_only_named_origins_may_send_with_the_token(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, origins=[SHOP_ORIGIN, "http://[::1]:8000"])
    for origin in (SHOP_ORIGIN, "http://[::1]:8000"):
        response = shop.track({"Origin": origin})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (200, origin)
    for origin in (
        "https://evil.test",
        "https://www.shop.example.evil.test",
        "http://www.shop.example",
        "null",
    ):
        response = shop.track({"Origin": origin})
        assert (response.status_code, error_of(response)["at"]) == (403, "Origin")
        assert "Access-Control-Allow-Origin" not in response.headers
    assert shop.track().status_code == 403
    assert len(shop.stream.appended) == 2


def test_a_browser_that_hides_the_origin_is_known_by_its_referer(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, origins=[SHOP_ORIGIN])
    assert shop.track({"Referer": f"{SHOP_ORIGIN}/product/1?a=b"}).status_code == 200
    for referer in ("https://evil.test/", "https://[", "nonsense"):
        assert shop.track({"Referer": referer}).status_code == 403


@pytest.mark.parametrize(("members", "status"), [({"token": "wrong"}, 401), ({"event": None}, 400)])
def test_a_page_reads_why_it_was_refused(shop: Shop, members: dict[str, str], status: int) -> None:
    response = shop.track({"Origin": SHOP_ORIGIN}, **members)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (status, SHOP_ORIGIN)


def test_a_page_may_read_when_to_come_again(shop: Shop) -> None:
    shop.stream.is_down = True
    response = shop.track({"Origin": SHOP_ORIGIN})
    assert response.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert response.headers["Access-Control-Allow-Origin"] == SHOP_ORIGIN


def preflight(shop: Shop, origin: str) -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, content-encoding",
    }
    return shop.client.options("/batch", headers=headers)


def test_a_preflight_is_granted_to_any_page_where_some_project_names_no_origin(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    make_shop(sessions, tmp_path / "..", origins=[SHOP_ORIGIN])
    response = preflight(make_shop(sessions, tmp_path), "https://anything.test")
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "https://anything.test"
    assert response.headers["Access-Control-Allow-Methods"] == "POST"
    assert response.headers["Access-Control-Allow-Headers"] == "content-encoding, content-type"
    assert int(response.headers["Access-Control-Max-Age"]) > 0


def test_a_preflight_is_granted_to_the_projects_origins_alone(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, origins=[SHOP_ORIGIN, "http://[::1]:8000"])
    for origin in (SHOP_ORIGIN, "http://[::1]:8000"):
        assert preflight(shop, origin).headers["Access-Control-Allow-Origin"] == origin
    for origin in ("https://evil.test", SHOP_ORIGIN + ".evil.test", "https://wwwxshop.example"):
        assert "Access-Control-Allow-Origin" not in preflight(shop, origin).headers


def test_the_shops_own_cookie_is_set_again_as_it_came(shop: Shop) -> None:
    response = page_request(shop, "www.shop.example")
    [header] = response.headers.getlist("Set-Cookie")
    assert header == (
        f"_sha={COOKIE}; Path=/; Max-Age={395 * 86400}; SameSite=Lax; Domain=shop.example; Secure"
    )
    assert response.headers["Access-Control-Allow-Origin"] == SHOP_ORIGIN
    assert response.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize(
    ("host", "origin", "query", "domain"),
    [
        ("stats.shop.example", SHOP_ORIGIN, "", "shop.example"),
        ("www.shop.co.uk", "https://www.shop.co.uk", "", "shop.co.uk"),
        ("www.shop.example", SHOP_ORIGIN, "?d=www.shop.example", "www.shop.example"),
        ("www.shop.example", SHOP_ORIGIN, "?d=", None),
        ("www.shop.example", SHOP_ORIGIN, "?d=evil.test", "shop.example"),
        ("www.shop.example", SHOP_ORIGIN, "?d=ample", "shop.example"),
        ("www.shop.example", SHOP_ORIGIN, "?d=example", "shop.example"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", "", None),
        ("[::1]:8000", "http://[::1]:8000", "", None),
        ("localhost:8000", "http://localhost:8000", "", None),
    ],
)
def test_the_cookies_domain_is_the_one_that_the_tag_wrote_it_on(
    shop: Shop, host: str, origin: str, query: str, domain: str | None
) -> None:
    [header] = page_request(shop, host, origin=origin, query=query).headers.getlist("Set-Cookie")
    attributes = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    assert attributes.get("Domain") == domain
    assert ("Secure" in attributes) == origin.startswith("https:")


def test_of_two_cookies_the_later_one_stays(shop: Shop) -> None:
    response = page_request(shop, "www.shop.example", cookie=f"{OLDER}; _sha={COOKIE}")
    assert response.headers["Set-Cookie"].startswith(f"_sha={COOKIE};")


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "0",
        "x",
        COOKIE + ".more",
        COOKIE.replace("jon", "jon\u00e9"),
        COOKIE + '"',
        COOKIE + "x" * 600,
        "1.......",
    ],
)
def test_what_is_no_visitors_cookie_is_never_echoed(shop: Shop, cookie: str) -> None:
    assert "Set-Cookie" not in page_request(shop, "www.shop.example", cookie=cookie).headers


def test_a_cookie_of_another_name_is_left_alone(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, cookie_name="_visitor")
    assert "Set-Cookie" not in page_request(shop, "www.shop.example").headers
    response = shop.track({"Host": "www.shop.example", "Cookie": f"_visitor={COOKIE}"})
    assert response.headers["Set-Cookie"].startswith(f"_visitor={COOKIE};")


def test_a_foreign_page_gets_no_cookie(shop: Shop) -> None:
    response = page_request(shop, "collector.test")
    assert "Set-Cookie" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_no_cookie_is_made_up(shop: Shop) -> None:
    response = shop.track({"Host": "www.shop.example", "Origin": SHOP_ORIGIN})
    assert "Set-Cookie" not in response.headers


def test_behind_a_proxy_the_host_is_the_one_that_the_browser_asked(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, trusted_proxies=1)
    headers = {"Host": "10.0.0.5:8000", "X-Forwarded-Host": "www.shop.example", "Origin": SHOP_ORIGIN}
    response = shop.track(headers | {"Cookie": f"_sha={COOKIE}"})
    assert "Domain=shop.example" in response.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("host", "domain"),
    [("a.b.shop.example", "shop.example"), ("shop.example", "shop.example"), ("shop.com.au", "shop.com.au"),
     ("com.au", ""), ("localhost", ""), ("192.0.2.7", ""), ("::1", ""), ("", "")],
)  # fmt: skip
def test_hosts_of_one_shop_share_a_domain(host: str, domain: str) -> None:
    assert widest_domain(host) == domain


def test_shops_under_one_countrys_suffix_are_not_one_shop() -> None:
    assert is_first_party("https://www.shop.co.uk", "stats.shop.co.uk")
    assert not is_first_party("https://evil.co.uk", "shop.co.uk")
    assert not is_first_party("null", "shop.example")
    assert not is_first_party("https://10.0.0.1", "10.0.0.2")
