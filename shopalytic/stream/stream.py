"""The stream as the rest of the system sees it: append, counters, and the jobs that drain it."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

import redis
from redis.exceptions import RedisError
from rq import Queue, cron_scheduler_registry
from rq.job import Job

from shopalytic.errors import QueueUnavailable
from shopalytic.stream.feed import Feed
from shopalytic.stream.keys import PARTITIONS, QUEUE, partition_key, partition_of
from shopalytic.stream.reader import Partition
from shopalytic.stream.scripts import ERASE, REQUEUE
from shopalytic.stream.writer import JOB_LIFETIME_SECONDS, MEMORY_SHARE_LIMIT, Writer

DRAIN = "shopalytic.jobs.drain"
ERASE_JOB = "shopalytic.jobs.erase"
CHECK_JOB = "shopalytic.jobs.check"
FOLD_JOB = "shopalytic.jobs.fold"
SOCKET_TIMEOUT_SECONDS = 10


@dataclass
class Counters:
    """Messages of one project since it began; accepted is the sum of all the others, at any moment."""

    accepted: int = 0
    stored: int = 0
    duplicate: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Memory:
    """What the queue's server uses, and may use; limit_bytes 0: no limit."""

    used_bytes: int
    limit_bytes: int


class Stream:
    """Connects at the first use. Make one per process, after any fork; threads share it."""

    def __init__(self, redis_url: str, partitions: int) -> None:
        self.client = redis.Redis.from_url(
            redis_url, socket_timeout=SOCKET_TIMEOUT_SECONDS, socket_connect_timeout=5, protocol=2
        )
        self.configured_partitions = partitions
        self._writer = Writer(self.client, partitions, self._on_idle)
        self._idle: SimpleQueue[tuple[int, str] | None] = SimpleQueue()
        self._enqueuer: threading.Thread | None = None
        self._queue = Queue(QUEUE, connection=self.client)
        self.feed = Feed(self.client)

    def append(self, project_id: int, entries: list[tuple[str, bytes]]) -> None:
        """Append encoded envelopes, each with its visitor key; see Writer.append. [] does nothing."""
        if entries:
            self._writer.append(project_id, entries)

    def requeue(self, project_id: int, entries: list[tuple[str, str, bytes]]) -> int:
        """Put quarantined messages back: from then on they are counted as waiting. Gives how many went.

        entries: (visitor key, mark, encoded envelope). A mark goes once, however often it is given. Raises
        QueueUnavailable; then a part may be in, and a repeat is safe.
        """
        memory = self.memory()
        if memory.limit_bytes and memory.used_bytes > memory.limit_bytes * MEMORY_SHARE_LIMIT:
            raise QueueUnavailable("The queue is full; no message was put back.")
        grouped: dict[int, list[str | bytes]] = {}
        for visitor_key, mark, envelope in entries:
            number = partition_of(visitor_key, self.configured_partitions)
            grouped.setdefault(number, []).extend((mark, envelope))
        return sum(self._requeue(number, project_id, pairs) for number, pairs in grouped.items())

    def _requeue(self, partition: int, project_id: int, pairs: list[str | bytes]) -> int:
        keys = [partition_key(partition, name) for name in ("stream", "counters", "job", "requeued")]
        job_id = f"drain-{partition}-{uuid.uuid4().hex}"
        script = self.client.register_script(REQUEUE)
        try:
            went, is_idle = script(keys=keys, args=[project_id, job_id, JOB_LIFETIME_SECONDS, *pairs])
        except RedisError as error:
            raise QueueUnavailable(f"The queue did not take the message: {error}") from error
        if is_idle:
            self._on_idle(partition, job_id)
        return int(went)

    def erase_quarantined(
        self, project_id: int, entries: list[tuple[str, str]], reason: str = "erased"
    ) -> int:
        """Count quarantined messages as dropped: none of them can be put back. Gives how many were counted.

        entries: (visitor key, mark), as `requeue` takes them. reason: a DropReason. A repeat counts nothing again. Raises
        QueueUnavailable.
        """
        grouped: dict[int, list[str]] = {}
        for visitor_key, mark in entries:
            grouped.setdefault(partition_of(visitor_key, self.configured_partitions), []).append(mark)
        script = self.client.register_script(ERASE)
        counted = 0
        try:
            for number, marks in grouped.items():
                keys = [partition_key(number, name) for name in ("counters", "requeued")]
                counted += int(script(keys=keys, args=[project_id, reason, *marks]))
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error
        return counted

    def partition(self, number: int) -> Partition:
        """A worker's view of one partition, with a lease holder's name of its own."""
        return Partition(self.client, number, f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")

    def partitions(self) -> int:
        """How many partitions there are or ever were. Raises QueueUnavailable."""
        try:
            known = int(self.client.get(PARTITIONS) or 0)
            if known < self.configured_partitions:
                self.client.set(PARTITIONS, self.configured_partitions)
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error
        return max(known, self.configured_partitions)

    def enqueue_drain(self, partition: int, job_id: str) -> None:
        self._queue.enqueue(
            DRAIN, partition, job_id=job_id, result_ttl=0, failure_ttl=3600, job_timeout=600,
            description=f"drain partition {partition}",
        )  # fmt: skip

    def enqueue_erasure(self, erasure_id: str) -> None:
        """Have a worker go on with an erasure, unless a job for it waits already."""
        job_id = f"erase-{erasure_id}"
        try:
            if not self._is_queued(job_id):
                self._queue.enqueue(
                    ERASE_JOB, erasure_id, job_id=job_id, result_ttl=0, failure_ttl=3600, job_timeout=3600,
                    description="erase a customer",
                )  # fmt: skip
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error

    def enqueue_fold(self) -> None:
        """Have a worker go on with folding overrides, unless a job for it waits already. Raises QueueUnavailable."""
        try:
            if not any(str(job_id).startswith("fold-") for job_id in self._queue.get_job_ids()):
                self._queue.enqueue(
                    FOLD_JOB, job_id=f"fold-{uuid.uuid4().hex}", result_ttl=0, failure_ttl=3600, job_timeout=600,
                    description="fold overrides into the rows",
                )  # fmt: skip
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error

    def enqueue_check(self, check_id: int, turn: int) -> None:
        """Have a worker take this turn of a check of the customers, unless a job for it waits already."""
        job_id = f"check-{check_id}-{turn}"
        try:
            if not self._is_queued(job_id):
                self._queue.enqueue(
                    CHECK_JOB, check_id, turn, job_id=job_id, result_ttl=0, failure_ttl=3600, job_timeout=3600,
                    description="check the customers",
                )  # fmt: skip
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error

    def sweep(self) -> list[int]:
        """Queue a job for each partition where messages wait and nobody works; returns these partitions.

        This is what goes on after a death: of a worker with the lease, or of a web process between the append
        and the queueing.
        """
        # A schedule process that was killed leaves its name in RQ's registry for ever.
        cron_scheduler_registry.cleanup(self.client)
        swept = []
        for number in range(self.partitions()):
            names = ("stream", "lease", "job")
            stream, lease, job = (partition_key(number, name) for name in names)
            if not self.client.xlen(stream) or self.client.exists(lease):
                continue
            known = self.client.get(job)
            if known and self._is_queued(str(known, "ascii") if isinstance(known, bytes) else known):
                continue
            job_id = f"drain-{number}-{uuid.uuid4().hex}"
            self.client.set(job, job_id, ex=JOB_LIFETIME_SECONDS)
            self.enqueue_drain(number, job_id)
            swept.append(number)
        return swept

    def _is_queued(self, job_id: str) -> bool:
        return self.client.exists(Job.key_for(job_id)) == 1 and job_id in self._queue.get_job_ids()

    def counters(self, project_id: int) -> Counters:
        """All partitions' counters of a project, read in one step. Raises QueueUnavailable."""
        try:
            with self.client.pipeline(transaction=True) as pipeline:
                for number in range(self.partitions()):
                    pipeline.hgetall(partition_key(number, "counters"))
                found = pipeline.execute()
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error
        counters = Counters()
        prefix = f"{project_id}:".encode()
        for fields in found:
            for name, value in fields.items():
                if name.startswith(prefix):
                    _add(counters, name[len(prefix) :].decode(), int(value))
        return counters

    def waiting(self, project_id: int) -> int:
        """Messages of a project that wait for a worker. Raises QueueUnavailable."""
        try:
            with self.client.pipeline(transaction=False) as pipeline:
                for number in range(self.partitions()):
                    pipeline.hget(partition_key(number, "counters"), f"{project_id}:waiting")
                return sum(int(value or 0) for value in pipeline.execute())
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error

    def forget_counters(self, project_id: int) -> None:
        """Of what is deleted as a whole. Raises QueueUnavailable."""
        prefix = f"{project_id}:".encode()
        try:
            for number in range(self.partitions()):
                key = partition_key(number, "counters")
                known: Any = self.client.hkeys(key)
                names = [name for name in known if name.startswith(prefix)]
                if names:
                    self.client.hdel(key, *names)
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error

    def backlog(self) -> dict[int, int]:
        """Messages waiting in each partition. Raises QueueUnavailable."""
        try:
            return {
                number: self.client.xlen(partition_key(number, "stream"))
                for number in range(self.partitions())
            }
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error

    def memory(self) -> Memory:
        """Raises QueueUnavailable."""
        try:
            known = self.client.info("memory")
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error
        return Memory(int(known["used_memory"]), int(known.get("maxmemory", 0)))

    def ping(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def close(self) -> None:
        """Queue the jobs that are still to be queued, and disconnect. Appending again connects again."""
        if self._enqueuer is not None:
            self._idle.put(None)
            self._enqueuer.join(timeout=SOCKET_TIMEOUT_SECONDS)
            self._enqueuer = None
        self.client.close()

    def _on_idle(self, partition: int, job_id: str) -> None:
        """Queue the job beside the request: RQ's own round trips must not delay the answer."""
        self._idle.put((partition, job_id))
        if self._enqueuer is None or not self._enqueuer.is_alive():
            self._enqueuer = threading.Thread(target=self._enqueue_idle, name="enqueuer", daemon=True)
            self._enqueuer.start()

    def _enqueue_idle(self) -> None:
        while (wanted := self._idle.get()) is not None:
            partition, job_id = wanted
            try:
                self.client.set(partition_key(partition, "job"), job_id, ex=JOB_LIFETIME_SECONDS, xx=True)
                self.enqueue_drain(partition, job_id)
            except RedisError:
                continue  # the sweeper finds the partition


def _add(counters: Counters, name: str, value: int) -> None:
    if name.startswith("dropped:"):
        reason = name.removeprefix("dropped:")
        counters.dropped[reason] = counters.dropped.get(reason, 0) + value
    else:
        setattr(counters, name, getattr(counters, name) + value)
