from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.pipeline.agent import UNKNOWN, parse_agent

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "device", "browser", "system"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36", "desktop", "Chrome 131", "Windows 10"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/17.4 Safari/605.1.15", "desktop", "Safari 17", "Mac OS X 10.15"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "desktop", "Firefox 133", "Linux "),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/120.0.0.0 Safari/537.36", "desktop", "Chrome 120", "Chrome OS 14541.0"),
        (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36", "mobile", "Chrome Mobile 131", "Android 14"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE} Version/17.5 Mobile/15E148 Safari/604.1", "mobile", "Mobile Safari 17", "iOS 17.5"),
        (f"Mozilla/5.0 (Linux; Android 13; SM-X700) {WEBKIT} Chrome/131.0.0.0 Safari/537.36", "tablet", "Chrome 131", "Android 13"),
        (f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {APPLE} Version/16.6 Mobile/15E148 Safari/604.1", "tablet", "Mobile Safari 16", "iOS 16.6"),
        (f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) {WEBKIT} SamsungBrowser/3.0 TV Safari/537.36", "other", "Samsung Internet 3", "Tizen 6.0"),
        ("Something/1.0", "other", " ", " "),
    ],
)  # fmt: skip
def test_a_header_tells_device_browser_and_system(
    user_agent: str, device: str, browser: str, system: str
) -> None:
    agent = parse_agent(user_agent)
    assert agent.device == device
    assert f"{agent.browser} {agent.browser_version}" == browser
    assert f"{agent.os} {agent.os_version}" == system
    assert not agent.is_crawler
    assert not agent.is_sender


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/131.0.0.0 Safari/537.36",
        "facebookexternalhit/1.1",
    ],
)
def test_a_crawler_is_known(user_agent: str) -> None:
    agent = parse_agent(user_agent)
    assert agent.is_crawler
    assert not agent.is_sender


@pytest.mark.parametrize(
    "user_agent", ["curl/8.1", "python-requests/2.31", "Go-http-client/2.0", "okhttp/4.12.0", "axios/1.7"]
)
def test_an_http_library_speaks_for_somebody_else(user_agent: str) -> None:
    agent = parse_agent(user_agent)
    assert agent.is_sender
    assert (agent.device, agent.browser) == ("", "")


def test_no_header_tells_nothing() -> None:
    assert parse_agent("") == UNKNOWN


def test_the_list_of_crawlers_means_the_same_here_as_in_its_package() -> None:
    """Its patterns run in another regular expression engine than the package's own."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA, is_crawler

    samples = [
        sample for entry in CRAWLER_USER_AGENTS_DATA[::15] for sample in entry.get("instances", [])[:2]
    ]
    assert len(samples) > 50
    assert [parse_agent(sample).is_crawler for sample in samples] == [
        is_crawler(sample) for sample in samples
    ]


@given(st.text(max_size=200))
def test_no_header_is_too_strange(user_agent: str) -> None:
    assert parse_agent(user_agent).device in {"", "desktop", "mobile", "tablet", "other"}
