"""Names of the Redis keys. A partition's keys share a hash tag, so that a Redis Cluster keeps them together."""

from __future__ import annotations

from zlib import crc32

QUEUE = "shopalytic"
"""The RQ queue that all jobs go through."""
PARTITIONS = "shopalytic:partitions"
"""The most partitions that this queue ever had: fewer in the settings must not strand what waits in the others."""


def partition_of(visitor_key: str, partitions: int) -> int:
    """Stable over processes and versions: a visitor's messages must stay in one partition, in order."""
    return crc32(visitor_key.encode("utf-8", "surrogatepass")) % partitions


def partition_key(partition: int, name: str) -> str:
    return f"{{shopalytic:{partition}}}:{name}"
