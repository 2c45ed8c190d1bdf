"""How much one project may send, and what the collector counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.collector.rate import RateLimit
from tests.collector.conftest import Shop, error_of, make_shop


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_without_a_limit_nothing_is_counted() -> None:
    limit = RateLimit(0)
    assert {limit.take(1, 1000) for _ in range(100)} == {0.0}


def test_a_second_holds_so_many_messages_and_says_when_there_is_room_again() -> None:
    clock = Clock()
    limit = RateLimit(10, clock)
    assert [limit.take(1, 1) for _ in range(10)] == [0.0] * 10
    assert limit.take(1, 1) == pytest.approx(0.1)
    clock.seconds += 0.1
    assert limit.take(1, 1) == 0.0
    clock.seconds += 60
    assert [limit.take(1, 1) for _ in range(10)] == [0.0] * 10
    assert limit.take(1, 1) > 0


def test_projects_do_not_share_their_limit() -> None:
    limit = RateLimit(1, Clock())
    assert limit.take(1, 1) == 0.0
    assert limit.take(2, 1) == 0.0
    assert limit.take(1, 1) > 0


def test_a_batch_larger_than_the_limit_passes_and_is_paid_for_afterwards() -> None:
    clock = Clock()
    limit = RateLimit(10, clock)
    assert limit.take(1, 500) == 0.0
    assert limit.take(1, 500) == pytest.approx(50.0)
    clock.seconds += 50
    assert limit.take(1, 500) == 0.0


def test_over_the_limit_is_a_429_that_says_when_to_come_again(
    sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    shop = make_shop(sessions, tmp_path, rate_limit_per_second=1)
    assert shop.batch([shop.item()] * 100).status_code == 200
    response = shop.track({"Origin": "https://shop.example"})
    assert (response.status_code, error_of(response)["code"]) == (429, "too_many_requests")
    assert 90 <= int(response.headers["Retry-After"]) <= 100
    assert response.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert len(shop.stream.appended) == 100


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"shopalytic_collector_{name}_total", labels) or 0.0


def test_requests_and_messages_are_counted(shop: Shop) -> None:
    def counts() -> list[float]:
        return [
            sample("requests", door="batch", status="200"),
            sample("requests", door="track", status="401"),
            sample("messages", door="batch", result="accepted"),
            sample("messages", door="batch", result="rejected"),
        ]

    before = counts()
    shop.batch([shop.item(), b"NaN", shop.item()])
    shop.track(token="wrong")
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 2, 1]
