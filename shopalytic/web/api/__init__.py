"""The read API: JSON for scripts, opened by a project's secret key. It computes no number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, current_app, request

from shopalytic.parts import Parts
from shopalytic.web.api.access import enter_sandbox, open_project, utc_now
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.calls import CALLS, Call
from shopalytic.web.api.openapi import BASE, make_document
from shopalytic.web.api.parameters import NoQuery, parse_query, take_sandbox
from shopalytic.web.api.refusals import register_refusals


def register(app: Flask, parts: Parts) -> None:
    """Add the calls and their document. Register once per application."""
    blueprint = Blueprint("api", __name__, url_prefix=BASE)
    for call in CALLS:
        blueprint.add_url_rule(
            call.path, call.name, _view(call), methods=[call.method], provide_automatic_options=False
        )
    blueprint.add_url_rule(
        "/openapi.json", "openapi", get_document, methods=["GET"], provide_automatic_options=False
    )
    register_refusals(app, blueprint)
    app.register_blueprint(blueprint)


def _view(call: Call) -> Callable[..., Response]:
    def view(**path: Any) -> Response:
        parts: Parts = current_app.extensions["shopalytic"]
        now = utc_now()
        opened = open_project(request, parts.sessions, now)
        in_sandbox, arguments = take_sandbox(request.args) if call.has_sandbox else (False, request.args)
        query = parse_query(call.query, arguments)
        project = enter_sandbox(opened.project, parts.sessions) if in_sandbox else opened.project
        asked = Asked(parts, project, now, opened.key_id)
        if call.body is not None:
            # Read in full before it is judged: else a refusal leaves the rest of it on the connection.
            path["body"] = call.parse(call.body, request.get_data())
        answer = call.answer(asked, query, **path)
        return stream_answer(answer) if call.is_streamed else json_answer(answer)

    return view


def get_document() -> Response:
    parse_query(NoQuery, request.args)
    return json_answer(make_document())


def stream_answer(pieces: Iterator[bytes]) -> Response:
    """JSON in pieces. What is wrong has to be raised before the first one."""
    return Response(pieces, mimetype="application/json", headers={"Cache-Control": "no-store"})


def json_answer(answer: Any) -> Response:
    return Response(
        msgspec.json.encode(answer), mimetype="application/json", headers={"Cache-Control": "no-store"}
    )
