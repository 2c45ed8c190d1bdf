"""`GET /shopalytic.v1.js`: small on the wire, kept for long, and never out of date for longer than it says."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import brotli
import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.collector.routes import TAG_FILE
from shopalytic.collector.tag import TagFile
from tests.collector.conftest import TAG_CONTENT, Shop, make_shop

URL = "/shopalytic.v1.js"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("", None), ("gzip;q=0", None)],
)
def test_the_smallest_form_that_the_browser_takes_is_served(
    shop: Shop, accepted: str, encoding: str | None
) -> None:
    response = shop.client.get(URL, headers={"Accept-Encoding": accepted})
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress}.get(encoding or "", bytes)
    assert response.status_code == 200
    assert response.headers.get("Content-Encoding") == encoding
    assert unpack(response.data) == TAG_CONTENT
    assert encoding is None or len(response.data) < len(TAG_CONTENT) / 2
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Vary"] == "Accept-Encoding"


def test_any_page_may_load_it_even_one_that_isolates_itself(shop: Shop) -> None:
    headers = shop.client.get(URL, headers={"Origin": "https://anything.test"}).headers
    assert headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Timing-Allow-Origin"] == "*"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_it_is_kept_for_an_hour_and_under_its_version_for_ever(shop: Shop, tmp_path: Path) -> None:
    tag = TagFile(tmp_path / "static" / TAG_FILE).find()
    assert tag is not None
    assert shop.client.get(URL).headers["Cache-Control"] == "public, max-age=3600"
    pinned = shop.client.get(f"{URL}?v={tag.version}")
    assert pinned.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("version", ["0123456789ab", "", "e"])
def test_the_present_tag_under_another_version_is_not_kept_for_ever(shop: Shop, version: str) -> None:
    assert shop.client.get(f"{URL}?v={version}").headers["Cache-Control"] == "public, max-age=3600"


@pytest.mark.parametrize("encoding", ["br", "gzip", ""])
def test_what_the_browser_has_is_not_sent_again(shop: Shop, encoding: str) -> None:
    accept = {"Accept-Encoding": encoding}
    first = shop.client.get(URL, headers=accept)
    again = shop.client.get(URL, headers=accept | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "public, max-age=3600"
    since = shop.client.get(URL, headers=accept | {"If-Modified-Since": first.headers["Last-Modified"]})
    assert since.status_code == 304


def test_each_form_has_a_name_of_its_own(shop: Shop) -> None:
    tags = {
        shop.client.get(URL, headers={"Accept-Encoding": form}).headers["ETag"] for form in ("br", "gzip", "")
    }
    assert len(tags) == 3


def test_head_tells_the_size_alone(shop: Shop) -> None:
    response = shop.client.head(URL)
    assert (response.status_code, response.data) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(TAG_CONTENT)


def test_a_new_build_is_served_without_a_restart(shop: Shop, tmp_path: Path) -> None:
    before = shop.client.get(URL)
    path = tmp_path / "static" / TAG_FILE
    path.write_bytes(b"new build")
    os.utime(path, (2_000_000_000, 2_000_000_000))
    after = shop.client.get(URL, headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.data) == (200, b"new build")


def test_it_is_served_under_the_name_of_the_settings(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    shop = make_shop(sessions, tmp_path, tag_name="s.js")
    assert shop.client.get("/s.js").data == TAG_CONTENT
    assert shop.client.get(URL).status_code == 404


def test_a_tag_that_was_never_built_is_a_404_that_says_so(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "static" / TAG_FILE).unlink()
    response = shop.client.get(URL)
    assert response.status_code == 404
    assert b"make tag" in response.data


@pytest.mark.parametrize(("suffix", "content_type"), [(".mjs", "text/javascript"), (".d.mts", "text/plain")])
def test_the_module_and_its_types_stand_beside_it_under_its_name(
    sessions: sessionmaker[Session], tmp_path: Path, suffix: str, content_type: str
) -> None:
    shop = make_shop(sessions, tmp_path, tag_name="s.js", collector_path="/basket")
    (tmp_path / "static" / f"shopalytic.v1{suffix}").write_bytes(b"export default 1;")
    response = shop.client.get(f"/s{suffix}", headers={"Origin": "https://anything.test"})
    assert (response.status_code, response.data) == (200, b"export default 1;")
    assert response.headers["Content-Type"] == f"{content_type}; charset=utf-8"
    assert response.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert response.headers["Cache-Control"] == "public, max-age=3600"
    assert shop.client.get(f"/basket/s{suffix}").data == response.data
