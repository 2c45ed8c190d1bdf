"""From a request of a Segment client to the stream."""

from __future__ import annotations

from typing import Any

import msgspec

from shopalytic.collector.body import read_body
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.refusals import MethodNotAllowed
from shopalytic.collector.segment.translate import APPS, Call, parse_call, translate
from shopalytic.collector.sender import Environ
from shopalytic.collector.translated import Intake, known_text, open_key, read_basic, read_items, read_object
from shopalytic.errors import ShopalyticError

CALLS: dict[str, Call] = {
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group",
    "alias": "alias", "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias",
}  # fmt: skip
BATCHES = ("batch", "import", "b")
MEASUREMENTS = "m"
"""What the browser library counts of itself. Nobody here asks for it."""
ITEMS_LIMIT = 2500

SUCCESS = b'{"success":true}'


class _Rejection(msgspec.Struct):
    index: int
    error: str
    at: str


def receive(receiver: Receiver, name: str, environ: Environ) -> bytes:
    """The answer's JSON. name: the path's last part. Raises ShopalyticError, as `Receiver.receive` does."""
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed(f"/v1/{name} takes POST.")
    body = read_body(environ, receiver.settings.body_limit_bytes)
    if name == MEASUREMENTS:
        return SUCCESS
    if name in BATCHES:
        return _receive_batch(receiver, environ, body, name)
    return _receive_one(receiver, environ, body, CALLS[name])


def tell_error(error: ShopalyticError) -> tuple[int, bytes]:
    """Our error, and beside it the members that Segment's clients log."""
    told = {"code": error.code, "message": error.message}
    answer = {"success": False, **told, "error": told | ({"at": error.at} if error.at else {})}
    return error.status, msgspec.json.encode(answer)


def _receive_one(receiver: Receiver, environ: Environ, body: bytes, call: Call) -> bytes:
    receiver.check_size(body)
    item = read_object(body)
    intake = _admit(receiver, environ, item, 1)
    _add(intake, environ, call, item, item, is_import=False)
    intake.append()
    return SUCCESS


def _receive_batch(receiver: Receiver, environ: Environ, body: bytes, name: str) -> bytes:
    head, items = read_items(body, "batch", ITEMS_LIMIT)
    intake = _admit(receiver, environ, head, len(items))
    rejections: list[_Rejection] = []
    first: ShopalyticError | None = None
    for index, raw in enumerate(items):
        try:
            receiver.check_size(raw)
            item = read_object(raw)
            _add(intake, environ, parse_call(item.get("type")), item, head, is_import=name == "import")
        except ShopalyticError as error:
            intake.refuse(raw, error)
            error.at = f"batch[{index}].{error.at}" if error.at else f"batch[{index}]"
            first = first or error
            rejections.append(_Rejection(index, error.message, error.at))
    if not intake.append(len(rejections)) and first is not None:
        raise first
    if not rejections:
        return SUCCESS
    return msgspec.json.encode({"success": True, "rejected": rejections})


def _admit(receiver: Receiver, environ: Environ, body: dict[str, Any], count: int) -> Intake:
    key = known_text(body.get("writeKey"), "writeKey")
    if not key:
        key, _ = read_basic(environ.get("HTTP_AUTHORIZATION", "")) or ("", "")
    access, is_secret = open_key(receiver, key, "writeKey")
    return Intake(receiver, environ, access, is_secret, count, "segment")


def _add(
    intake: Intake,
    environ: Environ,
    call: Call,
    item: dict[str, Any],
    body: dict[str, Any],
    *,
    is_import: bool,
) -> None:
    done = translate(call, item, body, is_import=is_import)
    is_server = "HTTP_ORIGIN" not in environ and done.library.lower() not in APPS
    intake.add(done.message, done.name_sent, message_id=done.message_id, is_server=is_server)
