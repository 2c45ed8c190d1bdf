"""`/identity/check` over HTTP. What a check finds is in tests/audit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete

from shopalytic.accounts.models import Identity
from shopalytic.audit.record import unfinished
from shopalytic.audit.run import advance
from tests.api.conftest import Shop
from tests.api.test_erasures import post

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def work(shop: Shop, check_id: int, turn: int = 0) -> None:
    following: int | None = turn
    while following is not None:
        following = advance(shop.parts, check_id, following, seconds=60)


def break_it(shop: Shop) -> None:
    with shop.parts.sessions.begin() as db:
        db.execute(delete(Identity).where(Identity.project_id == shop.project_id, Identity.id_value == "jon"))


def test_before_the_first_check_there_is_none(shop: Shop) -> None:
    assert shop.get("/identity/check").json == {"last": None, "running": None}


def test_a_check_is_begun_once_and_told_when_it_is_done(shop: Shop) -> None:
    shop.identify("phone", NOON, user_id="jon")
    begun = post(shop, "/identity/check").json
    assert (begun["last"], begun["repeated"], begun["running"]["done_at"]) == (None, False, None)
    assert post(shop, "/identity/check").json["repeated"] is True
    work(shop, begun["running"]["check_id"])
    answer = shop.get("/identity/check").json
    assert answer["running"] is None
    assert answer["last"]["sentence"] == "1 customer rebuilt from 1 entry, 0 events compared: all the same."
    assert answer["last"]["asked_by"].startswith("key:")


def test_a_dry_run_begins_nothing(shop: Shop) -> None:
    before = unfinished(shop.parts.sessions)
    answer = post(shop, "/identity/check", {"mend": True, "dry_run": True}).json
    assert answer == {"last": None, "running": None, "dry_run": True, "repeated": False}
    assert unfinished(shop.parts.sessions) == before


def test_what_differs_is_told_and_mended(shop: Shop) -> None:
    customer = shop.identify("phone", NOON, user_id="jon")
    break_it(shop)
    work(shop, post(shop, "/identity/check").json["running"]["check_id"])
    [told] = shop.get("/identity/check").json["last"]["samples"]
    assert (told["kind"], told["customer_id"], told["found_id"]) == ("identity_missing", customer, None)
    work(shop, post(shop, "/identity/check", {"mend": True}).json["running"]["check_id"])
    last = shop.get("/identity/check").json["last"]
    assert (last["differences"], last["mended"], last["mends"]) == (1, 1, True)
    assert shop.get("/customers", id="jon").json["customer_id"] == customer


def test_a_mend_is_refused_while_a_check_that_does_not_is_under_way(shop: Shop) -> None:
    post(shop, "/identity/check")
    answer: Any = post(shop, "/identity/check", {"mend": True})
    assert answer.status_code == 400
    assert answer.json["error"]["message"] == "A check is under way; mend when it is done."


def test_another_project_sees_nothing_of_it(shop: Shop, make_shop: Any) -> None:
    post(shop, "/identity/check")
    assert make_shop().get("/identity/check").json == {"last": None, "running": None}
