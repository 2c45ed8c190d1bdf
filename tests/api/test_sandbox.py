"""`?sandbox=true`: the sandbox's data by the project's own secret key."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from shopalytic.accounts.sandboxes import open_sandbox
from shopalytic.identity.ids import origin_id
from shopalytic.web.api.calls import CALLS
from tests.api.conftest import Shop
from tests.factories import insert_events, make_event


@pytest.fixture
def tried(shop: Shop) -> UUID:
    """The customer in the sandbox who sent an event there; another one is real."""
    sandbox_id = open_sandbox(shop.parts.sessions, shop.project_id)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    customer_id = origin_id(sandbox_id, "tracking_id", "anna")
    event = make_event(
        event="tried", project_id=sandbox_id, at=now, visitor="anna", message_id=str(uuid4()),
        origin_id=str(customer_id), customer_id=str(customer_id),
    )  # fmt: skip
    insert_events(shop.parts.store, [event])
    shop.insert(make_event(event="real", at=now, message_id=str(uuid4())))
    return customer_id


def names(shop: Shop, **query: str) -> list[str]:
    return [event["event"] for event in shop.get("/events", **query).json["events"]]


def test_the_sandbox_and_the_real_data_are_apart(shop: Shop, tried: UUID) -> None:
    assert names(shop) == names(shop, sandbox="false") == ["real"]
    assert names(shop, sandbox="true") == ["tried"]
    history = shop.get(f"/customers/{tried}/events", sandbox="true")
    assert [event["event"] for event in history.json["events"]] == ["tried"]
    assert shop.get(f"/customers/{tried}/events").status_code == 404


def test_every_call_about_data_may_be_asked_about_the_sandbox(shop: Shop) -> None:
    assert {call.name for call in CALLS if not call.has_sandbox} == {
        "plan", "save_plan", "id_rules", "save_id_rule", "never_ids", "add_never_id", "remove_never_id", "retention",
        "save_retention", "identity_check", "begin_identity_check",
    }  # fmt: skip
    for call in CALLS:
        if call.method != "GET" or "<" in call.path:
            continue
        response = shop.get(
            call.path, sandbox="true", **({"id": "anna"} if call.name == "find_customer" else {})
        )
        assert response.status_code == (404 if call.name == "find_customer" else 200) or not call.has_sandbox
    refused = shop.get("/plan", sandbox="true")
    assert (refused.status_code, refused.json["error"]["at"]) == (400, "sandbox")


@pytest.mark.parametrize("query", ["sandbox=1", "sandbox=", "sandbox=true&sandbox=true"])
def test_a_wrong_value_is_refused_by_name(shop: Shop, query: str) -> None:
    headers = {"Authorization": f"Bearer {shop.made.secret_key}"}
    response = shop.client.get(f"/api/v1/events?{query}", headers=headers)
    assert (response.status_code, response.json["error"]["at"]) == (400, "sandbox")


def test_a_project_token_reads_no_sandbox_either(shop: Shop) -> None:
    assert shop.get("/events", key=shop.made.token, sandbox="true").status_code == 401
