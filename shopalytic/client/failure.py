"""What became of a message that the collector will never have, or has only in part."""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("shopalytic.client")


class FailureKind(enum.StrEnum):
    BAD_VALUE = "bad_value"
    """A value has no JSON form. It was sent as null, where `message` is not None; else the message was not."""
    BAD_MESSAGE = "bad_message"
    """The call itself is wrong: no event name, no id, too large. Nothing was sent."""
    QUEUE_FULL = "queue_full"
    """`queue_limit` messages, or 64 MiB of them, wait already. This one was not taken."""
    CLOSED = "closed"
    """The client was closed before."""
    REJECTED = "rejected"
    """The collector refused it, and would again."""
    GAVE_UP = "gave_up"
    """Nothing but faults of the collector's own in `max_tries` tries, or no answer until the client was closed."""
    DISABLED = "disabled"
    """The client was made without a key or with an address that is none."""


@dataclass(frozen=True)
class Failure:
    """reason: one sentence. at: the member that it is about, such as `properties.total`; empty where none is.

    message: as it was to be sent; None where it could not be made.
    """

    kind: FailureKind
    reason: str
    message: dict[str, Any] | None = None
    at: str = ""


OnError = Callable[[Failure], object]


class Reporter:
    """Tells the log and the shop's own function. Never raises, whatever that function does."""

    def __init__(self, on_error: OnError | None) -> None:
        self._on_error = on_error
        self._here = threading.local()

    def tell(self, failures: Sequence[Failure], *, is_logged: bool = True) -> None:
        """All of one cause: the log has one line for them."""
        if failures and is_logged:
            log.error("%s%s", _line(failures[0]), f", and {len(failures) - 1} more" if failures[1:] else "")
        # A function that tracks what it is told would be told of that, too, without end.
        if self._on_error is None or getattr(self._here, "is_telling", False):
            return
        self._here.is_telling = True
        try:
            for failure in failures:
                try:
                    self._on_error(failure)
                except Exception:
                    log.exception("on_error failed")
        finally:
            self._here.is_telling = False


def _line(failure: Failure) -> str:
    """Properties stay out of the log: they are the shop's customers' own."""
    line = f"{failure.kind.value}: {failure.reason}"
    if failure.at:
        line += f" At {failure.at}."
    if failure.message is not None:
        name = failure.message.get("event") or failure.message.get("type")
        line += f" (event {name!s:.100}, message {failure.message.get('message_id')})"
    return line
