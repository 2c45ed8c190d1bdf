"""Network addresses are kept nowhere, unless the project asks for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.events.event import Event
from shopalytic.events.message import Envelope
from shopalytic.pipeline.addresses import strip_address
from tests.privacy.conftest import Shop
from tests.privacy.test_forget import folder, whole_shop
from tests.privacy.traces import files_with, tables_with

__all__ = ["folder", "whole_shop"]

OWN, NAMED = "198.51.100.23", "203.0.113.77"


class Atlas:
    """Knows where everybody is."""

    def find_country(self, ip: str) -> str:
        return {OWN: "DE", NAMED: "FR"}.get(ip, "")


ATLAS: Any = Atlas()


def receive(shop: Shop, *messages: dict[str, Any], keeps: bool) -> None:
    """As the collector hands them on."""
    entries = []
    for number, message in enumerate(messages):
        envelope = Envelope(
            project_id=shop.project.project_id,
            received_at=time.time_ns() // 1_000_000,
            message_id=f"a{number}",
            message=msgspec.Raw(json.dumps({"event": "page_view", "tracking_id": "eve", **message}).encode()),
            ip=OWN if keeps else "",
            country="" if keeps else "DE",
            keeps_address=keeps,
        )
        entries.append(("eve", msgspec.json.encode(envelope)))
    shop.parts.stream.append(shop.project.project_id, entries)


MESSAGES: list[dict[str, Any]] = [
    {},
    {"context": {"ip": NAMED}},
    {"timestamp": "never"},
    {"timestamp": "never", "context": {"ip": NAMED, "title": "T"}},
    {"properties": "of a wrong type", "context": {"ip": NAMED}},
]


def stored(shop: Shop) -> list[Event]:
    return shop.parts.store.rows(
        Event,
        "SELECT * FROM {{events}} WHERE project_id = {project:UInt32} ORDER BY message_id",
        project=shop.project.project_id,
    )


def test_no_table_and_no_file_of_the_store_and_the_database_has_an_address(
    whole_shop: Shop, folder: Path
) -> None:
    shop = whole_shop
    receive(shop, *MESSAGES, keeps=False)
    shop.drain()
    assert (shop.counters().stored, shop.counters().quarantined) == (2, 3)
    assert tables_with(shop.parts.store, OWN, NAMED) == []
    # The queue's log has what a shop's server wrote into a message until it is written anew.
    shop.parts.stream.client.bgrewriteaof()
    wait_for_log(shop)
    assert files_with(folder, OWN, NAMED) == []


def wait_for_log(shop: Shop) -> None:
    ends_at = time.monotonic() + 60
    while any(
        shop.parts.stream.client.info("persistence")[f"aof_rewrite_{state}"]
        for state in ("in_progress", "scheduled")
    ):
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_a_project_that_asks_for_it_has_the_visitors_address_with_each_event(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    receive(shop, *MESSAGES[:3], keeps=True)
    shop.drain()
    assert [row.ip for row in stored(shop)] == [OWN, NAMED]
    assert tables_with(shop.parts.store, OWN) != []


def test_anonymised_the_address_is_gone(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    receive(shop, {"user_id": "7"}, keeps=True)
    shop.drain()
    shop.erase("anonymise", shop.get("7"))
    assert [row.ip for row in stored(shop)] == [""]


def strip(message: Any, **members: Any) -> Envelope:
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    envelope = Envelope(project_id=1, received_at=1, message=msgspec.Raw(raw), **members)
    return msgspec.json.decode(strip_address(envelope, msgspec.json.encode(envelope), ATLAS), type=Envelope)


def test_what_is_set_aside_keeps_the_country_in_place_of_the_address() -> None:
    found = strip({"a": 1}, ip=OWN)
    assert (found.ip, found.country, bytes(found.message)) == ("", "DE", b'{"a": 1}')
    found = strip({"context": {"ip": NAMED, "title": "é"}, "b": 1.10}, country="DE")
    assert (found.country, json.loads(bytes(found.message))) == ("FR", {"context": {"title": "é"}, "b": 1.1})


@pytest.mark.parametrize(
    "message", [b'{"context":{"ip":["x"]}}', b'{"\\u0063ontext":{"\\u0069p":"203.0.113.77"}}']
)
def test_an_address_written_otherwise_is_found_too(message: bytes) -> None:
    assert b"ip" not in bytes(strip(message).message)
    assert NAMED.encode() not in bytes(strip(message).message)


@pytest.mark.parametrize(
    "message", [b"[1]", b'{"context":5}', b'{"properties":{"ip":"x"}}', b'{"context":{}}']
)
def test_what_has_no_address_stays_as_it_came(message: bytes) -> None:
    envelope = Envelope(project_id=1, received_at=1, message=msgspec.Raw(message))
    raw = msgspec.json.encode(envelope)
    assert strip_address(envelope, raw, None) is raw


def test_where_the_project_stores_addresses_it_stays_whole() -> None:
    envelope = Envelope(project_id=1, received_at=1, message=msgspec.Raw(b"{}"), ip=OWN, keeps_address=True)
    assert strip_address(envelope, b"raw", ATLAS) == b"raw"


def test_a_project_stores_none_by_itself(shop: Shop) -> None:
    with shop.parts.sessions() as db:
        assert db.get_one(ProjectRow, shop.project.project_id).keeps_addresses is False
