"""From a request to the stream: the body is read, the key looked up, each message checked, all appended at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from shopalytic.accounts.plans import Plans
from shopalytic.collector.body import read_body
from shopalytic.collector.envelope import close_envelope, make_message_id, open_envelope
from shopalytic.collector.keys import Access, KeyCache
from shopalytic.collector.metrics import count_client_drops, messages_of
from shopalytic.collector.native import Head, check_message, parse_batch, parse_head
from shopalytic.collector.rate import RateLimit
from shopalytic.collector.refusals import MethodNotAllowed
from shopalytic.collector.refused import Refused
from shopalytic.collector.sandbox import Sandbox, Trial
from shopalytic.collector.sender import Environ, Sender, find_origin, read_sender
from shopalytic.errors import ConfigurationError, Forbidden, NotAuthorized, ShopalyticError, TooLarge, TooMany
from shopalytic.events.message import Instant, MessageType
from shopalytic.parts import Parts
from shopalytic.pipeline.place import Place, open_place

log = structlog.get_logger(__name__)


class Door(NamedTuple):
    """message_type: what the path says of its one message; None: a batch, whose messages say it themselves."""

    name: str
    message_type: MessageType | None


DOORS = {
    "/track": Door("track", "track"),
    "/identify": Door("identify", "identify"),
    "/alias": Door("alias", "alias"),
    "/batch": Door("batch", None),
}

OUTAGE_LOGGED_SECONDS = 1.0
ACCEPTED = b'{"status":"accepted"}'
_encode = msgspec.json.Encoder().encode


class _Rejection(msgspec.Struct):
    error: str
    at: str
    status: str


class Receiver:
    """One per process; threads share it."""

    def __init__(self, parts: Parts) -> None:
        self.settings = parts.settings
        # Known names stay: what sends from servers need not follow a change made for browsers.
        self.doors = DOORS | {parts.settings.collector_path + path: door for path, door in DOORS.items()}
        self.keys = KeyCache(parts.sessions)
        self._stream = parts.stream
        self.refused = Refused(parts, self.keys)
        self._sandbox = Sandbox(parts, Plans(parts.sessions))
        self._rate = RateLimit(parts.settings.rate_limit_per_second)
        self._outages: dict[str, float] = {}
        self._place = _open_place(parts.settings.geoip_file)

    def is_news(self, code: str) -> bool:
        """Whether to log an outage: not each of the thousands of requests that meet it in one second."""
        now = time.monotonic()
        if now - self._outages.get(code, -OUTAGE_LOGGED_SECONDS) < OUTAGE_LOGGED_SECONDS:
            return False
        self._outages[code] = now
        return True

    def receive(self, door: Door, environ: Environ) -> bytes:
        """The answer's JSON, once the stream has what it says is accepted.

        Raises ShopalyticError: a Rejected for what is wrong with the request, QueueUnavailable where the stream
        took nothing for certain.
        """
        if environ["REQUEST_METHOD"] != "POST":
            raise MethodNotAllowed(f"/{door.name} takes POST.")
        body = read_body(environ, self.settings.body_limit_bytes)
        if door.message_type is None:
            return self._receive_batch(environ, body)
        return self._receive_one(door.message_type, environ, body)

    def _receive_one(self, door_type: MessageType, environ: Environ, body: bytes) -> bytes:
        head = self._read(body)
        access, sender = self._admit(environ, head.token, 1)
        visitor_key = check_message(head, door_type)
        message_id = head.message_id or make_message_id()
        opened = _open_envelope(access, sender, None)
        trial = self._sandbox.open(access.project_id) if head.sandbox else None
        envelope = close_envelope(
            trial.readdress(opened) if trial else opened,
            body,
            door_type if head.type is None and door_type != "track" else None,
            None if head.message_id else message_id,
        )
        if trial is not None:
            trial.add(visitor_key, envelope, message_id)
            [answer] = trial.append()
            messages_of(door_type, "sandbox").inc()
            return answer
        self._stream.append(access.project_id, [(visitor_key, envelope)])
        messages_of(door_type, "accepted").inc()
        if head.dropped is not None:
            count_client_drops(head.dropped)
        return b'{"status":"accepted","message_id":' + _encode(message_id) + b"}"

    def _receive_batch(self, environ: Environ, body: bytes) -> bytes:
        batch = parse_batch(body)
        access, sender = self._admit(environ, batch.token, len(batch.events))
        opened = _open_envelope(access, sender, batch.sent_at)
        entries: list[tuple[str, bytes]] = []
        tried: list[int] = []
        trial: Trial | None = None
        results: list[bytes] = []
        rejected = 0
        for number, item in enumerate(batch.events):
            raw = bytes(item)
            try:
                head = self._read(raw)
                visitor_key = check_message(head, None)
            except ShopalyticError as error:
                rejected += 1
                results.append(_tell_rejection(error, f"events[{number}]"))
                tried_too = batch.sandbox or None
                self.refused.tell_item(access.project_id, "batch", raw, error, is_sandbox=tried_too)
                continue
            made_id = None if head.message_id else make_message_id()
            if batch.sandbox or head.sandbox:
                trial = trial or self._sandbox.open(access.project_id)
                envelope = close_envelope(trial.readdress(opened), raw, None, made_id)
                trial.add(visitor_key, envelope, made_id or head.message_id or "")
                tried.append(number)
            else:
                entries.append((visitor_key, close_envelope(opened, raw, None, made_id)))
            results.append(ACCEPTED)
        # First: where the queue then takes nothing more, the sender repeats what did no harm.
        if trial is not None:
            for number, answer in zip(tried, trial.append(), strict=True):
                results[number] = answer
            messages_of("batch", "sandbox").inc(len(tried))
        self.append("batch", access.project_id, entries, rejected)
        if batch.dropped is not None:
            count_client_drops(batch.dropped)
        return b'{"accepted":%d,"results":[%b]}' % (len(entries) + len(tried), b",".join(results))

    def _read(self, raw: bytes) -> Head:
        self.check_size(raw)
        return parse_head(raw)

    def _admit(self, environ: Environ, token: str | None, count: int) -> tuple[Access, Sender]:
        """Whose messages these are, and who sends them. Raises NotAuthorized, Forbidden or TooMany."""
        access, is_secret = self._open(environ.get("HTTP_AUTHORIZATION", ""), token)
        return access, self.admit(environ, access, is_secret, count)

    def admit(self, environ: Environ, access: Access, is_secret: bool, count: int) -> Sender:
        """Who sends, where he may send so many messages now. Raises Forbidden or TooMany."""
        if access.origins and not is_secret:
            _check_origin(find_origin(environ), access.origins)
        wait_seconds = self._rate.take(access.project_id, count)
        if wait_seconds:
            error = TooMany("This project sends more messages a second than it may.")
            error.retry_after_seconds = math.ceil(wait_seconds)
            raise error
        # A server speaks for its visitors: its own address and program are not theirs.
        return (
            Sender()
            if is_secret
            else self._reduce(read_sender(environ, self.settings.trusted_proxies), access)
        )

    def _reduce(self, sender: Sender, access: Access) -> Sender:
        """The country in place of the network address, where the project does not store that: no queue keeps it then."""
        if access.keeps_addresses:
            return sender
        return sender._replace(ip="", country=self.find_country(sender.ip))

    def find_country(self, ip: str) -> str:
        """Empty where no database of countries is configured."""
        return self._place.find_country(ip) if self._place is not None else ""

    def append(self, door: str, project_id: int, entries: list[tuple[str, bytes]], rejected: int) -> None:
        """Raises QueueUnavailable; then all of them are to be sent again."""
        if entries:
            self._stream.append(project_id, entries)
        messages_of(door, "accepted").inc(len(entries))
        messages_of(door, "rejected").inc(rejected)

    def check_size(self, raw: bytes) -> None:
        """Raises TooLarge."""
        limit = self.settings.message_limit_bytes
        if len(raw) > limit:
            raise TooLarge(f"The message is larger than {limit} bytes.")

    def _open(self, authorization: str, token: str | None) -> tuple[Access, bool]:
        """What the keys open, and whether one is secret. Other schemes are the shop's own, as its password page."""
        if authorization[:7].lower() != "bearer ":
            if not token:
                raise NotAuthorized("The body has no token.", at="token")
            return self.keys.get_token(token), False
        access, is_secret = self.keys.get_bearer(authorization[7:].strip())
        if token and self.keys.get_token(token).project_id != access.project_id:
            raise NotAuthorized("The body's token and the key are of two projects.", at="token")
        return access, is_secret


def _open_place(path: Path | None) -> Place | None:
    """Messages are taken without a country rather than not at all."""
    try:
        return open_place(path)
    except ConfigurationError as error:
        log.error("no country is filled in for what browsers send", why=error.message)
        return None


def _tell_rejection(error: ShopalyticError, item: str) -> bytes:
    return _encode(_Rejection(error.message, f"{item}.{error.at}" if error.at else item, "rejected"))


def _check_origin(origin: str, allowed: Iterable[str]) -> None:
    if origin in allowed:
        return
    if not origin:
        raise Forbidden(
            "This project takes messages with its token from its own pages only; a server sends a secret key.",
            at="Origin",
        )
    raise Forbidden(f"The project does not allow messages from {origin}.", at="Origin")


def _open_envelope(access: Access, sender: Sender, sent_at: Instant | None) -> bytes:
    return open_envelope(
        access.project_id, time.time_ns() // 1_000_000, sender, sent_at,
        plan_id=access.plan_id, keeps_addresses=access.keeps_addresses,
    )  # fmt: skip
