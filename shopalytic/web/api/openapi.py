"""The OpenAPI 3.1 document, made from the table of calls and the structs that they take and answer."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

import shopalytic
from shopalytic.web.api.answers import ErrorAnswer
from shopalytic.web.api.calls import CALLS, Call
from shopalytic.web.api.parameters import SANDBOX

BASE = "/api/v1"
REFERENCE = "#/components/schemas/{name}"
REFUSALS = {
    400: "A parameter is unknown, missing or wrong.",
    401: "No secret key, a wrong or revoked one, or a project token.",
    404: "There is no such thing in the project.",
    503: "A part of the system does not answer; try again later.",
}
PATH_PARTS = {
    "never_id": {
        "description": "An id that means nobody, as it was answered.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "customer_id": {
        "description": "A customer, as other calls name it.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "name": {
        "description": "A property's name, as it was sent; one with a slash cannot be asked for.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^/]+$"},
    },
    "decision_id": {
        "description": "A decision about customers, as it was answered.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "stop_id": {
        "description": "A stop, as it was answered.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "conflict_id": {
        "description": "A refused link, as `conflicts` lists them.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
    },
    "erasure_id": {
        "description": "An anonymisation or a forgetting, as it was answered.",
        "schema": {"type": "string", "format": "uuid"},
    },
}

IN_SANDBOX = {
    "name": SANDBOX,
    "in": "query",
    "required": False,
    "description": "The data of the project's sandbox in place of its own.",
    "schema": {"type": "boolean", "default": False},
}


def make_document() -> dict[str, Any]:
    """The whole document, as plain data."""
    bodies = [call.body for call in CALLS if call.body is not None]
    structs = [call.query for call in CALLS] + [call.answers for call in CALLS] + bodies + [ErrorAnswer]
    references, schemas = msgspec.json.schema_components(structs, ref_template=REFERENCE)
    answers = {call.name: references[len(CALLS) + number] for number, call in enumerate(CALLS)}
    queries = {call.name: schemas.pop(call.query.__name__, None) for call in CALLS}
    by_type = {call.query: queries[call.name] for call in CALLS if queries[call.name]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shopalytic read API",
            "version": shopalytic.__version__,
            "description": "Money is text in the project's currency; instants are ISO 8601 in UTC.",
        },
        "security": [{"secret_key": []}],
        "paths": {
            path: {
                call.method.lower(): _operation(call, by_type[call.query], answers[call.name])
                for call in CALLS
                if _path(call) == path
            }
            for path in dict.fromkeys(map(_path, CALLS))
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "secret_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A secret key of the project.",
                }
            },
        },
    }


def _path(call: Call) -> str:
    return BASE + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", call.path)


def _operation(call: Call, query: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    statuses = sorted({400, 401, 503, *call.statuses})
    body = {} if call.body is None else {"requestBody": _body(call.body, call.is_body_required)}
    return body | {
        "operationId": call.name,
        "summary": call.sentence,
        "parameters": _path_parameters(call) + _query_parameters(query) + [IN_SANDBOX] * call.has_sandbox,
        "responses": {
            "200": {"description": call.sentence, "content": {"application/json": {"schema": answer}}},
            **{str(status): _refusal(status) for status in statuses},
        },
    }


def _body(kind: type[msgspec.Struct], is_required: bool) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(name=kind.__name__)}
    return {"required": is_required, "content": {"application/json": {"schema": schema}}}


def _path_parameters(call: Call) -> list[dict[str, Any]]:
    names = re.findall(r"<(?:\w+:)?(\w+)>", call.path)
    return [{"name": name, "in": "path", "required": True, **PATH_PARTS[name]} for name in names]


def _query_parameters(query: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for name, schema in query["properties"].items():
        # Two calls may take the same query: what is taken out here would be missing from the other.
        sentence = schema.get("description", "")
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in query["required"],
                "description": sentence,
                "schema": {key: value for key, value in schema.items() if key != "description"},
            }
        )
    return parameters


def _refusal(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": REFUSALS.get(status, HTTPStatus(status).phrase),
        "content": {"application/json": {"schema": {"$ref": REFERENCE.format(name="ErrorAnswer")}}},
    }
    if status == 503:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer
