"""What a call becomes."""

from __future__ import annotations

import enum
import json
import logging
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shopalytic.client import Client, Failure, FailureKind
from shopalytic.client.client import LIBRARY
from tests.client.conftest import Collector, Make

SOME_UUID = UUID("0d9f2a4e-51f0-4c8b-9a0d-3f6f5a0c7e21")


class Size(enum.Enum):
    LARGE = "L"


def sent(client: Client, collector: Collector) -> dict[str, Any]:
    """The one message that the collector accepted."""
    assert client.flush(20)
    [item] = collector.accepted
    return item


def test_an_event_has_all_that_its_call_said(make: Make, collector: Collector) -> None:
    client = make()
    message_id = client.track(
        "order",
        {"order_id": "1001"},
        user_id={"user_id": 77, "email": "ann@shop.example"},
        tracking_id="v-1",
        timestamp=datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1))),
        context={"ip": "192.0.2.9"},
    )
    assert sent(client, collector) == {
        "type": "track",
        "event": "order",
        "message_id": message_id,
        "tracking_id": "v-1",
        "user_id": {"user_id": 77, "email": "ann@shop.example"},
        "timestamp": "2026-01-31T11:00:00.123Z",
        "properties": {"order_id": "1001"},
        "context": {"ip": "192.0.2.9"},
        "source": "server",
        "library": LIBRARY,
    }


def test_identify_and_alias_say_what_they_are(make: Make, collector: Collector) -> None:
    client = make(source="till")
    client.identify("77", {"first_name": "Ann"}, tracking_id="v-1")
    client.alias("card-5", tracking_id="v-1")
    assert client.flush(20)
    assert [
        (it["type"], it["user_id"], it["tracking_id"], it.get("properties"), it["source"])
        for it in collector.accepted
    ] == [("identify", "77", "v-1", {"first_name": "Ann"}, "till"), ("alias", "card-5", "v-1", None, "till")]


def test_a_message_without_a_time_has_that_of_its_call(make: Make, collector: Collector) -> None:
    client = make()
    before = datetime.now(UTC).timestamp()
    client.track("search", user_id="77")
    after = datetime.now(UTC).timestamp()
    assert before - 0.001 <= sent(client, collector)["timestamp"] / 1000 <= after


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Decimal("19.90"), "19.90"),
        (Decimal("1E+3"), "1000"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00.000Z"),
        (datetime(2026, 1, 31, 12), "2026-01-31T12:00:00.000Z"),  # noqa: DTZ001
        (date(2026, 1, 31), "2026-01-31"),
        (SOME_UUID, str(SOME_UUID)),
        (Size.LARGE, "L"),
        ((1, "a"), [1, "a"]),
        ({"price": Decimal("1.50")}, {"price": "1.50"}),
        ({7: True}, {"7": True}),
        ("half \ud83d a pair", "half ? a pair"),
        (None, None),
        (0.5, 0.5),
    ],
)
def test_a_value_of_python_becomes_one_of_json(
    make: Make, collector: Collector, failures: list[Failure], value: Any, told: Any
) -> None:
    client = make()
    client.track("search", {"it": value}, user_id="77")
    assert sent(client, collector)["properties"] == {"it": told}
    assert failures == []


@pytest.mark.parametrize(
    "value", [object(), b"bytes", float("nan"), float("inf"), Decimal("NaN"), Decimal("1E+900000"), 10**30]
)
def test_a_value_that_json_does_not_have_costs_itself_and_not_the_event(
    make: Make, collector: Collector, failures: list[Failure], caplog: pytest.LogCaptureFixture, value: Any
) -> None:
    client = make()
    client.track("order", {"order_id": "1", "line_items": [{"sku": "a", "price": value}]}, user_id="77")
    assert sent(client, collector)["properties"] == {
        "order_id": "1",
        "line_items": [{"sku": "a", "price": None}],
    }
    [failure] = failures
    assert (failure.kind, failure.at) == (FailureKind.BAD_VALUE, "properties.line_items[0].price")
    assert "properties.line_items[0].price" in caplog.text


def test_an_object_that_holds_itself_ends_somewhere(
    make: Make, collector: Collector, failures: list[Failure]
) -> None:
    basket: dict[str, Any] = {"id": "b"}
    basket["self"] = basket
    client = make()
    client.track("search", basket, user_id="77")
    assert sent(client, collector)["properties"]["self"]["self"]["id"] == "b"
    assert [failure.kind for failure in failures] == [FailureKind.BAD_VALUE]


