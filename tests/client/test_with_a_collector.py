"""The client against a whole Shopalytic."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from benchmarks.system import System, running_system
from shopalytic.client import Client, Failure, FailureKind


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("client") / "data") as running:
        yield running


def test_what_is_told_is_stored_once_with_its_ids_and_amounts(system: System) -> None:
    before = system.counters()["stored"]
    failures: list[Failure] = []
    with Client(system.project["secret_key"], system.address, on_error=failures.append) as client:
        client.track("page_view", {"url": "https://shop.example/"}, tracking_id="v-1")
        client.identify({"user_id": 77, "email": "Ann@shop.example"}, {"country": "GBR"}, tracking_id="v-1")
        client.alias("card-5", tracking_id="v-1")
        for _ in range(2):
            client.track(
                "order",
                {
                    "order_id": "1001",
                    "cart_id": "1001",
                    "total": Decimal("19.90"),
                    "subtotal": Decimal("14.90"),
                    "line_items": [{"sku": "22196", "price": Decimal("14.90"), "qty": 1}],
                },
                user_id=77,
                message_id="order-1001",
            )
    assert failures == []
    counters = system.wait_until_stored(patience_seconds=120)
    assert counters["stored"] - before == 4
    assert counters["duplicate"] == 1
    found = system.get("/api/v1/customers?id=card-5")
    assert {(one["type"], one["value"]) for one in found["ids"]} >= {
        ("user_id", "77"), ("email", "ann@shop.example"), ("tracking_id", "v-1"), ("user_id", "card-5"),
    }  # fmt: skip


def test_an_alias_of_a_known_id_is_a_further_id_of_its_customer(system: System) -> None:
    with Client(system.project["secret_key"], system.address) as client:
        client.track("search", {"query": "cups"}, user_id="old-name")
        client.alias("new-name", previous_id="old-name")
    system.wait_until_stored(patience_seconds=120)
    old, new = (system.get(f"/api/v1/customers?id={name}") for name in ("old-name", "new-name"))
    assert old["customer_id"] == new["customer_id"]


def test_a_token_serves_as_well_as_a_secret_key(system: System) -> None:
    client = Client(system.project["token"], system.address, synchronous=True)
    assert client.track("search", {"query": "cups"}, tracking_id="v-2") is not None


def test_a_large_queue_arrives_whole(system: System) -> None:
    before = system.counters()["accepted"]
    with Client(system.project["secret_key"], system.address, batch_size=500) as client:
        for number in range(2000):
            assert client.track("search", {"query": f"cups {number}"}, tracking_id=f"v-{number % 7}")
        assert client.flush(60)
    assert system.counters()["accepted"] - before == 2000


def test_a_key_that_is_wrong_is_told_with_the_collectors_words(system: System) -> None:
    failures: list[Failure] = []
    client = Client("sha_sec_wrong", system.address, synchronous=True, on_error=failures.append)
    assert client.track("search", {}, tracking_id="v-1") is None
    [failure] = failures
    assert failure.kind is FailureKind.REJECTED
    assert failure.reason == "HTTP 401: This key is not known."


def test_an_id_that_identifies_nobody_is_told_by_the_collector(system: System) -> None:
    failures: list[Failure] = []
    client = Client(system.project["secret_key"], system.address, synchronous=True, on_error=failures.append)
    assert client.identify("guest") is None
    assert [(failure.kind, failure.at) for failure in failures] == [(FailureKind.REJECTED, "user_id")]
