"""`stop_tracking`, `resume_tracking` and the list of stops over HTTP. What they do is in tests/privacy."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shopalytic.privacy.stops import list_stops
from tests.api.conftest import Shop
from tests.api.test_erasures import NOON, post


@pytest.fixture
def jon(shop: Shop) -> str:
    return shop.identify("phone", NOON, user_id="jon")


def test_a_dry_run_says_which_ids_it_is_about_and_changes_nothing(shop: Shop, jon: str) -> None:
    answer = post(shop, f"/customers/{jon}/stop_tracking", {"dry_run": True})
    assert answer.status_code == 200
    assert answer.json == {
        "ids": [{"type": "user_id", "value": "jon"}, {"type": "tracking_id", "value": "phone"}], "shared": [],
        "effective_at": None, "stop_id": None, "dry_run": True,
    }  # fmt: skip
    assert list_stops(shop.parts.sessions, shop.project_id) == []


def test_a_stop_is_listed_without_saying_who_it_is_and_names_the_key(shop: Shop, jon: str) -> None:
    stopped = post(shop, f"/customers/{jon}/stop_tracking").json
    assert stopped["effective_at"]
    assert post(shop, f"/customers/{jon}/stop_tracking").json["ids"] == []
    [record] = shop.get("/tracking_stops").json["stops"]
    assert (record["stop_id"], record["ids"], record["resumed"]) == (stopped["stop_id"], 2, 0)
    assert record["asked_by"].startswith("key:")
    assert "jon" not in str(record)


def test_it_is_resumed_by_customer_or_by_stop(shop: Shop, jon: str) -> None:
    post(shop, f"/customers/{jon}/stop_tracking")
    assert len(post(shop, f"/customers/{jon}/resume_tracking").json["ids"]) == 2
    second = post(shop, f"/customers/{jon}/stop_tracking").json["stop_id"]
    record = post(shop, f"/tracking_stops/{second}/resume").json
    assert (record["stop_id"], record["resumed"]) == (second, 2)


def test_nobody_and_no_stop_are_not_found(shop: Shop, jon: str) -> None:
    assert post(shop, f"/customers/{uuid4()}/stop_tracking").status_code == 404
    assert post(shop, f"/customers/{uuid4()}/resume_tracking").status_code == 404
    assert post(shop, f"/tracking_stops/{uuid4()}/resume").status_code == 404
    assert post(shop, f"/customers/{jon}/stop_tracking", {"dry": 1}).status_code == 400
