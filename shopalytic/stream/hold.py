"""Standing still for a moment: all partitions held by one, so that nothing is between the stream and the store."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import RedisError

from shopalytic.errors import QueueUnavailable
from shopalytic.stream.keys import partition_key
from shopalytic.stream.reader import Partition
from shopalytic.stream.stream import Stream

PATIENCE_SECONDS = 15
PAUSE_SECONDS = 0.02


class NotHeld(QueueUnavailable):
    """Another worker did not let a partition go, or took one meanwhile. Nothing is held any more."""


def read_ends(stream: Stream) -> dict[int, str]:
    """The last message of each partition that has one waiting: once `is_past` them, all that waited now is done."""
    ends = {}
    for number in range(stream.partitions()):
        newest = stream.client.xrevrange(partition_key(number, "stream"), count=1)
        if newest:
            ends[number] = _id_of(newest)
    return ends


def is_past(stream: Stream, ends: dict[int, str]) -> bool:
    for number, end in ends.items():
        oldest = stream.client.xrange(partition_key(number, "stream"), count=1)
        if oldest and _place(_id_of(oldest)) <= _place(end):
            return False
    return True


@contextmanager
def hold_partitions(stream: Stream) -> Iterator[list[Partition]]:
    """Every partition, leased. Whoever appends does not notice; what waits goes on afterwards.

    The caller first finishes the batches that `has_batch` tells of, and calls `renew` between longer pieces of work.
    Raises NotHeld.
    """
    held: list[Partition] = []
    try:
        for number in range(stream.partitions()):
            held.append(_lease(stream, number))
        yield held
    except RedisError as error:
        raise QueueUnavailable(f"The queue does not answer: {error}") from error
    finally:
        for partition in held:
            job_id = f"drain-{partition.number}-{uuid.uuid4().hex}"
            if partition.release(job_id):
                stream.enqueue_drain(partition.number, job_id)


def renew(held: list[Partition]) -> None:
    """Keep them for as long again. Raises NotHeld where one was lost."""
    for partition in held:
        if not partition.renew():
            raise NotHeld(f"Another worker took partition {partition.number} over.")


def forget_sessions(stream: Stream, project_id: int, visitors: list[str]) -> None:
    """Let the next event of each visitor start a session. Twice is harmless."""
    keys = [
        partition_key(number, f"session:{project_id}:{visitor}")
        for number in range(stream.partitions())
        for visitor in visitors
    ]
    for at in range(0, len(keys), 500):
        stream.client.delete(*keys[at : at + 500])


def _lease(stream: Stream, number: int) -> Partition:
    partition = stream.partition(number)
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not partition.lease():
        if time.monotonic() > ends_at:
            raise NotHeld(f"A worker is still busy with partition {number}.")
        time.sleep(PAUSE_SECONDS)
    return partition


def _id_of(entries: Any) -> str:
    return bytes(entries[0][0]).decode()


def _place(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
