from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from shopalytic.events.event import Quarantine, QuarantineReason
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_envelope, parse_message

RECEIVED_MS = 1_700_000_000_000
RECEIVED = "2023-11-14 22:13:20.000"
Read = Callable[..., Parsed]
Refuse = Callable[..., Quarantine]


def test_an_envelope_is_read_as_the_collector_spliced_it() -> None:
    raw = b'{"p":7,"r":1700000000000,"i":"m-1","u":"Agent","s":5,"m":{"event":"search", "x":[1]}}'
    envelope = parse_envelope(raw)
    assert (envelope.project_id, envelope.received_at, envelope.message_id) == (7, RECEIVED_MS, "m-1")
    assert bytes(envelope.message) == b'{"event":"search", "x":[1]}'


@pytest.mark.parametrize(
    "tail", [b',"m":{"event":"a', b',"m":\xff\xfe}', b',"i":5,"m":{}}', b"", b"," + b"[" * 5000]
)
def test_a_broken_entry_becomes_a_refused_message_of_its_project(tail: bytes) -> None:
    envelope = parse_envelope(b'{"p":7,"r":1700000000000' + tail)
    assert (envelope.project_id, envelope.received_at) in ((7, RECEIVED_MS), (0, 0))
    assert isinstance(parse_message(envelope, RECEIVED_MS), Quarantine)


@pytest.mark.parametrize("raw", [b"", b"\0", b"[]", b"not json"])
def test_an_entry_of_nothing_is_refused_too(raw: bytes) -> None:
    assert isinstance(parse_message(parse_envelope(raw), RECEIVED_MS), Quarantine)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"event":"a","tracking_id":"t","properties":{"x":NaN}}',
        b'{"event":"a","tracking_id":"t","properties":{"x":Infinity}}',
        b'{"event":"\\ud800","tracking_id":"t"}',
        b'{"event":"a","tracking_id":"t","properties":{"\\udfff":1}}',
        b'{"event":"a\xed\xa0\x80","tracking_id":"t"}',
        b'{"event":"a","tracking_id":"\xff"}',
        b'{"event":5,"tracking_id":"t"}',
        b'{"event":"a","tracking_id":5}',
        b'{"event":"a","user_id":1.5}',
        b'{"event":"a","user_id":[1]}',
        b'{"event":"a","tracking_id":"t","properties":[]}',
        b'{"event":"a","tracking_id":"t","context":"c"}',
        b'{"event":"a","tracking_id":"t","timestamp":true}',
        b'{"event":"a","tracking_id":"t","timestamp":1e999}',
        b'{"type":"delete","tracking_id":"t"}',
        b'{"event":"a","tracking_id":"t","properties":{"x":' + b"9" * 5000 + b"}}",
        b'{"event":"a","tracking_id":"t","properties":{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        b'{"event":"a","tracking_id":"t","properties":{"x":' + b"[" * 500 + b"]" * 500 + b"}}",
        b'{"event":"a","tracking_id":"t","context":{"x":' + b"[" * 500 + b"]" * 500 + b"}}",
    ],
)
def test_what_cannot_be_read_is_set_aside_with_a_sentence(raw: bytes, refuse: Refuse) -> None:
    quarantine = refuse(raw=raw)
    assert quarantine.reason == QuarantineReason.NOT_READABLE
    assert quarantine.detail.startswith("The message ")


def test_a_plain_message_becomes_an_event(read: Read) -> None:
    parsed = read(
        {
            "event": "search",
            "tracking_id": " visitor-1 ",
            "session_id": "s-1",
            "source": "web",
            "library": "tag/1.0.0",
            "properties": {"query": "chair", "results": 12},
            "context": {
                "url": "https://shop.example/search?q=chair#top",
                "referrer": "https://shop.example/",
                "title": "Search",
                "screen": "1080x2400",
                "language": "en-GB",
                "time_zone": "Europe/London",
                "gpc": False,
            },
        },
        door="segment",
        user_agent="Agent/1",
        language="en;q=0.8",
        ip="192.0.2.1",
    )
    event = parsed.event
    assert (event.event, event.message_id, event.door) == ("search", "m-1", "segment")
    assert (event.tracking_id, event.session_id) == ("visitor-1", "s-1")
    assert (event.source, event.library) == ("web", "tag/1.0.0")
    assert event.occurred_at == event.received_at == RECEIVED
    assert event.stored_at == "2023-11-14 22:13:20.050"
    assert (event.url, event.path) == ("https://shop.example/search?q=chair#top", "/search")
    assert (event.title, event.screen, event.language) == ("Search", "1080x2400", "en-GB")
    assert event.properties == {"query": "chair", "results": 12}
    assert event.violations == []
    assert parsed.occurred_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (parsed.user_agent, parsed.accept_language, parsed.ip) == ("Agent/1", "en;q=0.8", "192.0.2.1")


@pytest.mark.parametrize("name", [None, "", "   "])
def test_a_message_without_an_event_name_is_set_aside(name: str | None, refuse: Refuse) -> None:
    assert refuse({"event": name}).reason == QuarantineReason.NO_EVENT_NAME


