"""`/track/v2/…` and `/data/v2/…` as Exponea's SDKs and servers call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import OperationalError

from shopalytic.collector.exponea.access import open_for_reading
from shopalytic.collector.exponea.erasing import anonymize
from shopalytic.collector.exponea.reading import (
    Asked,
    ask,
    export_all,
    export_one,
    list_attributes,
    list_events,
)
from shopalytic.collector.exponea.tracking import (
    DOOR,
    SINGLE,
    SYSTEM_TIME,
    read_posted,
    receive_batch,
    receive_one,
    tell_error,
    tell_time,
)
from shopalytic.collector.foreign import Tell, find_receiver, receive_at, refuse_as
from shopalytic.collector.receiver import Receiver
from shopalytic.errors import DatabaseUnavailable, ShopalyticError, Unavailable
from shopalytic.parts import Parts

TRACK = "/track/v2/projects/<token>"
DATA = "/data/v2/projects/<token>"
READS: dict[str, Callable[[Asked], bytes]] = {
    "customers/export-one": export_one,
    "customers/events": list_events,
    "customers/attributes": list_attributes,
    "customers/anonymize": anonymize,
}
EXPORT = "customers/export"


def register(app: Flask, parts: Parts) -> None:
    """Reads and connects to nothing yet."""
    receiver = Receiver(parts)
    blueprint = Blueprint(DOOR, __name__)

    def add(path: str, receive: Callable[..., bytes], tell: Tell = tell_error) -> None:
        receive_at(blueprint, receiver, DOOR, path, receive, tell)

    for name in SINGLE:
        add(f"{TRACK}/{name}", partial(_call, partial(receive_one, name)))
    add(f"{TRACK}/batch", partial(_call, receive_batch))
    add(f"{TRACK}/{SYSTEM_TIME}", partial(_call, tell_time))
    for name, read in READS.items():
        add(f"{DATA}/{name}", partial(_read, parts, read), tell_unread)

    @blueprint.post(f"{DATA}/{EXPORT}")
    def export(token: str) -> Response:
        try:
            with _reading():
                pieces = export_all(_ask(parts, find_receiver(receiver), token))
        except ShopalyticError as error:
            return refuse_as(tell_unread, error)
        return Response(pieces, mimetype="application/json")

    app.register_blueprint(blueprint)


def tell_unread(error: ShopalyticError) -> tuple[int, bytes]:
    """What an outage says of our own parts is for the log alone."""
    if isinstance(error, Unavailable):
        error.message = "This cannot be read now; ask again later."
    return tell_error(error)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable("The database does not answer.") from error


def _call(receive: Callable[..., bytes], receiver: Receiver, token: str) -> bytes:
    return receive(receiver, request.environ, token)


def _read(parts: Parts, read: Callable[[Asked], bytes], receiver: Receiver, token: str) -> bytes:
    with _reading():
        return read(_ask(parts, receiver, token))


def _ask(parts: Parts, receiver: Receiver, token: str) -> Asked:
    body = read_posted(receiver, request.environ)
    access = open_for_reading(receiver, request.environ, token)
    return ask(parts, access.project_id, body, access.key_id)
