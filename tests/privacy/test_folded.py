"""Erasing a person whose overrides are being folded into the rows, or were."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.pipeline import fold
from tests.privacy.conftest import DEADLINE_SECONDS, Shop
from tests.privacy.test_anonymise import SECRETS, everything, jons_day

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Held(msgspec.Struct):
    steps: int


def overrides_of(shop: Shop, browser: str) -> list[int]:
    """How many steps each row has that the store still holds of the browser, replaced ones too."""
    origin = origin_id(shop.project.project_id, VISITOR, browser)
    found = shop.parts.store.rows(
        Held,
        "SELECT length(timeline) AS steps FROM {{overrides}} "
        "WHERE project_id = {project:UInt32} AND origin_id = {origin:UUID}",
        project=shop.project.project_id, origin=str(origin),
    )  # fmt: skip
    return [one.steps for one in found]


def go_on(shop: Shop, turn_seconds: float = 0) -> bool:
    parts = shop.parts
    return fold.go_on(
        parts.store, parts.sessions, parts.stream, NOW, rest=timedelta(0), turn_seconds=turn_seconds
    )


def finish(shop: Shop) -> None:
    ends_at = time.monotonic() + DEADLINE_SECONDS
    while not go_on(shop, 1):
        assert time.monotonic() < ends_at
        time.sleep(0.02)


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_forgotten_while_a_round_is_under_way_nothing_of_the_person_comes_back(
    sqlite_shop: Shop, steps: int
) -> None:
    jons_day(sqlite_shop)
    fold.begin(sqlite_shop.parts.sessions, NOW)
    for _ in range(steps):
        go_on(sqlite_shop)
    assert overrides_of(sqlite_shop, "jon-phone") == [1]
    sqlite_shop.erase("forget", sqlite_shop.get("4417-jon"))
    assert overrides_of(sqlite_shop, "jon-phone") == []
    finish(sqlite_shop)
    assert overrides_of(sqlite_shop, "jon-phone") == []
    left = everything(sqlite_shop)
    assert [secret for secret in SECRETS if secret in left] == []
    assert {row.message_id for row in sqlite_shop.rows()} == {"m004"}


def test_forgotten_after_a_fold_nothing_of_the_person_is_left(sqlite_shop: Shop) -> None:
    jons_day(sqlite_shop)
    fold.begin(sqlite_shop.parts.sessions, NOW)
    finish(sqlite_shop)
    assert 0 in overrides_of(sqlite_shop, "jon-phone")
    sqlite_shop.erase("forget", sqlite_shop.get("4417-jon"))
    assert overrides_of(sqlite_shop, "jon-phone") == []
    assert {row.message_id for row in sqlite_shop.rows()} == {"m004"}


def test_anonymised_after_a_fold_events_orders_and_revenue_stay(sqlite_shop: Shop) -> None:
    jons_day(sqlite_shop)
    fold.begin(sqlite_shop.parts.sessions, NOW)
    finish(sqlite_shop)
    before = sqlite_shop.overview()
    sqlite_shop.erase("anonymise", sqlite_shop.get("4417-jon"))
    assert sqlite_shop.overview() == before
    assert [secret for secret in SECRETS if secret in everything(sqlite_shop)] == []
