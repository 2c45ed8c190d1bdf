from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shopalytic.events.event import Drop, DropReason, Event
from shopalytic.events.parse import Parsed
from shopalytic.pipeline import steps
from shopalytic.pipeline.steps import STEPS, StepContext, process

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PAGE = "https://shop.example/chairs"


def enrich(
    user_agent: str = "", accept_language: str = "", is_agent_named: bool = False, **fields: Any
) -> Event:
    at = "2026-01-31 12:00:00.000"
    event = Event(
        project_id=1, event="page_view", occurred_at=at, received_at=at, stored_at=at, message_id="m", **fields
    )  # fmt: skip
    parsed = Parsed(
        event,
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        {},
        "track",
        user_agent,
        accept_language,
        "192.0.2.1",
        is_agent_named,
    )
    result = process(parsed, StepContext())
    assert isinstance(result, Event)
    return result


def test_the_steps_are_named_for_what_they_put() -> None:
    names = [step.__name__ for step in STEPS]
    assert names == ["put_agent", "put_language", "put_campaign", "put_referrer", "put_channel", "put_place"]


def test_a_drop_ends_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def drop_all(event: Event, context: StepContext) -> Drop:
        return Drop(DropReason.ORDER_KNOWN)

    def put_nothing(event: Event, context: StepContext) -> Event:
        raise AssertionError("the event was dropped before")

    monkeypatch.setattr(steps, "STEPS", (drop_all, put_nothing))
    at = "2026-01-31 12:00:00.000"
    event = Event(project_id=1, event="x", occurred_at=at, received_at=at, stored_at=at, message_id="m")
    parsed = Parsed(event, datetime(2026, 1, 31, tzinfo=UTC), {}, "track")
    assert process(parsed, StepContext()) == Drop(DropReason.ORDER_KNOWN)


def test_an_ordinary_visit_is_fully_described() -> None:
    event = enrich(CHROME, "de-AT,de;q=0.9", url=PAGE, referrer="https://www.google.de/")
    assert (event.device, event.browser, event.browser_version) == ("desktop", "Chrome", "131")
    assert (event.os, event.os_version, event.is_bot) == ("Windows", "10", False)
    assert event.language == "de-AT"
    assert (event.referrer_domain, event.channel) == ("google.de", "organic_search")
    assert event.country == ""


def test_a_crawler_on_a_page_is_marked_and_kept() -> None:
    assert enrich(GOOGLEBOT, url=PAGE).is_bot


@pytest.mark.parametrize(
    "user_agent", ["python-requests/2.31", "Java/17.0.1", "curl/8.1", "SomeShopBackend/1.0 (bot)"]
)
def test_a_shops_own_server_is_no_bot(user_agent: str) -> None:
    assert not enrich(user_agent).is_bot


def test_an_http_library_that_tells_a_page_is_no_bot_either() -> None:
    event = enrich("python-requests/2.31", url=PAGE)
    assert (event.is_bot, event.device) == (False, "")


def test_a_crawler_that_a_server_names_is_one() -> None:
    assert enrich(GOOGLEBOT, is_agent_named=True).is_bot


def test_whoever_fetches_the_pixel_is_the_visitor() -> None:
    assert enrich("python-requests/2.31", door="pixel").is_bot


@pytest.mark.parametrize(
    ("header", "language"),
    [("", ""), ("*", ""), ("fr", "fr"), ("en-GB;q=0.8, en", "en-GB"), (" , x", ""), ("x" * 80, "x" * 35)],
)
def test_the_first_language_of_the_request_is_taken(header: str, language: str) -> None:
    assert enrich(accept_language=header).language == language


def test_the_clients_own_language_stands() -> None:
    assert enrich(accept_language="fr", language="de").language == "de"


@pytest.mark.parametrize(
    ("query", "referrer", "channel"),
    [
        ("", "", "direct"),
        ("", "https://www.google.com/", "organic_search"),
        ("", "https://blog.example.org/", "referral"),
        ("", "https://shop.example/", ""),
        ("", "https://www.paypal.com/", ""),
        ("?utm_source=news&utm_medium=email", "", "email"),
        ("?utm_source=news&utm_medium=email", "https://www.google.com/", "email"),
        ("?utm_medium=email", "https://www.google.com/", "email"),
        ("?gclid=1", "https://www.google.com/", "paid_search"),
        ("?gclid=1&utm_source=google", "", "paid_search"),
        ("?gclid=1&utm_source=google&utm_medium=display", "", "display"),
        ("?msclkid=1", "", "paid_search"),
        ("?fbclid=1", "https://l.facebook.com/", "organic_social"),
        ("?fbclid=1&utm_source=facebook&utm_medium=cpc", "", "paid_social"),
        ("?ttclid=1", "", "paid_social"),
        ("?dclid=1", "", "display"),
        ("?irclickid=1", "https://blog.example.org/", "affiliate"),
        ("?utm_campaign=spring", "", "unassigned"),
        ("?utm_campaign=spring", "https://www.google.com/", "organic_search"),
    ],
)
def test_the_channel_is_the_campaigns_before_the_referrers(query: str, referrer: str, channel: str) -> None:
    assert enrich(url=PAGE + query, referrer=referrer).channel == channel


def test_an_event_without_a_page_has_no_channel() -> None:
    assert enrich().channel == ""


def test_a_campaign_that_the_client_told_stands_beside_the_addresss() -> None:
    event = enrich(url=PAGE + "?utm_source=address&utm_term=chairs", utm_source="told")
    assert (event.utm_source, event.utm_term) == ("told", "chairs")


@pytest.mark.parametrize(
    "proxy", ["Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "YahooMailProxy; x"]
)
def test_an_e_mail_that_its_provider_fetches_for_the_reader_is_no_bots(proxy: str) -> None:
    agent = f"Mozilla/5.0 (Windows NT 5.1; rv:11.0) {proxy}"
    event = enrich(agent, door="pixel")
    assert (event.is_bot, event.device, event.browser, event.os) == (False, "", "", "")
    assert enrich(agent, url=PAGE).is_bot
    assert enrich(GOOGLEBOT, door="pixel").is_bot
