"""The doors as a WSGI application before the web application."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import structlog

from shopalytic.collector.cookie import find_cookie, is_first_party, refresh_cookie
from shopalytic.collector.metrics import requests_of
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.refusals import MethodNotAllowed, encode_error
from shopalytic.collector.sender import ORIGIN_LIMIT, Environ, find_host
from shopalytic.errors import Forbidden, NotAuthorized, ShopalyticError, TooMany, Unavailable
from shopalytic.parts import Parts

log = structlog.get_logger(__name__)

WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]

RECEIVER = "shopalytic.receiver"
"""Where a request that goes on to Flask carries the receiver, so that a process reads its keys once."""

STATUS_LINES = {int(status): f"{int(status)} {status.phrase}" for status in HTTPStatus}


def front(wsgi_app: WsgiApp, parts: Parts) -> WsgiApp:
    """A WSGI application that takes messages, and hands all else to `wsgi_app`: preflights, the tag, pages."""
    receiver = Receiver(parts)
    doors = make_doors(receiver)

    def choose(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] in receiver.doors and environ["REQUEST_METHOD"] != "OPTIONS":
            return doors(environ, start_response)
        environ[RECEIVER] = receiver
        return wsgi_app(environ, start_response)

    return choose


def make_doors(receiver: Receiver) -> WsgiApp:
    """The doors alone: for requests to their paths, of any method but OPTIONS. Never raises."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        door = receiver.doors[environ["PATH_INFO"]]
        return respond(receiver, door.name, environ, start_response, lambda: receiver.receive(door, environ))

    return answer


def head_json(error: ShopalyticError | None) -> Headers:
    """What an answer in JSON says of itself, whether or not it tells an error."""
    return [("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff")]


def tell_error(error: ShopalyticError) -> tuple[int, bytes]:
    return error.status, encode_error(error)


def respond(
    receiver: Receiver,
    door: str,
    environ: Environ,
    start_response: Callable[..., Any],
    receive: Callable[[], bytes],
    tell: Callable[[ShopalyticError], tuple[int, bytes]] = tell_error,
    head: Callable[[ShopalyticError | None], Headers] = head_json,
) -> Iterable[bytes]:
    """What `receive` gives, or the error that it raises as the protocol tells it. Never raises."""
    error: ShopalyticError | None = None
    headers: Headers = []
    try:
        status, body = 200, receive()
    except Exception as raised:
        error = _known(raised, receiver, door)
        receiver.refused.tell_request(environ, door, error)
        status, body = tell(error)
        headers += _error_headers(error)
    headers += head(error) + _browser_headers(environ, receiver, error)
    headers.append(("Content-Length", str(len(body))))
    requests_of(door, status).inc()
    start_response(STATUS_LINES[status], headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _known(raised: Exception, receiver: Receiver, door: str) -> ShopalyticError:
    """The error to tell; what it says of our own parts is for the log alone."""
    if isinstance(raised, Unavailable):
        if receiver.is_news(raised.code):
            log.warning("messages are not taken", door=door, reason=raised.message)
        raised.message = "Messages cannot be taken now; keep this one and send it again."
    if isinstance(raised, ShopalyticError):
        return raised
    log.error("a request failed", door=door, exc_info=raised)
    return ShopalyticError("Something went wrong here; it is in the server's log.")


def _error_headers(error: ShopalyticError) -> Headers:
    match error:
        case Unavailable() | TooMany():
            # Without the second one a page cannot read the first.
            return [
                ("Retry-After", str(error.retry_after_seconds)),
                ("Access-Control-Expose-Headers", "Retry-After"),
            ]
        case NotAuthorized():
            return [("WWW-Authenticate", 'Bearer realm="shopalytic"')]
        case MethodNotAllowed():
            return [("Allow", error.allowed)]
    return []


def _browser_headers(environ: Environ, receiver: Receiver, error: ShopalyticError | None) -> Headers:
    """What lets the page read the answer, and its cookie set again where the page is the shop's own.

    A page that the project does not allow reads nothing. All others do, so that their tag learns what to keep.
    """
    origin = environ.get("HTTP_ORIGIN", "")[:ORIGIN_LIMIT]
    cookie = environ.get("HTTP_COOKIE")
    if (not origin and not cookie) or (isinstance(error, Forbidden) and error.at == "Origin"):
        return []
    host = find_host(environ, receiver.settings.trusted_proxies)
    is_own = is_first_party(origin, host) if origin else True
    headers: Headers = []
    if origin and origin.isascii():
        headers += [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
        if is_own:
            headers.append(("Access-Control-Allow-Credentials", "true"))
    if cookie and is_own and error is None:
        name = receiver.settings.cookie_name
        value = find_cookie(environ, name)
        if value is not None:
            headers.append(("Set-Cookie", refresh_cookie(environ, name, value, host)))
    return headers
