"""What people see where a page cannot be shown: one sentence, and where to go on."""

from __future__ import annotations

import structlog
from flask import Response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException, NotFound

from shopalytic.errors import QueueUnavailable, ShopalyticError, StoreUnavailable, Unavailable

log = structlog.get_logger(__name__)

TITLES = {
    400: "That did not work",
    403: "Not yours to change",
    404: "Nothing here",
    409: "Somebody was faster",
    429: "Too many attempts",
    503: "One moment",
}
NOT_FOUND = "This page does not exist, or it is not shared with you."
OLD_FORM = "This form is too old, or was sent from another page. Go back, reload the page and send it again."
RETRY_SECONDS = 5


def refuse(error: Exception) -> Response:
    """A page for any exception. What it does not know is logged, and told without detail."""
    match error:
        case CSRFError():
            return error_page(400, OLD_FORM)
        case NotFound():
            return error_page(404, NOT_FOUND)
        case HTTPException():
            return _refuse_http(error)
        case StoreUnavailable():
            log.warning("the event store does not answer", reason=error.message)
            return error_page(503, "The event store does not answer at the moment. Events are being kept.")
        case OperationalError() | InterfaceError():
            log.warning("the database does not answer", reason=str(error))
            return error_page(503, "The database does not answer at the moment.")
        case QueueUnavailable():
            log.warning("the queue does not answer", reason=error.message)
            return error_page(503, "The queue does not answer at the moment.")
        case Unavailable():
            return error_page(503, error.message)
        case ShopalyticError() if error.status < 500:
            return error_page(error.status, error.message)
    log.exception("a page failed", path=request.path)
    return error_page(500, "Something went wrong here; it is in the server's log.")


def error_page(status: int, sentence: str) -> Response:
    title = TITLES.get(status, "Something went wrong")
    response = Response(render_template("error.html", title=title, sentence=sentence), status)
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _refuse_http(error: HTTPException) -> Response:
    made = error.get_response()
    if error.code is None or error.code < 400:
        return Response(made.get_data(), made.status, made.headers)
    response = error_page(error.code, error.description or "")
    for name in ("Allow", "Retry-After"):
        if name in made.headers:
            response.headers[name] = made.headers[name]
    return response
