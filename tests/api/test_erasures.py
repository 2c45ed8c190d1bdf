"""`anonymise`, `forget` and `export` over HTTP, with whom they are refused. What they do is in tests/privacy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from shopalytic.accounts.keys import make_key
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.privacy.record import list_erasures, unfinished
from shopalytic.privacy.run import advance
from tests.api.conftest import Shop
from tests.factories import make_order

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
KINDS = ("anonymise", "forget")


def post(shop: Shop, path: str, body: Any = None, key: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {shop.made.secret_key if key is None else key}"}
    return shop.client.post(f"/api/v1{path}", json=body, headers=headers)


@pytest.fixture
def jon(shop: Shop) -> str:
    """A customer with an order of 10.50."""
    # Other tests leave messages waiting, which an erasure would wait for.
    shop.parts.stream.client.flushall()
    customer = shop.identify("phone", NOON, user_id="jon")
    shop.insert(
        make_order(order_id="1", total="10.50", visitor="phone", origin_id=customer, customer_id=customer)
    )
    return customer


def work(shop: Shop) -> None:
    """As a worker does, up to the engine's clean-up."""
    runner = Runner(shop.parts.store, shop.parts.sessions, StepContext(), session_timeout_minutes=30)
    for erasure_id in unfinished(shop.parts.sessions):
        advance(shop.parts, runner, erasure_id)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_says_what_it_is_about_and_changes_nothing(shop: Shop, jon: str, kind: str) -> None:
    answer = post(shop, f"/customers/{jon}/{kind}", {"dry_run": True})
    assert answer.status_code == 200
    assert answer.json == {
        "moves": {"events": 1, "orders": 1, "revenue": "10.50"}, "customers": [], "erasure_id": None,
        "dry_run": True, "done": False, "repeated": False,
    }  # fmt: skip
    assert list_erasures(shop.parts.sessions, shop.project_id) == []
    assert shop.get("/customers", id="jon").json["orders"] == 1


@pytest.mark.parametrize(("kind", "orders"), [("anonymise", 1), ("forget", 0)])
def test_the_customer_is_gone_once_a_worker_did_it(shop: Shop, jon: str, kind: str, orders: int) -> None:
    answer = post(shop, f"/customers/{jon}/{kind}").json
    assert (answer["done"], answer["repeated"]) == (False, False)
    work(shop)
    assert shop.get("/customers", id="jon").status_code == 404
    period = {"start": "2026-01-01", "end": "2026-01-31"}
    assert shop.get("/reports/overview", **period).json["totals"]["orders"] == orders
    record = shop.get(f"/erasures/{answer['erasure_id']}").json
    assert (record["kind"], record["moves"]["revenue"]) == (kind, "10.50")
    assert record["asked_by"].startswith("key:")
    assert shop.get("/erasures").json["erasures"] == [record]


def test_asked_again_it_is_the_same_erasure(shop: Shop, jon: str) -> None:
    first = post(shop, f"/customers/{jon}/forget").json
    again = post(shop, f"/customers/{jon}/forget").json
    assert (again["erasure_id"], again["repeated"]) == (first["erasure_id"], True)
    assert post(shop, f"/customers/{jon}/anonymise").status_code == 400
    work(shop)
    after = post(shop, f"/customers/{jon}/forget")
    assert (after.status_code, after.json["erasure_id"], after.json["repeated"]) == (
        200, first["erasure_id"], True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_whom_nobody_knows_cannot_be_erased(shop: Shop, kind: str) -> None:
    assert post(shop, f"/customers/{uuid4()}/{kind}").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_a_customer_of_another_project_cannot_be_erased(
    shop: Shop, jon: str, make_shop: Any, kind: str
) -> None:
    other: Shop = make_shop()
    assert post(shop, f"/customers/{jon}/{kind}", key=other.made.secret_key).status_code == 404
    mine = post(shop, f"/customers/{jon}/{kind}").json["erasure_id"]
    assert other.get(f"/erasures/{mine}").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_a_revoked_key_and_no_key_erase_nobody(shop: Shop, jon: str, kind: str) -> None:
    with shop.parts.sessions.begin() as db:
        revoked = make_key(db, shop.project_id, "secret")
        revoked.key.revoked_at = NOON
    for key in (shop.made.token, revoked.text, ""):
        assert post(shop, f"/customers/{jon}/{kind}", key=key).status_code == 401
    assert list_erasures(shop.parts.sessions, shop.project_id) == []


@pytest.mark.parametrize("body", [{"dryrun": True}, {"dry_run": "yes"}, [True], {"dry_run": None}])
def test_a_body_that_says_something_else_erases_nobody(shop: Shop, jon: str, body: Any) -> None:
    assert post(shop, f"/customers/{jon}/forget", body).status_code == 400
    assert list_erasures(shop.parts.sessions, shop.project_id) == []


def test_reading_a_customer_does_not_erase_him(shop: Shop, jon: str) -> None:
    assert shop.get(f"/customers/{jon}/forget").status_code == 405
    assert list_erasures(shop.parts.sessions, shop.project_id) == []


def test_an_export_has_ids_with_their_reason_and_all_events(shop: Shop, jon: str) -> None:
    found = shop.get(f"/customers/{jon}/export").json
    assert {(one["type"], one["value"]) for one in found["ids"]} == {
        ("user_id", "jon"),
        ("tracking_id", "phone"),
    }
    assert ["linked browser" in one["sentence"] for one in found["why_one_person"]] == [True]
    assert [(one["event"], one["properties"]["total"]) for one in found["events"]] == [("order", "10.5")]
    assert found["set_aside"] == found["properties"] == []
    assert shop.get(f"/customers/{uuid4()}/export").status_code == 404
    assert shop.get(f"/customers/{jon}/export", key=shop.made.token).status_code == 401
