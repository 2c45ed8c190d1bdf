"""`GET /p.gif`: one event by an image's address, for e-mails and for pages without script."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, Flask, request

from shopalytic.collector.cookie import find_cookie, has_refused, tracking_id_of
from shopalytic.collector.envelope import make_message_id
from shopalytic.collector.foreign import receive_at
from shopalytic.collector.front import Headers
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.refusals import MethodNotAllowed, Prefetched
from shopalytic.collector.routes import own_paths
from shopalytic.collector.sender import Environ
from shopalytic.collector.translated import Intake, read_object
from shopalytic.errors import Forbidden, NotAuthorized, Rejected, ShopalyticError, TooLarge
from shopalytic.events import values
from shopalytic.events.catalogue import find_shape
from shopalytic.parts import Parts

GIF = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
"""One transparent point."""
HEADERS: Headers = [
    ("Content-Type", "image/gif"),
    ("X-Content-Type-Options", "nosniff"),
    # A kept image would be an event that is never told.
    ("Cache-Control", "no-store, private"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
]
REASON = "X-Shopalytic-Error"
"""The header that says why nothing was recorded: an image has no other place for it."""
REASON_LIMIT = 300

DEFAULT_EVENT = "page_view"
PARAMETERS_LIMIT = 200
MEMBERS = ("event", "message_id", "tracking_id", "session_id", "timestamp", "source", "library")
CONTEXT = ("url", "referrer", "title", "screen", "language", "time_zone")
CAMPAIGN = {
    "utm_source": "source",
    "utm_medium": "medium",
    "utm_campaign": "name",
    "utm_term": "term",
    "utm_content": "content",
}
TYPED_ID = "user_id."
PROPERTY = "p."


def register(app: Flask, parts: Parts) -> None:
    """Reads and connects to nothing yet."""
    blueprint = Blueprint("pixel", __name__)
    receiver = Receiver(parts)
    for path in own_paths(parts.settings, parts.settings.pixel_name):
        receive_at(blueprint, receiver, "pixel", path, _receive, tell_error, head)
    app.register_blueprint(blueprint)


def head(error: ShopalyticError | None) -> Headers:
    if error is None:
        return HEADERS
    reason = f"{error.code}: {error.message}".encode("ascii", "backslashreplace").decode()
    return [
        *HEADERS,
        (REASON, "".join(sign if sign.isprintable() else " " for sign in reason)[:REASON_LIMIT]),
    ]


def tell_error(error: ShopalyticError) -> tuple[int, bytes]:
    """The image too, so that no page ever shows a broken one."""
    return error.status, GIF


def receive(receiver: Receiver, environ: Environ) -> bytes:
    """The image, once the stream has the event. Raises ShopalyticError, as `Receiver.receive` does."""
    method = environ["REQUEST_METHOD"]
    if method == "HEAD":
        return GIF
    if method != "GET":
        error = MethodNotAllowed("The pixel takes GET.")
        error.allowed = "GET, HEAD, OPTIONS"
        raise error
    if is_prefetch(environ):
        raise Prefetched("The image was fetched ahead, and nobody has seen it yet.")
    query = environ.get("QUERY_STRING", "").encode("latin-1", "replace")
    receiver.check_size(query)
    parameters = parse_parameters(query)
    message = make_message(parameters)
    token = parameters.get("token")
    if not token:
        raise NotAuthorized("The address has no token.", at="token")
    access = receiver.keys.get_token(token)
    intake = Intake(receiver, environ, access, False, 1, "pixel")
    _put_visitor(message, environ, receiver.settings.cookie_name)
    _put_page(message, environ)
    intake.add(message, message_id=parameters.get("message_id", ""))
    intake.append()
    return GIF


def is_prefetch(environ: Environ) -> bool:
    """What a browser fetches ahead says so, under one of three names."""
    names = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ", "HTTP_X_PURPOSE")
    told = (environ.get(name, "").lower() for name in names)
    return any("prefetch" in each or "preview" in each for each in told)


def parse_parameters(query: bytes) -> dict[str, str]:
    """By name, of one that comes twice the last; empty ones are left out. Raises TooLarge."""
    try:
        pairs = parse_qsl(query.decode("utf-8", "replace"), max_num_fields=PARAMETERS_LIMIT, errors="replace")
    except ValueError:
        raise TooLarge(f"The address has more than {PARAMETERS_LIMIT} parameters.") from None
    return dict(pairs)


def make_message(parameters: dict[str, str]) -> dict[str, Any]:
    """A message of the native protocol. Raises Rejected for what cannot become one."""
    if parameters.get("sandbox", "false").lower() not in ("false", "0"):
        raise Rejected("The pixel has no sandbox: an image cannot show its answer.", at="sandbox")
    message: dict[str, Any] = {name: parameters.get(name) for name in MEMBERS}
    message["event"] = message["event"] or DEFAULT_EVENT
    ids = {
        name.removeprefix(TYPED_ID): value for name, value in parameters.items() if name.startswith(TYPED_ID)
    }
    if plain := parameters.get("user_id"):
        ids["user_id"] = plain
    message["user_id"] = ids or None
    campaign = {CAMPAIGN[name]: parameters[name] for name in CAMPAIGN if name in parameters}
    context: dict[str, Any] = {name: parameters[name] for name in CONTEXT if name in parameters}
    message["context"] = context | ({"campaign": campaign} if campaign else {})
    message["properties"] = _properties(message["event"], parameters)
    return message


def _properties(event: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The JSON of `properties`, then what has no other meaning, then `p.…`; what begins with `_` is nobody's."""
    found: dict[str, Any] = {}
    if text := parameters.get("properties"):
        try:
            found = read_object(text.encode("utf-8", "replace"))
        except Rejected as error:
            message = error.message.replace("The body", "properties")
            raise Rejected(message, at="properties") from None
    taken = {"token", "user_id", "properties", "sandbox", *MEMBERS, *CONTEXT, *CAMPAIGN}
    free = {
        name: value
        for name, value in parameters.items()
        if name not in taken and not name.startswith(("_", TYPED_ID, PROPERTY))
    }
    named = {
        name.removeprefix(PROPERTY): value for name, value in parameters.items() if name.startswith(PROPERTY)
    }
    return found | {name: _typed(event, name, value) for name, value in (free | named).items()}


