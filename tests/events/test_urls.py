from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.events.urls import NOWHERE, Url, split_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Shop.Example:8443/a/b?x=1#y", Url("shop.example", "/a/b", "x=1")),
        ("http://user:pass@shop.example", Url("shop.example", "/", "")),
        ("https://shop.example?x=1", Url("shop.example", "/", "x=1")),
        ("https://shop.example#top?no", Url("shop.example", "/", "")),
        ("//cdn.example/a", Url("cdn.example", "/a", "")),
        ("/checkout?step=2", Url("", "/checkout", "step=2")),
        ("http://[::1]:8000/a", Url("[::1]", "/a", "")),
        ("android-app://com.google.android.gm/", Url("com.google.android.gm", "/", "")),
        ("https://shop.example./", Url("shop.example", "/", "")),
        ("about:blank", NOWHERE),
        ("", NOWHERE),
        ("shop.example/a", NOWHERE),
    ],
)
def test_an_address_is_taken_apart(url: str, expected: Url) -> None:
    assert split_url(url) == expected


@given(st.text())
def test_no_text_is_too_strange_for_an_address(text: str) -> None:
    split_url(text)
    split_url("https://" + text)
