"""`/retention`: how long events are kept. The deleting is in tests/privacy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shopalytic.privacy.retention import find_cutoff
from shopalytic.web.api.answers import format_instant
from tests.api.conftest import Shop
from tests.factories import make_order


def put(shop: Shop, **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {shop.made.secret_key}"}
    return shop.client.put("/api/v1/retention", json=body, headers=headers)


def test_events_are_kept_for_ever_until_somebody_says_otherwise(shop: Shop) -> None:
    assert shop.get("/retention").json == {
        "months": None, "set_at": None, "before": None, "events": 0, "orders": 0, "oldest": None,
        "deleted_before": None, "dry_run": False,
    }  # fmt: skip


def test_a_dry_run_tells_what_would_go_and_changes_nothing(shop: Shop) -> None:
    shop.insert(make_order(order_id="1", at="2020-03-04 12:00:00"))
    answer = put(shop, months=12, dry_run=True).json
    assert (answer["events"], answer["orders"], answer["dry_run"]) == (1, 1, True)
    assert answer["oldest"] == "2020-03-04T12:00:00.000Z"
    assert shop.get("/retention").json["months"] is None


def test_it_is_saved_and_taken_back(shop: Shop) -> None:
    answer = put(shop, months=12).json
    # Around midnight at a month's end the clock may have moved on since.
    assert answer["before"] <= format_instant(find_cutoff(12, datetime.now(UTC)))
    assert shop.get("/retention").json["set_at"] == answer["set_at"]
    assert put(shop, months=None).json["months"] is None
    assert shop.get("/retention").json["before"] is None


def test_other_numbers_are_refused(shop: Shop) -> None:
    for body in ({"months": 0}, {"months": 121}, {"months": "12"}, {}, {"month": 1}):
        assert put(shop, **body).status_code == 400
    assert shop.get("/retention").json["months"] is None
