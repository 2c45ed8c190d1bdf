"""`/id-rules` and `/never-ids`: what a script may say of a project's ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shopalytic.identity.ids import origin_id
from shopalytic.identity.never import erase_never
from tests.api.conftest import Shop
from tests.api.test_refusals import error_of
from tests.factories import make_event

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def ask(shop: Shop, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {shop.made.secret_key}"}
    return shop.client.open(f"/api/v1{path}", method=method, json=body, headers=headers)


def types(shop: Shop) -> dict[str, Any]:
    return {one["type"]: one for one in shop.get("/id-rules").json["types"]}


def test_a_new_project_has_its_usual_types_and_said_nothing_of_them(shop: Shop) -> None:
    assert list(types(shop)) == ["user_id", "email", "tracking_id"]
    assert types(shop)["email"] == {
        "type": "email", "ids": 0, "is_hard": True, "max_per_customer": None,
        "new_links_per_day": 100, "is_told_by_property": False,
    }  # fmt: skip
    assert shop.get("/id-rules").json["history"] == []


def test_a_rule_is_saved_and_stands_in_the_history_with_who_said_it(shop: Shop) -> None:
    saved = ask(shop, "PUT", "/id-rules", {"type": "card", "max_per_customer": 1}).json
    assert (saved["changes"], saved["customers_over"], saved["dry_run"]) == (True, 0, False)
    assert datetime.fromisoformat(saved["links_from_at"]) - datetime.fromisoformat(
        saved["from_at"]
    ) == timedelta(minutes=1)
    [row] = shop.get("/id-rules").json["history"]
    assert (row["type"], row["max_per_customer"], row["from_at"]) == ("card", 1, saved["from_at"])
    assert row["set_by"].startswith("key:")
    assert not ask(shop, "PUT", "/id-rules", {"type": "card", "max_per_customer": 1}).json["changes"]
    assert len(shop.get("/id-rules").json["history"]) == 1


def test_a_dry_run_tells_how_many_customers_are_over_the_limit_and_saves_nothing(shop: Shop) -> None:
    for number, card in enumerate(("a", "b")):
        shop.identify(f"t{number}", NOON, user_id="jon", card=card)
    shop.identify("t3", NOON, user_id="ann", card="c")
    answer = ask(shop, "PUT", "/id-rules", {"type": "card", "max_per_customer": 1, "dry_run": True}).json
    assert answer == {
        "type": "card", "changes": True, "from_at": None, "links_from_at": None, "customers_over": 1,
        "dry_run": True,
    }  # fmt: skip
    assert types(shop)["card"]["max_per_customer"] is None
    assert types(shop)["card"]["ids"] == 3


@pytest.mark.parametrize(
    ("body", "code", "at"),
    [
        ({}, "bad_request", None),
        ({"type": "card", "max_per_customer": 0}, "bad_request", "max_per_customer"),
        ({"type": "card", "uniqe": True}, "bad_request", "uniqe"),
        ({"type": "user_id", "is_hard": False}, "wrong_id_rule", "is_hard"),
        ({"type": " ", "is_hard": False}, "wrong_id_rule", "type"),
        ({"type": "card", "is_told_by_property": True}, "wrong_id_rule", "is_told_by_property"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(shop: Shop, body: Any, code: str, at: str | None) -> None:
    error = error_of(ask(shop, "PUT", "/id-rules", body), 400)
    assert (error["code"], error.get("at")) == (code, at)


def test_an_id_is_put_on_the_list_and_taken_off_again(shop: Shop) -> None:
    wanted = {"type": "Email", "value": " Test@Shop.Example "}
    tried = ask(shop, "POST", "/never-ids", {**wanted, "dry_run": True}).json
    assert (tried["never_id"], tried["value"], tried["dry_run"]) == (None, "test@shop.example", True)
    assert shop.get("/never-ids").json == {"never_ids": []}
    made = ask(shop, "POST", "/never-ids", wanted).json
    assert shop.get("/never-ids").json == {"never_ids": [made]}
    assert ask(shop, "POST", "/never-ids", wanted).json == made
    path = f"/never-ids/{made['never_id']}/remove"
    assert ask(shop, "POST", path, {"dry_run": True}).json == {**made, "dry_run": True}
    gone = ask(shop, "POST", path).json
    assert gone["removed_at"] is not None
    assert shop.get("/never-ids").json == {"never_ids": [gone]}


def test_an_erased_persons_id_is_not_told_any_more(shop: Shop) -> None:
    ask(shop, "POST", "/never-ids", {"type": "user_id", "value": "jon"})
    with shop.parts.sessions.begin() as db:
        erase_never(db, shop.project_id, [("user_id", "jon")], [], "a key")
    [row] = shop.get("/never-ids").json["never_ids"]
    assert (row["type"], row["value"]) == ("user_id", None)


def test_what_is_nobodys_id_anyway_is_refused(shop: Shop) -> None:
    error = error_of(ask(shop, "POST", "/never-ids", {"type": "user_id", "value": "null"}), 400)
    assert (error["code"], error["at"]) == ("forbidden_id", "value")


def test_another_projects_list_is_not_there(shop: Shop, make_shop: Any) -> None:
    made = ask(make_shop(), "POST", "/never-ids", {"type": "user_id", "value": "till"}).json
    error_of(ask(shop, "POST", f"/never-ids/{made['never_id']}/remove"), 404)


def test_a_customer_is_found_by_a_soft_id_that_no_sign_in_came_with(shop: Shop) -> None:
    ask(shop, "PUT", "/id-rules", {"type": "device", "is_hard": False})
    origin = shop.identify("device:pad-1", NOON, user_id="jon")
    assert shop.get("/customers", id="pad-1").json["customer_id"] == origin
    lonely = make_event(visitor="device:pad-2", at="2026-01-10 12:00:00")
    lonely.origin_id = lonely.customer_id = str(origin_id(shop.project_id, "tracking_id", "device:pad-2"))
    shop.insert(lonely)
    assert shop.get("/customers", id="pad-2").json["customer_id"] == lonely.customer_id
    error_of(shop.get("/customers", id="pad-3"), 404)


def test_an_export_tells_which_of_the_ids_mean_nobody(shop: Shop) -> None:
    customer = shop.identify("t1", NOON, user_id="jon")
    made = ask(shop, "POST", "/never-ids", {"type": "user_id", "value": "jon"}).json
    ask(shop, "POST", "/never-ids", {"type": "user_id", "value": "ann"})
    assert shop.get(f"/customers/{customer}/export").json["means_nobody"] == [
        {"type": "user_id", "value": "jon", "since": made["effective_at"]}
    ]
