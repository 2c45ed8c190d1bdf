"""What clients say that they gave up unsent: counted for the operator, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import REGISTRY

from tests.collector.conftest import Shop


def client_drops() -> float:
    return REGISTRY.get_sample_value("shopalytic_client_dropped_messages_total") or 0.0


def test_what_a_tag_says_that_it_dropped_is_counted(shop: Shop) -> None:
    before = client_drops()
    assert shop.track(dropped=3).status_code == 200
    batch = {"token": shop.token, "dropped": 4, "events": [shop.message(token=None)]}
    assert shop.post("/batch", batch).status_code == 200
    assert client_drops() - before == 7
    assert len(shop.stream.parsed()) == 2


def test_a_batch_that_is_damaged_beside_it_says_it_too(shop: Shop) -> None:
    before = client_drops()
    body = (
        b'{"token": "%b", "dropped": 5, "events": [{"event": "a", "tracking_id": "v"}, {"event": nonsense}]}'
    )
    assert shop.post("/batch", body % shop.token.encode()).status_code == 200
    assert client_drops() - before == 5


@pytest.mark.parametrize("said", [0, -1, 10**9, 1.5, True, "7", None, [7], {"a": 7}])
def test_what_is_no_sensible_number_counts_nothing_and_rejects_nothing(shop: Shop, said: Any) -> None:
    before = client_drops()
    assert shop.track(dropped=said).status_code == 200
    batch = {"token": shop.token, "dropped": said, "events": [shop.message(token=None)]}
    assert shop.post("/batch", batch).status_code == 200
    assert client_drops() == before


def test_a_request_that_is_refused_adds_nothing(shop: Shop) -> None:
    before = client_drops()
    assert shop.track(dropped=3, token="wrong").status_code == 401
    assert shop.track(dropped=3, event="").status_code == 400
    assert client_drops() == before