@pytest.mark.parametrize(
    "message",
    [
        {"tracking_id": None},
        {"tracking_id": "  "},
        {"tracking_id": None, "user_id": {}},
        {"type": "identify"},
        {"type": "alias"},
    ],
)
def test_a_message_that_names_nobody_is_set_aside(message: dict[str, Any], refuse: Refuse) -> None:
    assert refuse(message).reason == QuarantineReason.NO_ID


@pytest.mark.parametrize("tracking_id", ["x" * 256, "a\0b"])
def test_a_tracking_id_that_no_table_takes_is_refused(tracking_id: str, refuse: Refuse) -> None:
    assert refuse({"tracking_id": tracking_id}).reason == QuarantineReason.FORBIDDEN_ID


@pytest.mark.parametrize(
    ("sent", "ids"),
    [
        (None, {}),
        (" jon ", {"user_id": "jon"}),
        (17, {"user_id": "17"}),
        (
            {"registered": "jon@example.com", "user_id": 5, "email": "j"},
            {"user_id": "5", "email": "j", "registered": "jon@example.com"},
        ),
    ],
)
def test_ids_become_typed_texts_with_the_plain_one_first(sent: Any, ids: dict[str, str], read: Read) -> None:
    parsed = read({"user_id": sent})
    assert list(parsed.user_ids.items()) == list(ids.items())
    assert {name: value.strip() for name, value in parsed.event.user_ids.items()} == ids


@pytest.mark.parametrize(("kind", "door_says"), [("identify", False), ("alias", False), ("identify", True)])
def test_identify_and_alias_are_events_of_that_name(kind: str, door_says: bool, read: Read) -> None:
    message = {"event": "ignored", "user_id": "jon", "properties": {"name": "Jon", "total": "5", "sku": "x"}}
    parsed = read(message, type=kind) if door_says else read(message | {"type": kind})
    assert (parsed.kind, parsed.event.event) == (kind, kind)
    assert parsed.event.properties == {"name": "Jon", "total": "5", "sku": "x"}
    assert (parsed.event.product_name, parsed.event.total, parsed.event.sku) == ("", None, "")


@pytest.mark.parametrize(
    ("message", "envelope", "expected"),
    [
        ({}, {}, RECEIVED),
        ({"timestamp": 1_699_999_000}, {}, "2023-11-14 21:56:40.000"),
        ({"timestamp": "2023-11-14T21:56:40.5Z"}, {}, "2023-11-14 21:56:40.500"),
        # The device's clock is an hour fast, and the message waited ten seconds there.
        ({"timestamp": 1_700_003_590, "sent_at": 1_700_003_600}, {}, "2023-11-14 22:13:10.000"),
        ({"timestamp": 1_700_003_590}, {"sent_at": 1_700_003_600}, "2023-11-14 22:13:10.000"),
        ({"timestamp": 1_700_003_590, "sent_at": 1_700_003_600}, {"sent_at": 5}, "2023-11-14 22:13:10.000"),
        # The device believes that it is 1970, and 1969.
        ({"timestamp": 5, "sent_at": 15}, {}, "2023-11-14 22:13:10.000"),
        ({"timestamp": -15, "sent_at": -5}, {}, "2023-11-14 22:13:10.000"),
        ({"timestamp": 1_800_000_000}, {}, RECEIVED),
        ({"timestamp": 1_699_999_000, "sent_at": "soon"}, {}, "2023-11-14 21:56:40.000"),
        (
            {"timestamp": 1_291_161_600},
            {"door": "import", "sent_at": 1_291_200_000},
            "2010-12-01 00:00:00.000",
        ),
    ],
)
def test_the_time_is_the_clients_put_right(
    message: dict[str, Any], envelope: dict[str, Any], expected: str, read: Read
) -> None:
    parsed = read(message, **envelope)
    assert parsed.event.occurred_at == expected
    assert parsed.occurred_at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_an_unreadable_time_of_sending_is_told(read: Read) -> None:
    assert read({"timestamp": 5, "sent_at": "soon"}).event.violations == ["not_a_timestamp:sent_at"]


