"""What Segment's browser library needs beside the answers: its settings, CORS and preflights."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.collector.conftest import Shop, make_shop

ORIGIN = "https://www.shop.example"


def message(shop: Shop) -> dict[str, str]:
    return {"writeKey": shop.token, "anonymousId": "v", "event": "x"}


def test_the_settings_name_this_server_and_no_other_tool(shop: Shop) -> None:
    response = shop.client.get(
        f"/v1/projects/{shop.token}/settings",
        base_url="https://stats.shop.example:8443",
        headers={"Origin": ORIGIN},
    )
    assert response.status_code == 200
    assert response.json is not None
    [(name, sink)] = response.json["integrations"].items()
    assert name == "Segment.io"
    assert (sink["apiKey"], sink["apiHost"], sink["protocol"]) == (
        shop.token, "stats.shop.example:8443/v1", "https",
    )  # fmt: skip
    assert response.json["metrics"] == {"sampleRate": 0}
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_the_settings_name_the_public_address_where_one_is_set(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, public_url="https://shop.example/stats/")
    answer = shop.client.get(f"/v1/projects/{shop.token}/settings").json
    assert answer is not None
    assert answer["integrations"]["Segment.io"]["apiHost"] == "shop.example/stats/v1"


def test_an_unknown_token_has_no_settings(shop: Shop) -> None:
    assert shop.client.get("/v1/projects/wrong/settings").status_code == 404


@pytest.mark.parametrize("path", ["/v1/t", "/v1/m", "/v1/batch"])
def test_a_preflight_is_granted(shop: Shop, path: str) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, x-retry-count",
    }
    response = shop.client.options(path, headers=headers)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, content-type, x-retry-count"


def test_the_page_reads_the_answer(shop: Shop) -> None:
    response = shop.post("/v1/t", message(shop), {"Origin": ORIGIN})
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_only_named_origins_may_send_with_the_token(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, origins=[ORIGIN])
    assert shop.post("/v1/t", message(shop), {"Origin": ORIGIN}).status_code == 200
    assert shop.post("/v1/t", message(shop), {"Origin": "https://evil.test"}).status_code == 403
    assert shop.post("/v1/t", message(shop)).status_code == 403


def test_a_server_may_send_with_a_secret_key_where_origins_are_named(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, origins=[ORIGIN])
    response = shop.post("/v1/t", message(shop) | {"writeKey": shop.project.secret_key})
    assert response.status_code == 200


def test_the_rate_limit_is_that_of_the_project(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, rate_limit_per_second=1)
    assert shop.post("/v1/t", message(shop)).status_code == 200
    response = shop.track()
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
