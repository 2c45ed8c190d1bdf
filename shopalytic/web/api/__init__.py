"""The read API: JSON for scripts, opened by a project's secret key. It computes no number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, current_app, request

from shopalytic.parts import Parts
from shopalytic.web.api.access import open_project, utc_now
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.calls import CALLS, Call
from shopalytic.web.api.openapi import BASE, make_document
from shopalytic.web.api.parameters import NoQuery, parse_query
from shopalytic.web.api.refusals import register_refusals


def register(app: Flask, parts: Parts) -> None:
    """Add the calls and their document. Register once per application."""
    blueprint = Blueprint("api", __name__, url_prefix=BASE)
    for call in CALLS:
        blueprint.add_url_rule(
            call.path, call.name, _view(call), methods=["GET"], provide_automatic_options=False
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
        project = open_project(request, parts.sessions, now)
        query = parse_query(call.query, request.args)
        return json_answer(call.answer(Asked(parts, project, now), query, **path))

    return view


def get_document() -> Response:
    parse_query(NoQuery, request.args)
    return json_answer(make_document())


def json_answer(answer: Any) -> Response:
    return Response(
        msgspec.json.encode(answer), mimetype="application/json", headers={"Cache-Control": "no-store"}
    )
