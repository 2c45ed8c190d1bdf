"""A visitor's network address goes no further than its country's look-up, unless the project stores it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.collector.receiver import Receiver
from shopalytic.events.message import Envelope
from tests.collector.conftest import ADDRESS, Shop, make_shop

NAMED = "203.0.113.9"


@pytest.fixture
def countries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Receiver, "find_country", lambda self, ip: {ADDRESS: "DE", NAMED: "FR"}.get(ip, ""))


@pytest.fixture
def private_shop(sessions: sessionmaker[Session], tmp_path: Path) -> Shop:
    return make_shop(sessions, tmp_path, keeps_addresses=False)


def only(shop: Shop) -> tuple[Envelope, bytes]:
    [(_, _, raw)] = shop.stream.appended
    return shop.stream.envelopes[0], raw


@pytest.mark.usefixtures("countries")
def test_the_country_goes_on_in_place_of_the_address(private_shop: Shop) -> None:
    private_shop.track()
    envelope, raw = only(private_shop)
    assert (envelope.ip, envelope.country, envelope.keeps_address) == ("", "DE", False)
    assert ADDRESS.encode() not in raw
    assert private_shop.stream.parsed()[0].country == "DE"


@pytest.mark.usefixtures("countries")
def test_a_project_that_stores_addresses_has_it_handed_on(shop: Shop) -> None:
    shop.track()
    envelope, _ = only(shop)
    assert (envelope.ip, envelope.country, envelope.keeps_address) == (ADDRESS, "", True)
    [parsed] = shop.stream.parsed()
    assert (parsed.event.ip, parsed.ip) == (ADDRESS, ADDRESS)


@pytest.mark.usefixtures("countries")
@pytest.mark.parametrize("context", [{"ip": NAMED}, {"ip": NAMED, "locale": "de"}])
def test_an_address_in_a_platforms_message_is_replaced_too(
    private_shop: Shop, context: dict[str, Any]
) -> None:
    key = private_shop.project.secret_key
    body = {"writeKey": key, "event": "x", "anonymousId": "v", "context": context}
    answer = private_shop.post("/v1/track", body)
    assert answer.status_code == 200, answer.data
    envelope, raw = only(private_shop)
    assert (envelope.country, NAMED.encode() in raw) == ("FR", False)


def test_without_a_database_of_countries_there_is_none(private_shop: Shop) -> None:
    private_shop.track()
    envelope, raw = only(private_shop)
    assert (envelope.country, ADDRESS.encode() in raw) == ("", False)


def test_a_database_that_cannot_be_read_keeps_nobody_from_sending(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, keeps_addresses=False, geoip_file=tmp_path / "none.mmdb")
    assert shop.track().status_code == 200
    assert only(shop)[0].country == ""
