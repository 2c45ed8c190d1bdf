"""The doors as an OpenAPI document made from the catalogue, and schemathesis' requests by it and by the read API's own."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from benchmarks.system import System
from shopalytic.collector.segment.commerce import EVENTS
from shopalytic.events.catalogue import PREDEFINED

Schema = dict[str, Any]

ID: Schema = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
VISITOR: Schema = {"type": "string", "pattern": "^visitor-[1-9]$"}
INSTANT: Schema = {"anyOf": [{"type": "number"}, {"type": "string", "format": "date-time"}]}
IDS: Schema = {"anyOf": [ID, {"type": "object", "additionalProperties": ID, "maxProperties": 3}]}
NUMBER: Schema = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": "^-?[0-9]{1,9}(\\.[0-9]{1,2})?$"}]
}
LINES: Schema = {
    "type": "array",
    "maxItems": 4,
    "items": {
        "type": "object",
        "properties": {"sku": ID, "price": NUMBER, "qty": {"type": "integer"}, "cost": NUMBER},
    },
}
SHAPES: dict[str, Schema] = {
    "line_items": LINES,
    "discounts": {"type": "array", "maxItems": 3, "items": {"type": "object", "properties": {"code": ID, "value": NUMBER}}},
    "billing": {"type": "object"},
    "shipping": {"type": "object"},
    "refund_type": {"enum": ["full", "partial"]},
    "categories": {"type": "array", "items": {"type": "string"}},
    "logged_in": {"type": "boolean"},
    "qty": {"type": "integer"},
}  # fmt: skip


def properties_of(event: str) -> Schema:
    """What the catalogue says of an event's properties, as a JSON schema."""
    listed = PREDEFINED[event]
    known = {
        item.name: SHAPES.get(
            item.name,
            NUMBER if item.take.__name__ == "take_decimal" else INSTANT if item.is_time else ID,
        )
        for item in listed
    }
    required = [item.name for item in listed if item.required is True]
    return {"type": "object", "properties": known, "required": required}


def make_document(token: str) -> Schema:
    """One call for each event at each door. The token is a constant, so that most requests get past it."""
    key = {"const": token}
    paths: dict[str, Any] = {}
    theirs = {meant: name for name, meant in EVENTS.items()}
    for event in PREDEFINED:
        properties = properties_of(event)
        context = {"type": "object"}
        native = {
            "token": key, "event": {"const": event}, "tracking_id": VISITOR, "user_id": IDS, "timestamp": INSTANT,
            "sent_at": INSTANT, "message_id": {"type": "string"}, "properties": properties, "context": context,
        }  # fmt: skip
        segment = {
            "writeKey": key, "event": {"const": theirs.get(event, event)}, "anonymousId": VISITOR, "userId": ID,
            "timestamp": INSTANT, "sentAt": INSTANT, "messageId": {"type": "string"}, "properties": properties,
            "context": context,
        }  # fmt: skip
        command = {
            "customer_ids": {"type": "object", "properties": {"cookie": VISITOR, "registered": ID}, "required": ["cookie"]},
            "event_type": {"const": event}, "properties": properties, "timestamp": {"type": "number"},
        }  # fmt: skip
        for path, members, required in (
            ("/track", native, ["token", "event", "properties", "tracking_id"]),
            ("/v1/track", segment, ["writeKey", "event", "properties", "anonymousId"]),
            (
                f"/track/v2/projects/{token}/customers/events",
                command,
                ["customer_ids", "event_type", "properties"],
            ),
        ):
            body = {"type": "object", "properties": members, "required": required}
            # The event in the address makes one operation of each; the doors do not look at it.
            paths[f"{path}?{event}"] = {
                "post": {
                    "operationId": f"{path} {event}",
                    "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                    "responses": {"200": {"description": "Taken, or refused item by item."}},
                }
            }
    return {"openapi": "3.1.0", "info": {"title": "The doors", "version": "1"}, "paths": paths}


def ask_all(
    schema: Any, address: str, headers: dict[str, str], *, examples: int, number_seed: int
) -> Counter[str]:
    """Answers by status, of every call and both kinds of input: as the document says, and not so.

    Raises what schemathesis raises for an answer that is a server's error.
    """
    asked: Counter[str] = Counter()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.method not in ("get", "post"):
            continue
        for mode in GenerationMode:
            asked += _ask(operation, mode, address, headers, examples, number_seed)
    return asked


def _ask(
    operation: Any, mode: GenerationMode, address: str, headers: dict[str, str], examples: int, number_seed: int
) -> Counter[str]:  # fmt: skip
    asked: Counter[str] = Counter()

    @seed(number_seed)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(base_url=address, headers=headers)
        case.validate_response(response, checks=[not_a_server_error])
        asked[str(response.status_code)] += 1

    with contextlib.suppress(
        schemathesis.errors.InvalidSchema
    ):  # a call without parameters has no wrong input
        ask()
    return asked


def fuzz_doors(system: System, *, examples: int, number_seed: int) -> Counter[str]:
    """Requests to the collector's doors that the catalogue describes."""
    token = system.project["token"]
    schema = schemathesis.openapi.from_dict(make_document(token))
    headers = {"Authorization": f"Token {token}"}
    return ask_all(schema, system.address, headers, examples=examples, number_seed=number_seed)


def fuzz_read_api(system: System, *, examples: int, number_seed: int) -> Counter[str]:
    """Requests to the read API that its own document describes, over what the fuzzing stored."""
    schema = schemathesis.openapi.from_url(f"{system.address}/api/v1/openapi.json")
    headers = {"Authorization": f"Bearer {system.project['secret_key']}"}
    return ask_all(schema, system.address, headers, examples=examples, number_seed=number_seed)
