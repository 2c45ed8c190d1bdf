"""What the shop's code calls."""

from __future__ import annotations

import atexit
import json
import time
from collections.abc import Mapping
from datetime import date, datetime
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from shopalytic import __version__
from shopalytic.client.failure import Failure, FailureKind, OnError, Reporter, log
from shopalytic.client.sender import Sender
from shopalytic.client.transport import Transport
from shopalytic.client.values import Faults, iso, plain

Id = str | int | UUID
Ids = Id | Mapping[str, Id | None]
Instant = datetime | date | int | float | str
Kind = Literal["track", "identify", "alias"]

LIBRARY = f"shopalytic-python/{__version__}"
BATCH_SIZE_MOST = 500
MESSAGE_LIMIT_BYTES = 32 * 1024
MESSAGE_ID_LIMIT = 64
EVENT_LIMIT = 255


class Client:
    """Sends what a shop's server knows. One for each process, made once; threads share it.

    Calls take microseconds: a thread sends in the background, in order, and repeats what is not answered. No call
    ever raises for what is sent; what goes wrong is logged, and told to `on_error`. A call gives the message's id,
    or None where the message was not taken.

    max_tries: for a batch that the collector answers with a fault of its own. While it is away, the client waits, as long
    as the process lives.
    synchronous: each call sends before it returns (and waits between tries, of which there are `max_tries` in any case),
    and gives None where the collector did not accept the message. For scripts and tests.
    """

    def __init__(
        self,
        token_or_secret: str,
        address: str,
        *,
        flush_interval_seconds: float = 1,
        batch_size: int = 100,
        queue_limit: int = 10_000,
        timeout_seconds: float = 10,
        max_tries: int = 10,
        on_error: OnError | None = None,
        gzip: bool = True,
        source: str = "server",
        synchronous: bool = False,
    ) -> None:
        self._reporter = Reporter(on_error)
        self._source = source
        self._is_synchronous = synchronous
        self._sender: Sender | None = None
        try:
            self._timeout_seconds = float(timeout_seconds)
            self._sender = Sender(
                Transport(
                    _check_key(token_or_secret),
                    _check_address(address),
                    timeout_seconds=self._timeout_seconds,
                    packs=gzip,
                    library=LIBRARY,
                ),
                self._reporter,
                flush_interval_seconds=float(flush_interval_seconds),
                batch_size=min(max(1, int(batch_size)), BATCH_SIZE_MOST),
                queue_limit=max(1, int(queue_limit)),
                max_tries=max(1, int(max_tries)),
            )
        except (TypeError, ValueError, ArithmeticError) as error:
            # A shop without its tracking is worth more than a shop that does not start.
            self._reporter.tell([Failure(FailureKind.DISABLED, f"Nothing will be sent: {error}")])
            return
        atexit.register(self.close)

    def track(
        self,
        event: str,
        properties: Mapping[str, Any] | None = None,
        *,
        user_id: Ids | None = None,
        tracking_id: str | None = None,
        timestamp: Instant | None = None,
        message_id: Id | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """One event, of a customer (`user_id`), a visitor (`tracking_id`) or both.

        message_id: one that your code can make again, such as `order-1001`, if it may tell the same twice.
        """
        return self._send("track", event, properties, user_id, tracking_id, timestamp, message_id, context)

    def identify(
        self,
        user_id: Ids,
        properties: Mapping[str, Any] | None = None,
        *,
        tracking_id: str | None = None,
        timestamp: Instant | None = None,
        message_id: Id | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Facts about a customer; with `tracking_id`: that visitor is this customer."""
        return self._send("identify", None, properties, user_id, tracking_id, timestamp, message_id, context)

    def alias(
        self,
        user_id: Ids,
        *,
        tracking_id: str | None = None,
        previous_id: Id | None = None,
        timestamp: Instant | None = None,
        message_id: Id | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """A further id of the customer that the visitor `tracking_id` is, or who is known by `previous_id`."""
        return self._send(
            "alias", None, None, user_id, tracking_id, timestamp, message_id, context, previous_id
        )

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was said before is sent, or told as failed. False: not in `timeout` seconds.

        timeout: None is the client's `timeout_seconds`.
        """
        return self._guard(lambda sender: sender.flush(self._timeout_seconds if timeout is None else timeout))

    def close(self, timeout: float | None = None) -> bool:
        """Flush, and take nothing more. Called at the process's end; twice does no harm."""
        atexit.unregister(self.close)
        return self._guard(lambda sender: sender.close(self._timeout_seconds if timeout is None else timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _guard(self, call: Any) -> bool:
        if self._sender is None:
            return False
        try:
            return bool(call(self._sender))
        except Exception:
            log.exception("the client failed")
            return False

    def _send(
        self,
        kind: Kind,
        event: str | None,
        properties: Mapping[str, Any] | None,
        user_id: Ids | None,
        tracking_id: str | None,
        timestamp: Instant | None,
        message_id: Id | None,
        context: Mapping[str, Any] | None,
        previous_id: Id | None = None,
    ) -> str | None:
        if self._sender is None:
            return None
        faults: Faults = []
        try:
            members = {
                "type": kind,
                "event": event,
                "message_id": str(uuid4()) if message_id is None else str(message_id),
                "tracking_id": plain(tracking_id, "tracking_id", faults),
                "user_id": _drop_empty(plain(user_id, "user_id", faults)),
                "previous_id": plain(previous_id, "previous_id", faults),
                "timestamp": _instant(timestamp, faults),
                "properties": plain(properties, "properties", faults),
                "context": plain(context, "context", faults),
                "source": self._source,
                "library": LIBRARY,
            }
            message = {name: value for name, value in members.items() if value is not None}
            _check(message)
            encoded = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
            if len(encoded) > MESSAGE_LIMIT_BYTES:
                raise ValueError(f"The message has {len(encoded)} bytes; {MESSAGE_LIMIT_BYTES} may be sent.")
        except Exception as error:
            # Only what can be printed: this object's own `__str__` may be what failed.
            said = {"type": kind} | {
                name: value
                for name, value in (("event", event), ("message_id", message_id))
                if isinstance(value, str)
            }
            reason = "; ".join([str(error), *(f"{at}: {why}" for at, why in faults)])
            self._reporter.tell([Failure(FailureKind.BAD_MESSAGE, reason, said)])
            return None
        for at, why in faults:
            self._reporter.tell([Failure(FailureKind.BAD_VALUE, f"{why} It is sent as null.", message, at)])
        return message["message_id"] if self._hand_over(encoded) else None

    def _hand_over(self, encoded: bytes) -> bool:
        if self._is_synchronous:
            return self._guard(lambda sender: sender.send(encoded))
        return self._guard(lambda sender: sender.put(encoded))


def _check(message: dict[str, Any]) -> None:
    """Raises ValueError for what the collector is sure to refuse."""
    kind, event, message_id = message["type"], message.get("event"), message["message_id"]
    if kind == "track" and (not isinstance(event, str) or not event.strip() or len(event) > EVENT_LIMIT):
        raise ValueError(f"An event's name is a text of 1 to {EVENT_LIMIT} characters.")
    if not message_id.isprintable() or not 0 < len(message_id) <= MESSAGE_ID_LIMIT:
        raise ValueError(f"message_id has 1 to {MESSAGE_ID_LIMIT} printable characters.")
    user_id, tracking_id = message.get("user_id"), message.get("tracking_id")
    if not user_id and not (tracking_id and kind == "track"):
        wanted = "a user_id or a tracking_id" if kind == "track" else "a user_id"
        raise ValueError(f"A message of type {kind} needs {wanted}.")
    is_of_somebody = (
        tracking_id or message.get("previous_id") or (isinstance(user_id, dict) and len(user_id) > 1)
    )
    if kind == "alias" and not is_of_somebody:
        raise ValueError("An alias needs the tracking_id or the previous_id of whose further id it is.")
    for name in ("properties", "context"):
        if not isinstance(message.get(name, {}), dict):
            raise ValueError(f"{name} must be a mapping.")


def _drop_empty(user_id: Any) -> Any:
    if isinstance(user_id, dict):
        user_id = {name: value for name, value in user_id.items() if value not in (None, "")}
    return user_id if user_id not in ("", {}) else None


def _instant(timestamp: Instant | None, faults: Faults) -> Any:
    """Now where none is given: the message may wait in the queue."""
    if timestamp is None:
        return time.time_ns() // 1_000_000
    if isinstance(timestamp, date) and not isinstance(timestamp, datetime):
        return iso(datetime(timestamp.year, timestamp.month, timestamp.day))  # noqa: DTZ001  (taken as UTC)
    return plain(timestamp, "timestamp", faults)


def _check_key(key: str) -> str:
    key = key.strip() if isinstance(key, str) else ""
    if not key or not key.isascii() or not key.isprintable():
        raise ValueError("token_or_secret is empty, or no key.")
    return key


def _check_address(address: str) -> str:
    """`https://collector.example`, with a path where it has one."""
    text = address.strip().rstrip("/") if isinstance(address, str) else ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{address!r} is no address; it looks like https://collector.example.")
    return text
