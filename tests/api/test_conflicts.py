"""`/conflicts` over HTTP: what was refused, and what a key decides of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shopalytic.identity.never import list_never
from tests.api.conftest import Shop
from tests.api.test_erasures import post
from tests.factories import make_order

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def refused(shop: Shop) -> int:
    """Ann ordered for 10.50; Ben's browser said that he has Ann's id. Gives the conflict's number."""
    ann = shop.identify("phone", NOON, user_id="ann")
    shop.identify("tablet", NOON, user_id="ben")
    shop.insert(make_order(order_id="1", total="10.50", visitor="phone", origin_id=ann, customer_id=ann))
    say_again(shop, 1)
    number: int = conflicts(shop)[0]["conflict_id"]
    return number


def say_again(shop: Shop, minute: int, user_id: str = "ann") -> None:
    shop.identify("tablet", NOON + timedelta(minutes=minute), kind="alias", user_id=user_id)


def conflicts(shop: Shop, **query: Any) -> Any:
    return shop.get("/conflicts", **query).json["conflicts"]


def test_a_conflict_has_its_sentences_and_both_customers(shop: Shop, refused: int) -> None:
    say_again(shop, 5)
    [found] = conflicts(shop)
    assert (found["reason"], found["type"], found["value"]) == ("owned_by_another", "user_id", "ann")
    assert (found["tracking_id"], found["times"]) == ("tablet", 2)
    assert (found["first_at"], found["last_at"]) == ("2026-01-10T12:01:00.000Z", "2026-01-10T12:05:00.000Z")
    assert found["sentences"] == [
        "On the page https://shop.example/sign-in, alias('ann') was to give browser tablet the further id user_id ann.",
        "user_id ann belongs to another customer than browser tablet, and an id belongs to one customer.",
    ]
    owner, other = found["customers"]
    assert (owner["is_owner"], owner["orders"], owner["revenue"]) == (True, 1, "10.50")
    assert (other["is_owner"], other["orders"], other["revenue"]) == (False, 0, "0.00")
    assert {one["value"] for one in other["ids"]} == {"tablet", "ben"}
    assert (found["decision"], found["decided_at"], found["decided_by"]) == (None, None, None)
    assert shop.get(f"/conflicts/{found['conflict_id']}").json == found


def test_pages_neither_repeat_nor_miss_one(shop: Shop, refused: int) -> None:
    for number in range(5):
        shop.identify(f"v{number}", NOON, user_id=f"u{number}")
        say_again(shop, 2, f"u{number}")
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = shop.get("/conflicts", limit=2, cursor=cursor).json
        seen += [one["value"] for one in page["conflicts"]]
        cursor = page["next"]
    assert sorted(seen) == ["ann", "u0", "u1", "u2", "u3", "u4"]
    assert seen[-1] == "ann"


@pytest.mark.parametrize("cursor", ["nonsense", "WyIyMDI2LTAxLTEwIDEyOjAwOjAwLjAwMCIsIngiXQ"])
def test_a_cursor_that_no_page_gave_is_refused(shop: Shop, cursor: str) -> None:
    answer = shop.get("/conflicts", cursor=cursor)
    assert (answer.status_code, answer.json["error"]["at"]) == (400, "cursor")


def test_reasons_and_ids_narrow_the_list(shop: Shop, refused: int) -> None:
    assert conflicts(shop, reason="too_many_links") == []
    assert len(conflicts(shop, id="tab", reason="owned_by_another")) == 1
    assert shop.get("/conflicts", status="all").status_code == 400


def test_a_dry_run_decides_nothing(shop: Shop, refused: int) -> None:
    left = post(shop, f"/conflicts/{refused}/leave", {"dry_run": True})
    assert left.json == {"conflict_id": refused, "decision": "left", "links": 1, "dry_run": True}
    never = post(shop, f"/conflicts/{refused}/never", {"dry_run": True})
    assert never.json == {"conflict_id": refused, "decision": "never", "links": 1, "dry_run": True}
    merged = post(shop, f"/conflicts/{refused}/merge", {"dry_run": True}).json
    assert (merged["decision_id"], merged["moves"]) == (
        None, {"events": 0, "orders": 0, "revenue": "0.00"},
    )  # fmt: skip
    assert len(conflicts(shop)) == 1
    with shop.parts.sessions() as db:
        assert list_never(db, shop.project_id) == []


def test_what_is_left_is_decided_by_the_key_until_it_is_reopened(shop: Shop, refused: int) -> None:
    say_again(shop, 2)
    answer = post(shop, f"/conflicts/{refused}/leave").json
    assert (answer["links"], answer["dry_run"]) == (2, False)
    assert post(shop, f"/conflicts/{refused}/leave").json["links"] == 0
    assert conflicts(shop) == []
    [found] = conflicts(shop, status="decided")
    assert (found["decision"], found["decided_by"].startswith("key:")) == ("left", True)
    assert post(shop, f"/conflicts/{refused}/reopen").json["links"] == 2
    assert len(conflicts(shop)) == 1


def test_a_merge_resolves_it_and_names_the_decision(shop: Shop, refused: int) -> None:
    answer = post(shop, f"/conflicts/{refused}/merge").json
    assert answer["customers"] == [shop.get("/customers", id="ann").json["customer_id"]]
    assert shop.get("/customers", id="ben").json["orders"] == 1
    assert conflicts(shop) == []
    assert shop.get(f"/conflicts/{refused}").status_code == 404
    [made] = shop.get("/decisions").json["decisions"]
    assert made["decision_id"] == answer["decision_id"]


def test_an_id_or_the_browser_identifies_nobody_from_then_on(shop: Shop, refused: int) -> None:
    wrong = post(shop, f"/conflicts/{refused}/never", {"which": "other"})
    assert (wrong.status_code, wrong.json["error"]["at"]) == (400, "which")
    assert post(shop, f"/conflicts/{refused}/never", {"which": "browser"}).json["links"] == 1
    with shop.parts.sessions() as db:
        assert [(one.id_type, one.id_value) for one in list_never(db, shop.project_id)] == [
            ("tracking_id", "tablet")
        ]
    assert conflicts(shop, status="decided")[0]["decision"] == "never"


@pytest.mark.parametrize("action", ["leave", "reopen", "merge", "never"])
def test_only_a_key_of_the_project_decides(shop: Shop, refused: int, make_shop: Any, action: str) -> None:
    other: Shop = make_shop()
    assert post(shop, f"/conflicts/{refused}/{action}", key=other.made.secret_key).status_code == 404
    assert post(shop, f"/conflicts/{refused}/{action}", key=shop.made.token).status_code == 401
    assert post(shop, f"/conflicts/{refused}/{action}", {"dryrun": True}).status_code == 400
    assert len(conflicts(shop)) == 1
    assert conflicts(other) == []


def test_the_sandbox_has_conflicts_of_its_own_and_no_list_of_ids(shop: Shop, refused: int) -> None:
    assert conflicts(shop, sandbox="true") == []
    assert post(shop, f"/conflicts/{refused}/leave?sandbox=true").status_code == 404
