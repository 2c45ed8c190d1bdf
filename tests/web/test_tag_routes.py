"""The tag through the whole application, with what stands before every view: the limiter, the security headers."""

from __future__ import annotations

import pytest

from tests.web.conftest import Shop


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/shopalytic.v1.js", "text/javascript"),
        ("/shopalytic.v1.mjs", "text/javascript"),
        ("/shopalytic.v1.d.mts", "text/plain"),
    ],
)
def test_the_application_serves_the_tag_in_each_form(shop: Shop, path: str, content_type: str) -> None:
    response = shop.client().get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{content_type}; charset=utf-8")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