@pytest.mark.parametrize(
    "timestamp",
    [
        "yesterday",
        "",
        -1,
        "1969-12-31T23:59:59Z",
        "9999-12-31",
        10**11 - 1,
        10**300,
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_an_impossible_time_is_set_aside(timestamp: Any, refuse: Refuse) -> None:
    quarantine = refuse({"timestamp": timestamp})
    assert quarantine.reason == QuarantineReason.BAD_TIMESTAMP
    assert str(timestamp)[:20] in quarantine.detail


@pytest.mark.parametrize(
    ("event", "properties", "timestamp", "expected"),
    [
        ("order", {"order_date": "2010-12-01T08:26:00"}, 1_699_999_000, "2010-12-01 08:26:00.000"),
        ("order", {"order_date": 1_291_191_960}, None, "2010-12-01 08:26:00.000"),
        ("order", {"order_date": "soon"}, 1_699_999_000, "2023-11-14 21:56:40.000"),
        ("order", {"order_date": "9999-01-01"}, 1_699_999_000, "2023-11-14 21:56:40.000"),
        ("order", {"order_date": 1_800_000_000}, None, RECEIVED),
        # A date alone: the day, and today the time of day is known better.
        ("order", {"order_date": "2010-12-01"}, 1_699_999_000, "2010-12-01 00:00:00.000"),
        ("order", {"order_date": "2023-11-14"}, 1_699_999_000, "2023-11-14 21:56:40.000"),
        ("order", {"order_date": "2023-11-15"}, None, RECEIVED),
        ("account_register", {"join_date": "2010-12-01T08:26:00"}, None, "2010-12-01 08:26:00.000"),
        ("account_register", {"join_date": "2010-12-01T08:26:00"}, 1_699_999_000, "2023-11-14 21:56:40.000"),
        ("cart_add", {"modified_date": 1_699_999_000}, None, "2023-11-14 21:56:40.000"),
        ("search", {"order_date": "2010-12-01T08:26:00"}, None, RECEIVED),
    ],
)
def test_an_orders_date_is_its_time(
    event: str, properties: dict[str, Any], timestamp: int | None, expected: str, read: Read
) -> None:
    parsed = read({"event": event, "properties": properties, "timestamp": timestamp})
    assert parsed.event.occurred_at == expected
    assert parsed.event.properties.items() >= properties.items()


def test_texts_are_cut_for_their_columns_and_kept_whole_beside_them(read: Read) -> None:
    url, title, name = "https://shop.example/" + "u" * 5000, "t" * 2000, "n" * 300
    parsed = read({"event": name, "context": {"url": url, "title": title}})
    event = parsed.event
    assert (len(event.url), len(event.title), len(event.event), len(event.path)) == (4096, 1024, 255, 1024)
    assert event.properties["_context"] == {"url": url, "title": title}
    assert event.properties["_event"] == name


def test_control_characters_are_kept_and_nul_stays_out_of_typed_columns(read: Read) -> None:
    parsed = read(
        {
            "event": "a\x01b",
            "session_id": "s\0",
            "source": "w\0eb",
            "properties": {"sku": "x\0y", "note": "\0\x1f\x7f"},
        }
    )
    event = parsed.event
    assert event.event == "a\x01b"
    assert (event.sku, event.source) == ("x\ufffdy", "w\ufffdeb")
    assert event.properties == {"sku": "x\0y", "note": "\0\x1f\x7f"}


def test_a_server_may_speak_for_its_visitor(read: Read) -> None:
    parsed = read(
        {"context": {"user_agent": "Visitor/1", "ip": "198.51.100.7"}},
        user_agent="server-library",
        ip="192.0.2.1",
    )
    assert (parsed.user_agent, parsed.ip, parsed.is_agent_named) == ("Visitor/1", "198.51.100.7", True)
    assert parsed.event.properties == {}


def test_what_the_context_holds_beside_its_columns_is_kept(read: Read) -> None:
    parsed = read({"context": {"gpc": True, "app": {"version": "2.1"}, "title": 5, "a.b": 1}})
    assert parsed.event.properties["_context"] == {
        "gpc": True,
        "app": {"version": "2.1"},
        "title": 5,
        "_rest": '{"a.b":1}',
    }


def test_a_campaign_in_the_context_fills_its_columns(read: Read) -> None:
    event = read({"context": {"campaign": {"source": "news", "medium": "email", "name": "spring"}}}).event
    assert (event.utm_source, event.utm_medium, event.utm_campaign) == ("news", "email", "spring")


@pytest.mark.parametrize(
    ("properties", "url", "referrer"),
    [
        ({}, "https://shop.example/a", "https://google.com/"),
        ({"url": "https://shop.example/b"}, "https://shop.example/b", "https://google.com/"),
        ({"url": "https://shop.example/b", "referrer": ""}, "https://shop.example/b", ""),
    ],
)
def test_a_page_views_properties_override_the_context(
    properties: dict[str, str], url: str, referrer: str, read: Read
) -> None:
    context = {"url": "https://shop.example/a", "referrer": "https://google.com/"}
    event = read({"event": "page_view", "properties": properties, "context": context}).event
    assert (event.url, event.path, event.referrer) == (url, url[20:], referrer)
    assert event.violations == []


def test_a_page_view_without_an_address_is_told(read: Read) -> None:
    assert read({"event": "page_view"}).event.violations == ["missing:url"]


def test_reading_changes_nothing_in_the_envelope_and_twice_gives_the_same() -> None:
    raw = json.dumps({"event": "order", "tracking_id": "t", "properties": {"total": 1.10}}).encode()
    envelope = Envelope(project_id=1, received_at=RECEIVED_MS, message=msgspec.Raw(raw), message_id="m")
    assert parse_message(envelope, RECEIVED_MS) == parse_message(envelope, RECEIVED_MS)


def test_a_message_id_too_long_for_the_ledger_is_known_by_its_digest(read: Callable[..., Parsed]) -> None:
    one, same, other = (read(message_id="x" * 64 + end).event.message_id for end in ("a", "a", "b"))
    assert one == same != other
    assert len(one) == 64
    assert read(message_id="x" * 64).event.message_id == "x" * 64
