"""`/track/v2/…`: commands into the stream."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from shopalytic.collector.body import read_body
from shopalytic.collector.exponea.access import open_project
from shopalytic.collector.exponea.translate import (
    Translated,
    translate_click,
    translate_customer,
    translate_event,
)
from shopalytic.collector.native import ITEMS_LIMIT
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.refusals import MethodNotAllowed
from shopalytic.collector.sender import Environ
from shopalytic.collector.translated import Intake, known_object, read_items, read_object
from shopalytic.errors import Rejected, ShopalyticError
from shopalytic.events.message import Door

DOOR: Door = "exponea"
COMMANDS_LIMIT = 50
SYSTEM_TIME = "system/time"
COMMANDS: dict[str, Callable[[dict[str, Any]], Translated]] = {
    "customers": translate_customer,
    "customers/events": translate_event,
}
"""What a batch may hold beside `system/time`."""
SINGLE = COMMANDS | {"campaigns/clicks": translate_click}


class _Done(msgspec.Struct):
    success: bool = True
    errors: list[str] = []


class _DoneInBatch(_Done):
    time: float = 0.0


class _BatchDone(msgspec.Struct):
    results: list[_DoneInBatch]
    start_time: float
    end_time: float
    success: bool = True


_encode = msgspec.json.Encoder().encode


def tell_error(error: ShopalyticError) -> tuple[int, bytes]:
    """A command that is refused for what it says is answered with 200: the SDKs try all else again."""
    return 200 if error.status == Rejected.status else error.status, _encode(_Done(False, [error.message]))


def receive_one(name: str, receiver: Receiver, environ: Environ, token: str) -> bytes:
    """name: of SINGLE. Raises ShopalyticError, as `Receiver.receive` does."""
    body = read_posted(receiver, environ)
    access, is_secret = open_project(receiver, environ, token)
    intake = Intake(receiver, environ, access, is_secret, 1, DOOR)
    receiver.check_size(body)
    _add(intake, SINGLE[name](read_object(body)))
    intake.append()
    return _encode(_Done())


def receive_batch(receiver: Receiver, environ: Environ, token: str) -> bytes:
    started_at = time.time()
    body = read_posted(receiver, environ)
    access, is_secret = open_project(receiver, environ, token)
    _, items = read_items(body, "commands", ITEMS_LIMIT)
    if len(items) > COMMANDS_LIMIT:
        raise Rejected(f"A batch holds at most {COMMANDS_LIMIT} commands.", at="commands")
    intake = Intake(receiver, environ, access, is_secret, len(items), DOOR)
    results = [_take(receiver, intake, raw) for raw in items]
    intake.append(sum(not result.success for result in results))
    return _encode(_BatchDone(results, started_at, time.time()))


def tell_time(receiver: Receiver, environ: Environ, token: str) -> bytes:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        raise MethodNotAllowed("system/time takes GET.")
    open_project(receiver, environ, token)
    return _encode({"success": True, "time": time.time()})


def read_posted(receiver: Receiver, environ: Environ) -> bytes:
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed("This call takes POST.")
    return read_body(environ, receiver.settings.body_limit_bytes)


def _take(receiver: Receiver, intake: Intake, raw: bytes) -> _DoneInBatch:
    """One command of a batch. What is wrong with it stands in its own result."""
    try:
        receiver.check_size(raw)
        command = read_object(raw)
        name = command.get("name")
        if name != SYSTEM_TIME:
            if not isinstance(name, str) or name not in COMMANDS:
                known = ", ".join((*COMMANDS, SYSTEM_TIME))
                raise Rejected(f"The command's name must be one of {known}.", at="name")
            _add(intake, COMMANDS[name](known_object(command.get("data"), "data")))
    except ShopalyticError as error:
        intake.refuse(raw, error)
        return _DoneInBatch(False, [error.message], time.time())
    return _DoneInBatch(time=time.time())


def _add(intake: Intake, done: Translated) -> None:
    intake.add(done.message, message_id=done.message_id)
