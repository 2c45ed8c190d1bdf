"""`/plan`: the tracking plan read and replaced by a script."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Shop
from tests.api.test_refusals import error_of

SEARCH = {"events": {"search": {"properties": {"query": {"type": "text", "required": True}}}}}


def put(shop: Shop, plan: Any, key: str | None = None, **query: Any) -> Any:
    return shop.client.put(
        "/api/v1/plan", query_string=query, data=plan if isinstance(plan, str) else json.dumps(plan),
        headers={"Authorization": f"Bearer {key or shop.made.secret_key}"},
    )  # fmt: skip


def test_a_project_without_a_plan_has_an_empty_one(shop: Shop) -> None:
    assert shop.get("/plan").json == {"version": 0, "saved_at": None, "saved_by": None, "plan": {}}


def test_a_plan_is_saved_and_read_as_it_was(shop: Shop) -> None:
    saved = put(shop, SEARCH, based_on=0)
    assert saved.status_code == 200
    assert saved.json == shop.get("/plan").json
    assert (saved.json["version"], saved.json["plan"]) == (1, SEARCH)
    put(shop, {})
    assert shop.get("/plan").json["plan"] == {}
    assert shop.get("/plan", version=1).json["plan"] == SEARCH
    error_of(shop.get("/plan", version=3), 404)


@pytest.mark.parametrize("plan", ["", "[]", '{"events":{"search":{"on_violation":"drop"}}}', '{"event":{}}'])
def test_a_wrong_plan_is_refused(shop: Shop, plan: str) -> None:
    error = error_of(put(shop, plan), 400)
    assert error["code"] == "wrong_plan"
    assert shop.get("/plan").json["version"] == 0


def test_the_place_in_a_wrong_plan_is_named(shop: Shop) -> None:
    wrong = {"events": {"search": {"properties": {"query": {"type": "string"}}}}}
    assert error_of(put(shop, wrong), 400)["at"] == "events.search.properties.query.type"


def test_a_plan_made_from_an_older_version_is_refused(shop: Shop) -> None:
    put(shop, SEARCH)
    assert error_of(put(shop, {}, based_on=0), 409)["code"] == "plan_changed"


def test_what_would_lose_messages_is_saved_only_where_the_call_says_so(shop: Shop) -> None:
    refusing = {"events": {"order": {"on_violation": "refuse"}}}
    assert error_of(put(shop, refusing), 409)["code"] == "would_lose"
    assert put(shop, refusing, allow_losses="true").status_code == 200


def test_a_token_may_not_change_the_plan(shop: Shop) -> None:
    error_of(put(shop, SEARCH, key=shop.made.token), 401)
    assert shop.get("/plan").json["version"] == 0


def test_another_projects_plan_is_its_own(shop: Shop, make_shop: Any) -> None:
    put(shop, SEARCH)
    assert make_shop().get("/plan").json["version"] == 0
