"""The OpenAPI document is true to the code: schemathesis asks every call what the document says it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from shopalytic.accounts.models import Erasure
from shopalytic.web.api.calls import CALLS
from tests.api.conftest import Shop, make_named_shop
from tests.factories import make_event, make_order

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
# Not `positive_data_acceptance`: a text may be a cursor by its type and yet be none that a page gave.


@pytest.fixture(scope="module")
def busy_shop(parts: Any, app: Flask) -> Shop:
    """A shop whose calls have something to answer."""
    shop = make_named_shop(parts, app, "Busy shop")
    customer = shop.identify("phone", datetime(2026, 1, 10, tzinfo=UTC), user_id="jon")
    shop.insert(
        make_event(visitor="phone", at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"),
        make_order(order_id="1", visitor="phone", customer_id=customer, properties={"a": {"b": [1, "c"]}}),
        make_event(
            event="identify",
            visitor="phone",
            origin_id=customer,
            customer_id=customer,
            properties={"city": "Ulm"},
        ),
    )
    return shop


@pytest.fixture(scope="module")
def api_schema(app: Flask, busy_shop: Shop) -> Any:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


@pytest.mark.parametrize(
    ("call", "mode"),
    [
        (call.name, mode)
        for call in CALLS
        for mode in GenerationMode
        if mode.is_positive or call.query.__struct_fields__ or call.body
    ],
)
def test_every_call_answers_as_the_document_says(
    api_schema: Any, busy_shop: Shop, call: str, mode: GenerationMode
) -> None:
    operation = next(
        found for result in api_schema.get_all_operations()
        if (found := result.ok()).definition.raw["operationId"] == call
    )  # fmt: skip
    key = {"Authorization": f"Bearer {busy_shop.made.secret_key}"}
    asked = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=15, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any) -> None:
        asked.append(case.call_and_validate(checks=CHECKS, headers=key).status_code)

    ask()
    assert {400, 401, 404} & set(asked) if mode.is_negative else {200, 404} & set(asked)


def test_answers_with_rows_in_them_are_as_the_document_says(busy_shop: Shop) -> None:
    document = busy_shop.client.get("/api/v1/openapi.json").get_json()
    customer = busy_shop.get("/customers", id="jon").json["customer_id"]
    asked = {
        "/api/v1/counters": {},
        "/api/v1/customers": {"id": "jon"},
        "/api/v1/customers/{customer_id}/events": {},
        "/api/v1/customers/{customer_id}/identity": {},
        "/api/v1/customers/{customer_id}/export": {},
        "/api/v1/customers/{customer_id}/properties/{name}": {},
        "/api/v1/events": {"limit": 1},
        "/api/v1/plan": {},
        "/api/v1/retention": {},
        "/api/v1/decisions": {},
        "/api/v1/conflicts": {},
        "/api/v1/conflicts/{conflict_id}": {},
        "/api/v1/erasures": {},
        "/api/v1/id-rules": {},
        "/api/v1/identity/check": {},
        "/api/v1/never-ids": {},
        "/api/v1/tracking_stops": {},
        "/api/v1/erasures/{erasure_id}": {},
        "/api/v1/reports/overview": {"start": "2026-01-01", "end": "2026-01-31"},
        "/api/v1/reports/customers": {"start": "2026-01-01", "end": "2026-01-31"},
    }
    assert set(asked) == {path for path, calls in document["paths"].items() if "get" in calls}
    busy_shop.identify("tablet", datetime(2026, 1, 10, tzinfo=UTC), user_id="ann")
    busy_shop.identify("tablet", datetime(2026, 1, 11, tzinfo=UTC), kind="alias", user_id="jon")
    conflict = busy_shop.get("/conflicts", id="jon").json["conflicts"][0]["conflict_id"]
    erasure = str(uuid4())
    with busy_shop.parts.sessions.begin() as db:
        db.add(
            Erasure(
                id=erasure, project_id=busy_shop.project_id, kind="forget", asked_by="command",
                done_at=datetime(2026, 1, 10, tzinfo=UTC), step="done",
            )
        )  # fmt: skip

    for path, query in asked.items():
        call = path.removeprefix("/api/v1").replace("{customer_id}", customer)
        call = call.replace("{erasure_id}", erasure).replace("{name}", "city")
        call = call.replace("{conflict_id}", str(conflict))
        answer = busy_shop.get(call, **query)
        assert answer.status_code == 200, path
        wanted = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema_rs.validate(wanted | {"components": document["components"]}, answer.json)


def test_the_document_has_every_call_with_its_parameters_and_refusals(shop: Shop) -> None:
    answer = shop.client.get("/api/v1/openapi.json")

    document = answer.get_json()
    assert document["openapi"].startswith("3.1")
    operations = {one["operationId"]: one for path in document["paths"].values() for one in path.values()}
    assert set(operations) == {call.name for call in CALLS}
    for call in CALLS:
        operation = operations[call.name]
        named = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
        assert named == {*call.query.__struct_fields__, *(["sandbox"] if call.has_sandbox else [])}
        assert {"200", "400", "401", "503"} <= set(operation["responses"])
        assert all(one["description"] for one in operation["parameters"])


def test_the_document_needs_no_key(shop: Shop) -> None:
    assert shop.client.get("/api/v1/openapi.json").status_code == 200
