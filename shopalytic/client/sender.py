"""The queue in memory and the thread that empties it."""

from __future__ import annotations

import json
import os
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable
from typing import Any

from shopalytic.client.failure import Failure, FailureKind, Reporter, log
from shopalytic.client.transport import Answered, Later, Refused, Reply, TooMuch, Transport

BATCH_LIMIT_BYTES = 512 * 1024
BATCH_BYTES = BATCH_LIMIT_BYTES - 64
"""Without what stands around the messages."""
BACKOFF_SECONDS_FIRST = 0.5
BACKOFF_SECONDS_MOST = 30.0
FULL_TOLD_SECONDS = 10.0
QUEUE_LIMIT_BYTES = 64 * 1024 * 1024
OUTAGE_TRIES = 3
"""So many in a row fail before an outage is worth a line in the log."""
OUTAGE_TOLD_SECONDS = 300.0


class Sender:
    """Takes encoded messages, sends them in their order. Thread-safe.

    Its thread starts with the first message, and again in a forked child: that begins with an empty queue, since
    its parent sends what waited before the fork.
    """

    def __init__(
        self,
        transport: Transport,
        reporter: Reporter,
        *,
        flush_interval_seconds: float,
        batch_size: int,
        queue_limit: int,
        max_tries: int,
    ) -> None:
        self._transport = transport
        self._reporter = reporter
        self._flush_interval_seconds = flush_interval_seconds
        self._batch_size = batch_size
        self._batch_bytes = BATCH_BYTES
        self._queue_limit = queue_limit
        self._max_tries = max_tries
        self._is_closed = False
        self._ends_at: float | None = None
        self._full_told_at = -FULL_TOLD_SECONDS
        self._outage_told_at = -OUTAGE_TOLD_SECONDS
        self._begin_anew()
        _watch_forks(self)

    def _begin_anew(self) -> None:
        # Re-entrant: a signal's function may track while the thread it interrupts does.
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._oldest_at = 0.0
        self._put_count = self._settled_count = self._flush_to = 0
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def mind_fork(self) -> None:
        """Some servers fork without telling Python; a lock that was held then would never be released."""
        if os.getpid() != self._pid:
            self._begin_anew()

    def put(self, encoded: bytes) -> bool:
        """Whether it was taken; where not, that is told already."""
        self.mind_fork()
        with self._changed:
            if self._is_closed:
                kind, reason = FailureKind.CLOSED, "The client is closed"
            elif self._put_count - self._settled_count >= self._queue_limit:
                kind, reason = FailureKind.QUEUE_FULL, f"{self._queue_limit} messages wait already"
            elif self._waiting_bytes + len(encoded) > QUEUE_LIMIT_BYTES:
                kind, reason = FailureKind.QUEUE_FULL, f"{self._waiting_bytes} bytes of messages wait already"
            else:
                if not self._waiting:
                    self._oldest_at = time.monotonic()
                self._waiting.append(encoded)
                self._waiting_bytes += len(encoded)
                self._put_count += 1
                if len(self._waiting) in (1, self._batch_size):
                    self._changed.notify_all()
                self._start()
                return True
        self._tell(kind, reason, [encoded])
        return False

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until what was put before is settled: sent, or told as failed. False: not in this time."""
        self.mind_fork()
        if threading.current_thread() is self._thread:
            return False
        with self._changed:
            target = self._put_count
            self._flush_to = max(self._flush_to, target)
            self._start()
            self._changed.notify_all()
            if self._thread is not None:
                return self._changed.wait_for(lambda: self._settled_count >= target, timeout_seconds)
        return self._drain_here(time.monotonic() + timeout_seconds)

    def close(self, timeout_seconds: float) -> bool:
        """Take nothing more and send what waits; what is not sent in this time is told as failed."""
        self.mind_fork()
        with self._changed:
            self._is_closed = True
            self._ends_at = time.monotonic() + timeout_seconds
            self._changed.notify_all()
        is_flushed = self.flush(timeout_seconds)
        with self._changed:
            left = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
            self._settled_count += len(left)
            self._changed.notify_all()
        self._tell(FailureKind.GAVE_UP, "The client was closed before they could be sent", left)
        return is_flushed

    def send(self, encoded: bytes) -> bool:
        """At once, in the calling thread. Whether the collector accepted it."""
        if self._is_closed:
            return self._tell(FailureKind.CLOSED, "The client is closed", [encoded])
        return self.deliver([encoded], is_patient=False)

    def deliver(self, items: list[bytes], *, is_patient: bool = True, ends_at: float | None = None) -> bool:
        """Send these now, in the calling thread, waiting between tries. False: not all were accepted.

        is_patient: an outage is waited out, however long it is. ends_at: no wait is longer than to there.
        """
        is_whole = True
        parts = [items]
        while parts:
            part = parts.pop()
            match self._try(part, is_patient, ends_at):
                case TooMuch() if len(part) > 1:
                    half = len(part) // 2
                    # Whatever stands before the collector takes less than it does; the next batch is smaller.
                    self._batch_bytes = max(1, sum(map(len, part[:half])) + half)
                    parts += [part[half:], part[:half]]
                case Answered(results):
                    # The 413 may have been a passing one.
                    self._batch_bytes = min(BATCH_BYTES, self._batch_bytes + self._batch_bytes // 8)
                    is_whole &= self._tell_rejected(part, results)
                case Later(reason):
                    is_whole = self._tell(FailureKind.GAVE_UP, reason, part)
                case TooMuch(reason) | Refused(reason):
                    is_whole = self._tell(FailureKind.REJECTED, reason, part)
        return is_whole

    def _start(self) -> None:
        if (self._thread is not None and self._thread.is_alive()) or not self._waiting:
            return
        thread = threading.Thread(target=self._work, name="shopalytic", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # At the interpreter's end no thread starts; `close` sends what waits.
            self._thread = None
        else:
            self._thread = thread

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._is_due():
                    if self._is_closed and not self._waiting:
                        return
                    self._changed.wait(self._idle_seconds())
                batch = self._take()
            self._settle(batch)

    def _settle(self, batch: list[bytes], ends_at: float | None = None) -> None:
        try:
            self.deliver(batch, ends_at=ends_at)
        except Exception:
            log.exception("a batch of %d messages was lost", len(batch))
        finally:
            with self._changed:
                self._settled_count += len(batch)
                self._changed.notify_all()

    def _drain_here(self, ends_at: float) -> bool:
        while self._waiting and time.monotonic() < ends_at:
            with self._changed:
                batch = self._take()
            self._settle(batch, ends_at)
        return not self._waiting

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return (
            len(self._waiting) >= self._batch_size
            or self._settled_count < self._flush_to
            or self._is_closed
            or time.monotonic() - self._oldest_at >= self._flush_interval_seconds
        )

    def _idle_seconds(self) -> float | None:
        if not self._waiting:
            return None
        return max(0.0, self._oldest_at + self._flush_interval_seconds - time.monotonic())

    def _take(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._waiting and len(batch) < self._batch_size:
            size += len(self._waiting[0]) + 1
            if batch and size > self._batch_bytes:
                break
            batch.append(self._waiting.popleft())
            self._waiting_bytes -= len(batch[-1])
        return batch

    def _try(self, items: list[bytes], is_patient: bool, ends_at: float | None) -> Reply:
        tried = counted = 0
        while True:
            reply = self._transport.post(items)
            if not isinstance(reply, Later):
                return reply
            tried += 1
            counted += not (is_patient and reply.is_outage)
            if counted >= self._max_tries:
                return reply
            if is_patient and tried >= OUTAGE_TRIES:
                self._tell_outage(reply)
            if not self._pause(_pause_seconds(reply, tried), ends_at):
                return reply

    def _tell_outage(self, reply: Later) -> None:
        """Now and then: nothing is lost yet."""
        now = time.monotonic()
        if now - self._outage_told_at >= OUTAGE_TOLD_SECONDS:
            self._outage_told_at = now
            count = self._put_count - self._settled_count
            log.warning("%d messages wait: %s", count, reply.reason)

    def _pause(self, seconds: float, ends_at: float | None = None) -> bool:
        """False, at once, where the client will be closed before, or `ends_at` comes first."""
        until = time.monotonic() + seconds
        with self._changed:
            while (left := until - time.monotonic()) > 0:
                if any(end is not None and until > end for end in (self._ends_at, ends_at)):
                    return False
                self._changed.wait(left)
        return True

    def _tell_rejected(self, items: list[bytes], results: list[tuple[str, str] | None]) -> bool:
        rejected = [(item, result) for item, result in zip(items, results, strict=True) if result]
        for item, (reason, at) in rejected:
            # The place names the item by its number, which means nothing to the shop.
            place = at.partition("].")[2] if at.startswith("events[") else at
            self._reporter.tell([Failure(FailureKind.REJECTED, reason, json.loads(item), place)])
        return not rejected

    def _tell(self, kind: FailureKind, reason: str, items: Iterable[bytes]) -> bool:
        """Always False."""
        is_quiet = kind is FailureKind.QUEUE_FULL and not self._is_news()
        failures = [Failure(kind, f"{reason.rstrip('.')}.", json.loads(item)) for item in items]
        self._reporter.tell(failures, is_logged=not is_quiet)
        return False

    def _is_news(self) -> bool:
        """A full queue refuses thousands a second, and the log is not to fill the disk."""
        now = time.monotonic()
        if now - self._full_told_at < FULL_TOLD_SECONDS:
            return False
        self._full_told_at = now
        return True


def _pause_seconds(reply: Later, tried: int) -> float:
    """Jittered, so that the shop's processes do not all come back in one moment."""
    if reply.retry_after_seconds is not None:
        return reply.retry_after_seconds * (1 + 0.1 * _random())
    return float(
        min(BACKOFF_SECONDS_MOST, BACKOFF_SECONDS_FIRST * 2 ** (tried - 1)) * (0.5 + 0.5 * _random())
    )


def _random() -> float:
    return random.random()


_living: weakref.WeakSet[Sender] | None = None


def _watch_forks(sender: Sender) -> None:
    global _living
    if _living is None:
        _living = weakref.WeakSet()
        os.register_at_fork(after_in_child=_after_fork)
    _living.add(sender)


def _after_fork(*_: Any) -> None:
    for sender in list(_living or ()):
        sender.mind_fork()
