"""Messages sent with `sandbox: true`: they go the way of all messages, apart from the project's real data, and the
answer waits for what becomes of them.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from shopalytic.accounts.plans import Plans
from shopalytic.accounts.sandboxes import open_sandbox
from shopalytic.errors import DatabaseUnavailable
from shopalytic.events.parse import parse_envelope
from shopalytic.parts import Parts
from shopalytic.pipeline.check import Finding, Refusal, check_envelope
from shopalytic.pipeline.steps import StepContext
from shopalytic.pipeline.told import EventShown, Told, decode_told, show_event

WAIT_SECONDS = 4.0
"""Less than the ten seconds after which the tag takes a request for lost."""
WAITING = "waiting"
STILL_WAITING = (
    "The message is in the queue, and the worker has not come to it yet. What is told here is what the message says "
    "by itself."
)

_NO_LOOK_UPS = StepContext()
_encode = msgspec.json.Encoder(decimal_format="number").encode


class _Answer(msgspec.Struct, kw_only=True):
    """status: as the door answers outside the sandbox. message: why it was not stored, as far as `outcome` says so."""

    status: str
    sandbox: bool
    message_id: str
    outcome: str
    reason: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET
    event: EventShown | None
    violations: list[Finding]


class Sandbox:
    """The sandboxes of all projects, as one process sends to them. Threads share it.

    Who waits keeps one of the web server's threads: only a quarter of them may, so that a shop that went live with its
    sandbox on does not stop the others' messages. All else is answered at once.
    """

    def __init__(self, parts: Parts, plans: Plans) -> None:
        self._parts = parts
        self._plans = plans
        self._free = threading.BoundedSemaphore(max(1, parts.settings.web_threads // 4))

    def open(self, project_id: int) -> Trial:
        """For the messages of one request. Raises DatabaseUnavailable."""
        try:
            return Trial(self, open_sandbox(self._parts.sessions, project_id))
        except SQLAlchemyError as error:
            raise DatabaseUnavailable("The database with the sandboxes does not answer.") from error

    def append(self, trial: Trial) -> list[bytes]:
        """Have the worker process the request's messages: an answer to each, in order. Raises QueueUnavailable."""
        self._parts.stream.append(trial.sandbox_id, trial.entries)
        told: dict[int, Told] = {}
        if self._free.acquire(blocking=False):
            try:
                found = self._parts.stream.feed.wait(trial.ticket, len(trial.entries), WAIT_SECONDS)
            finally:
                self._free.release()
            told = _read(found)
        return [
            _answer(told[number], message_id)
            if number in told
            else self._answer_unprocessed(envelope, message_id)
            for number, ((_, envelope), message_id) in enumerate(
                zip(trial.entries, trial.message_ids, strict=True)
            )
        ]

    def _answer_unprocessed(self, envelope: bytes, message_id: str) -> bytes:
        read = parse_envelope(envelope)
        plan = self._plans.find(read.plan_id)
        checked = check_envelope(read, _NO_LOOK_UPS, time.time_ns() // 1_000_000, plan)
        if isinstance(checked, Refusal):
            event, findings = None, [checked.finding]
        else:
            event, findings = show_event(checked.event), checked.findings
        return _encode(
            _Answer(
                status="accepted",
                sandbox=True,
                message_id=message_id,
                outcome=WAITING,
                message=STILL_WAITING,
                event=event,
                violations=findings,
            )
        )


class Trial:
    """One request's messages in a sandbox, on their way into the queue."""

    def __init__(self, sandbox: Sandbox, sandbox_id: int) -> None:
        self.sandbox_id = sandbox_id
        self.ticket = uuid.uuid4().hex
        self.entries: list[tuple[str, bytes]] = []
        self.message_ids: list[str] = []
        self._sandbox = sandbox

    def readdress(self, opened: bytes) -> bytes:
        """An opened envelope that names the sandbox in place of its project, and who waits for the answer."""
        _, _, rest = opened.partition(b",")
        return b'{"p":%d,%b,"w":"%b:%d"' % (
            self.sandbox_id, rest, self.ticket.encode(), len(self.entries),
        )  # fmt: skip

    def add(self, visitor_key: str, envelope: bytes, message_id: str) -> None:
        """envelope: closed, of what `readdress` gave last."""
        self.entries.append((visitor_key, envelope))
        self.message_ids.append(message_id)

    def append(self) -> list[bytes]:
        """An answer to each message, in order. Raises QueueUnavailable."""
        return self._sandbox.append(self) if self.entries else []


def _read(answers: Iterable[bytes]) -> dict[int, Told]:
    """By the message's number in its request; without what a worker of another version wrote otherwise."""
    found = {}
    for answer in answers:
        with suppress(msgspec.MsgspecError):
            told = decode_told(answer)
            found[told.number] = told
    return found


def _answer(told: Told, message_id: str) -> bytes:
    return _encode(
        _Answer(
            status="accepted",
            sandbox=True,
            message_id=message_id,
            outcome=told.outcome,
            reason=told.reason or msgspec.UNSET,
            message=told.sentence or msgspec.UNSET,
            event=told.event,
            violations=told.findings,
        )
    )
