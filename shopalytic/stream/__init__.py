"""The durable queue: append, claim, acknowledge. Redis Streams, partitioned by visitor."""

from shopalytic.stream.reader import Batch, LeaseLost, Partition, SessionState
from shopalytic.stream.stream import Counters, Stream

__all__ = ["Batch", "Counters", "LeaseLost", "Partition", "SessionState", "Stream"]
