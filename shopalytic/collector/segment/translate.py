"""From one of Segment's calls to a message of the native protocol. Pure.

Source: the specification that Segment publishes of its calls, and what its clients send.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast, get_args

from shopalytic.collector.segment.commerce import PERSON, find_event, rename, translate_properties
from shopalytic.collector.translated import known_instant, known_object, known_text
from shopalytic.errors import Rejected

Call = Literal["track", "identify", "page", "screen", "group", "alias"]

CONTEXT = {"ip": "ip", "userAgent": "user_agent", "locale": "language", "timezone": "time_zone"}
PAGE = ("url", "referrer", "title")
_PAGE_PARTS = frozenset(("path", "search", *PAGE))

APPS = frozenset(
    """
    analytics-ios analytics-swift analytics-android analytics-kotlin analytics-react-native
    @segment/analytics-react-native analytics-flutter analytics_flutter analytics-unity analytics-xamarin
    """.split()  # noqa: SIM905
)
"""Libraries that run on the visitor's own device, so that the request's address is the visitor's."""


class Translated(NamedTuple):
    """name_sent: the event's name at Segment, where it has another here. library: what sent it, by its name alone."""

    message: dict[str, Any]
    message_id: str
    name_sent: str
    library: str


def parse_call(value: Any) -> Call:
    if value not in get_args(Call):
        raise Rejected(f"type must be one of {', '.join(get_args(Call))}.", at="type")
    return cast(Call, value)


def translate(
    call: Call, item: dict[str, Any], body: dict[str, Any], *, is_import: bool = False
) -> Translated:
    """body: what a batch says of all its items; the item itself where it came alone.

    is_import: the past is told; its times are not measured against today's clock.
    Raises Rejected with the member in `at`.
    """
    context, library = _context(item, body)
    message: dict[str, Any] = {
        "tracking_id": known_text(item.get("anonymousId"), "anonymousId") or None,
        "user_id": known_text(item.get("userId"), "userId") or None,
        "timestamp": known_instant(item.get("originalTimestamp") or item.get("timestamp")),
        "sent_at": None if is_import else known_instant(item.get("sentAt") or body.get("sentAt")),
        "context": context or None,
        "library": "/".join(filter(None, library)) or None,
    }
    name_sent = ""
    match call:
        case "track":
            name_sent = _put_event(message, item)
        case "identify":
            _put_identify(message, item)
        case "alias":
            _put_alias(message, item)
        case "group":
            group_id = known_text(item.get("groupId"), "groupId") or None
            message |= _event("group", _object(item, "traits") | {"group_id": group_id})
        case "page" | "screen":
            names = {name: item[name] for name in ("name", "category") if item.get(name) is not None}
            message |= _event(f"{call}_view", names | _object(item, "properties"))
    return Translated(message, known_text(item.get("messageId"), "messageId"), name_sent, library[0])


def _event(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"event": name, "properties": properties}


def _put_event(message: dict[str, Any], item: dict[str, Any]) -> str:
    """Returns the name as sent, where it has another here."""
    name = item.get("event")
    if not isinstance(name, str) or not name.strip():
        raise Rejected("The event has no name.", at="event")
    properties, meant = _object(item, "properties"), find_event(name)
    message |= _event(meant or name, translate_properties(meant, properties) if meant else properties)
    return name if meant else ""


def _put_identify(message: dict[str, Any], item: dict[str, Any]) -> None:
    """What is said of somebody unknown is kept under the visitor's id; it names no customer yet."""
    message |= _event("identify", rename(_object(item, "traits"), PERSON))
    if message["user_id"] is not None:
        message |= {"type": "identify", "event": None}


def _put_alias(message: dict[str, Any], item: dict[str, Any]) -> None:
    """`userId` is a further id of whoever had the previous one, which is a `userId` or a visitor's id.

    The browser library sends the visitor's id beside it; a server's client the previous one alone.
    """
    previous = known_text(item.get("previousId"), "previousId")
    if message["user_id"] is None:
        raise Rejected("An alias needs a userId.", at="userId")
    if not previous and message["tracking_id"] is None:
        raise Rejected("An alias needs a previousId.", at="previousId")
    message |= {"type": "alias", "previous_id": previous or None}


def _context(item: dict[str, Any], body: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, str]]:
    """(our context, the library's name and version). Members without a name here keep their own."""
    shared = {} if body is item else _object(body, "context")
    left = shared | _object(item, "context")
    context: dict[str, Any] = {}
    for theirs, ours in CONTEXT.items():
        if isinstance(left.get(theirs), str):
            context[ours] = left.pop(theirs)
    page = left.get("page")
    if isinstance(page, dict):
        context |= {name: page[name] for name in PAGE if isinstance(page.get(name), str)}
        if page.keys() <= _PAGE_PARTS:
            del left["page"]
    screen = left.get("screen")
    if isinstance(screen, dict) and screen.get("width") and screen.get("height"):
        context["screen"] = f"{screen['width']}x{screen['height']}"
        del left["screen"]
    library = left.pop("library", None)
    if not isinstance(library, dict):
        library = {"name": library}
    name, version = (str(library.get(key) or "") for key in ("name", "version"))
    return left | context, (name, version)


def _object(item: dict[str, Any], name: str) -> dict[str, Any]:
    return known_object(item.get(name), name)