def test_what_the_shop_changes_after_the_call_is_not_sent(make: Make, collector: Collector) -> None:
    client = make()
    cart = {"cart_id": "c", "skus": ["a"]}
    client.track("search", cart, user_id="77")
    cart["skus"] += ["b"]  # type: ignore[operator]
    assert sent(client, collector)["properties"]["skus"] == ["a"]


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda it: it.track("", user_id="77"), "name"),
        (lambda it: it.track(None, user_id="77"), "name"),
        (lambda it: it.track("e" * 256, user_id="77"), "name"),
        (lambda it: it.track("order"), "user_id"),
        (lambda it: it.track("order", user_id={"email": None}), "user_id"),
        (lambda it: it.track("order", user_id=object()), "object"),
        (lambda it: it.track("order", [1], user_id="77"), "mapping"),
        (lambda it: it.track("order", user_id="77", message_id="m" * 65), "message_id"),
        (lambda it: it.track("order", user_id="77", message_id=Hostile()), "no text"),
        (lambda it: it.track("order", {"note": "n" * 40_000}, user_id="77"), "bytes"),
        (lambda it: it.identify("", tracking_id="v-1"), "user_id"),
        (lambda it: it.alias("card-5"), "tracking_id"),
    ],
)
def test_a_wrong_call_is_told_and_raises_nothing(
    make: Make, collector: Collector, failures: list[Failure], caplog: pytest.LogCaptureFixture,
    call: Any, word: str,
) -> None:  # fmt: skip
    client = make()
    assert call(client) is None
    assert client.flush(20)
    [failure] = failures
    assert failure.kind is FailureKind.BAD_MESSAGE
    assert word in failure.reason
    assert "bad_message" in caplog.text
    assert collector.requests == []


@pytest.mark.parametrize(
    ("key", "address", "options"),
    [
        ("", "http://127.0.0.1:9", {}),
        (None, "http://127.0.0.1:9", {}),
        ("sha_sec_ä", "http://127.0.0.1:9", {}),
        ("sha_sec_a", "", {}),
        ("sha_sec_a", None, {}),
        ("sha_sec_a", "collector.example", {}),
        ("sha_sec_a", "ftp://collector.example", {}),
        ("sha_sec_a", "http://[half", {}),
        ("sha_sec_a", "http://127.0.0.1:9", {"timeout_seconds": "soon"}),
    ],
)
def test_a_client_that_cannot_work_says_so_once_and_stays_quiet(
    make: Make, failures: list[Failure], caplog: pytest.LogCaptureFixture,
    key: Any, address: Any, options: dict[str, Any],
) -> None:  # fmt: skip
    client = make(key=key, address=address, **options)
    assert client.track("order", {}, user_id="77") is None
    assert not client.flush()
    client.close()
    assert [failure.kind for failure in failures] == [FailureKind.DISABLED]
    assert len([line for line in caplog.records if line.levelno == logging.ERROR]) == 1


def test_an_on_error_that_fails_stops_nothing(make: Make, collector: Collector) -> None:
    def fail(_: Failure) -> None:
        raise RuntimeError("mine")

    client = make(on_error=fail)
    client.track("")
    client.track("search", user_id="77")
    assert sent(client, collector)["event"] == "search"


def test_the_log_holds_no_properties_and_no_key(
    make: Make, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.judge = lambda item: "No."
    client = make()
    client.track("order", {"note": "private words"}, user_id="77")
    assert client.flush(20)
    assert "rejected" in caplog.text
    assert "private words" not in caplog.text
    assert "sha_sec_of_a_test" not in caplog.text


def test_a_batch_says_when_it_was_sent_and_whose_it_is(make: Make, collector: Collector) -> None:
    client = make(address=collector.address + "/collect/", gzip=False)
    client.track("search", user_id="77")
    assert client.flush(20)
    [request] = collector.requests
    assert request.path == "/collect/batch"
    assert request.headers["Authorization"] == "Bearer sha_sec_of_a_test"
    assert json.loads(request.body)["sent_at"] >= request.items[0]["timestamp"]


def test_a_failure_while_a_failure_is_told_is_logged_alone(
    make: Make, failures: list[Failure], caplog: pytest.LogCaptureFixture
) -> None:
    def tell(failure: Failure) -> None:
        failures.append(failure)
        client.track("")

    client = make(on_error=tell)
    for _ in range(2):
        client.track("", user_id="77")
    assert [failure.kind for failure in failures] == [FailureKind.BAD_MESSAGE] * 2
    assert caplog.text.count("bad_message") == 4
