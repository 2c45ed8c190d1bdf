"""Appending with group commit: requests that wait at the same moment share one write to Redis.

Whoever comes first leads: it sends what is there, hands the results out and passes the lead on. With
`appendfsync always` the whole group waits for one write to the disk.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from hashlib import sha1

import redis
from redis.exceptions import NoScriptError, RedisError

from shopalytic.errors import QueueUnavailable
from shopalytic.stream.keys import partition_key, partition_of
from shopalytic.stream.scripts import APPEND

JOB_LIFETIME_SECONDS = 60
MEMORY_CHECK_SECONDS = 1.0
MEMORY_SHARE_LIMIT = 0.9
"""Of the memory cap. The rest is for RQ, which could not run the jobs that free memory without it."""

_SHA = sha1(APPEND.encode(), usedforsecurity=False).hexdigest().encode()


def _bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


class _Waiter:
    """One caller's commands, and what became of them."""

    __slots__ = ("commands", "done", "error", "leads", "partitions")

    def __init__(self, commands: list[bytes], partitions: list[int]) -> None:
        self.commands = commands
        self.partitions = partitions
        self.error: Exception | None = None
        self.leads = False
        self.done = threading.Lock()
        self.done.acquire()


class Writer:
    """Appends to the partitions. Threads share one; a process has one, made after any fork.

    on_idle: called with (partition, job id) where a drain job has to be queued, once per idle partition.
    """

    def __init__(self, client: redis.Redis, partitions: int, on_idle: Callable[[int, str], None]) -> None:
        self._client = client
        self._partitions = partitions
        self._on_idle = on_idle
        self._connection: redis.Connection | None = None
        self._mutex = threading.Lock()
        self._waiting: list[_Waiter] = []
        self._led = False
        self._job_ids = itertools.count()
        self._job_prefix = uuid.uuid4().hex[:12]
        self._full = False
        self._memory_checked_at = 0.0
        self._heads = [
            b"".join(
                _bulk(part)
                for part in (
                    b"EVALSHA",
                    _SHA,
                    b"3",
                    *(partition_key(partition, name).encode() for name in ("stream", "counters", "job")),
                )
            )
            for partition in range(partitions)
        ]

    def append(self, project_id: int, entries: Sequence[tuple[str, bytes]]) -> None:
        """Append messages; returns once Redis has them, or raises QueueUnavailable (then a part may be in).

        entries: (visitor key, encoded envelope). A repeat after an error is safe: message ids are unique.
        """
        grouped: dict[int, list[bytes]] = {}
        for visitor_key, envelope in entries:
            grouped.setdefault(partition_of(visitor_key, self._partitions), []).append(envelope)
        waiter = _Waiter(
            [self._command(partition, project_id, items) for partition, items in grouped.items()],
            list(grouped),
        )
        with self._mutex:
            self._waiting.append(waiter)
            leads = not self._led
            self._led = True
        if not leads:
            waiter.done.acquire()
            leads = waiter.leads
        if leads:
            self._lead()
        if waiter.error is not None:
            raise waiter.error

    def _command(self, partition: int, project_id: int, items: list[bytes]) -> bytes:
        job_id = b"drain-%d-%b-%d" % (partition, self._job_prefix.encode(), next(self._job_ids))
        tail = b"".join(map(_bulk, (b"%d" % project_id, job_id, b"%d" % JOB_LIFETIME_SECONDS, *items)))
        return b"*%d\r\n%b%b" % (9 + len(items), self._heads[partition], tail)

    def _lead(self) -> None:
        with self._mutex:
            group, self._waiting = self._waiting, []
        idle: list[int] = []
        try:
            self._send(group, idle)
        except (RedisError, OSError) as error:
            self._disconnect()
            for waiter in group:
                waiter.error = QueueUnavailable(f"The queue did not take the message: {error}")
        except BaseException:
            self._disconnect()
            for waiter in group:
                waiter.error = waiter.error or QueueUnavailable("The queue did not take the message.")
            raise
        finally:
            with self._mutex:
                if self._waiting:
                    self._waiting[0].leads = True
                    self._waiting[0].done.release()
                else:
                    self._led = False
            for waiter in group:
                if not waiter.leads:
                    waiter.done.release()
        for partition in idle:
            self._on_idle(partition, f"drain-{partition}-{uuid.uuid4().hex}")

    def _send(self, group: list[_Waiter], idle: list[int]) -> None:
        self._check_memory()
        if self._full:
            raise QueueUnavailable("The queue is full; the message was not taken.")
        connection = self._connected()
        commands = [
            (waiter, index, command) for waiter in group for index, command in enumerate(waiter.commands)
        ]
        for _ in range(2):
            connection.send_packed_command([b"".join(command for _, _, command in commands)])
            unknown = []
            for waiter, index, command in commands:
                try:
                    if connection.read_response() == 1:
                        idle.append(waiter.partitions[index])
                except NoScriptError:
                    unknown.append((waiter, index, command))
                except redis.ResponseError as error:
                    waiter.error = QueueUnavailable(f"The queue did not take the message: {error}")
            if not unknown:
                return
            connection.send_command("SCRIPT", "LOAD", APPEND)
            connection.read_response()
            commands = unknown
        for waiter, _, _ in commands:
            waiter.error = QueueUnavailable("The queue forgot its script twice.")

    def _check_memory(self) -> None:
        now = time.monotonic()
        if now - self._memory_checked_at < MEMORY_CHECK_SECONDS:
            return
        connection = self._connected()
        connection.send_command("INFO", "memory")
        lines = bytes(connection.read_response()).splitlines()
        values = dict(line.split(b":", 1) for line in lines if b":" in line)
        limit = int(values.get(b"maxmemory", 0))
        self._full = bool(limit) and int(values[b"used_memory"]) > limit * MEMORY_SHARE_LIMIT
        self._memory_checked_at = now

    def _connected(self) -> redis.Connection:
        if self._connection is None:
            connection = self._client.connection_pool.get_connection()
            connection.connect()
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._client.connection_pool.release(self._connection)
            self._connection = None
