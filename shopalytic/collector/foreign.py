"""Routes of other protocols, answered as the native doors answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, request

from shopalytic.collector.front import RECEIVER, Headers, head_json, respond
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.routes import METHODS, answer_preflight
from shopalytic.errors import ShopalyticError, Unavailable

Tell = Callable[[ShopalyticError], tuple[int, bytes]]


def receive_at(
    blueprint: Blueprint,
    receiver: Receiver,
    door: str,
    path: str,
    receive: Callable[..., bytes],
    tell: Tell,
    head: Callable[[ShopalyticError | None], Headers] = head_json,
) -> None:
    """Have `receive(receiver, **parts of the path)` answer the path, and preflights as at the native doors.

    door: how requests are counted. receiver: for where `front` does not stand before the application.
    """

    def take(**parts: Any) -> Response:
        own = find_receiver(receiver)

        def answer(environ: Any, start_response: Any) -> Any:
            # The request's own, which has learned its body, and not the copy that this is called with.
            return respond(
                own, door, request.environ, start_response, lambda: receive(own, **parts), tell, head
            )

        return current_app.make_response(Response.from_app(answer, request.environ))

    def preflight(**parts: Any) -> Response:
        return answer_preflight(find_receiver(receiver))

    endpoint = path.replace(".", " ")
    blueprint.add_url_rule(path, endpoint, take, methods=METHODS, provide_automatic_options=False)
    blueprint.add_url_rule(path, f"preflight {endpoint}", preflight, methods=["OPTIONS"])


def find_receiver(receiver: Receiver) -> Receiver:
    """The process's own, whose keys are read once; the one given where there is none."""
    found: Receiver = request.environ.get(RECEIVER, receiver)
    return found


def refuse_as(tell: Tell, error: ShopalyticError) -> Response:
    status, body = tell(error)
    response = Response(body, status, mimetype="application/json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response