def _typed(event: str, name: str, value: str) -> Any:
    """An address has texts alone: a property that the catalogue wants as something else is made that."""
    listed = find_shape(event).properties.get(name)
    if listed is None:
        return value
    if listed.take is values.take_integer and value.removeprefix("-").isdecimal() and len(value) < 19:
        return int(value)
    if listed.take is values.check_boolean and value in ("true", "false"):
        return value == "true"
    return value


def _put_visitor(message: dict[str, Any], environ: Environ, cookie_name: str) -> None:
    """Who it is: as the address says, else as the shop's own cookie says, else somebody new.

    Raises Forbidden for a visitor who does not want to be tracked.
    """
    if has_refused(environ, cookie_name):
        raise Forbidden("This visitor does not want to be tracked.", at="Cookie")
    if message["tracking_id"] or message["user_id"]:
        return
    cookie = find_cookie(environ, cookie_name)
    message["tracking_id"] = (cookie and tracking_id_of(cookie)) or make_message_id()


def _put_page(message: dict[str, Any], environ: Environ) -> None:
    """The page that shows the image, where the address does not name it and the browser does."""
    context = message["context"]
    if referer := environ.get("HTTP_REFERER"):
        context.setdefault("url", referer.encode("latin-1", "replace").decode("utf-8", "replace"))
    if environ.get("HTTP_SEC_GPC") == "1":
        context["gpc"] = True


def _receive(receiver: Receiver) -> bytes:
    return receive(receiver, request.environ)
