"""Every answer under /api that is not the one asked for: `{"error": {"code", "message", "at"}}`."""

from __future__ import annotations

import re
from http import HTTPStatus

import msgspec
import structlog
from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from shopalytic.errors import NotAuthorized, ShopalyticError, Unavailable
from shopalytic.web.api.answers import ErrorAnswer, ErrorBody

log = structlog.get_logger(__name__)

PREFIX = "/api/"


def error_answer(status: int, code: str, message: str, at: str | None = None) -> Response:
    body = msgspec.json.encode(ErrorAnswer(ErrorBody(code, message, at)))
    return Response(body, status=status, mimetype="application/json")


def refuse(error: Exception) -> Response:
    """The answer to any exception of a call. What it does not know is logged and told as a 500 without detail."""
    match error:
        case HTTPException():
            return _refuse_http(error)
        case ShopalyticError() if error.status < 500:
            answer = error_answer(error.status, error.code, error.message, error.at)
            if isinstance(error, NotAuthorized):
                answer.headers["WWW-Authenticate"] = 'Bearer realm="shopalytic"'
            return answer
        case Unavailable():
            log.warning("a part does not answer", code=error.code, reason=error.message)
            answer = error_answer(
                error.status, error.code, f"{_PLAIN.get(error.code, 'A part')} does not answer."
            )
            answer.headers["Retry-After"] = str(error.retry_after_seconds)
            return answer
        case OperationalError() | InterfaceError():
            log.warning("the database does not answer", reason=str(error.orig))
            answer = error_answer(503, "database_unavailable", "The database does not answer.")
            answer.headers["Retry-After"] = str(Unavailable.retry_after_seconds)
            return answer
    log.exception("a call failed", path=request.path)
    return error_answer(500, "internal_error", "Something went wrong here; it is in the server's log.")


_PLAIN = {"queue_unavailable": "The queue", "store_unavailable": "The event store"}


def _refuse_http(error: HTTPException) -> Response:
    status = error.code or 500
    code = re.sub(r"[^a-z]+", "_", HTTPStatus(status).phrase.lower())
    message = error.description or HTTPStatus(status).phrase
    if isinstance(error, NotFound):
        message = f"There is no {request.path[:200]!r} here; /api/v1/openapi.json lists what there is."
    if not isinstance(error, MethodNotAllowed):
        return error_answer(status, code, message)
    taken = ", ".join(sorted(error.valid_methods or ()))
    answer = error_answer(status, code, f"{request.method[:20]} is not taken here; this takes {taken}.")
    answer.headers["Allow"] = taken
    return answer


def refuse_unrouted() -> Response | None:
    """Paths and methods that no route takes never reach a blueprint, so its error handler never sees them."""
    unrouted = request.routing_exception
    if unrouted is not None and request.path.startswith(PREFIX):
        return refuse(unrouted)
    return None


def register_refusals(app: Flask, blueprint: Blueprint) -> None:
    blueprint.register_error_handler(Exception, refuse)
    app.before_request(refuse_unrouted)
