"""The worker's side of a partition: lease, claim, acknowledge.

What makes a batch count once: its composition is remembered in Redis before it is worked on, so that whoever
repeats it works on exactly the same messages; acknowledging it removes them, counts them and remembers their ids in
one step. The lease only keeps two workers from doing the same work; correctness does not rest on it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import redis

from shopalytic.stream.keys import partition_key
from shopalytic.stream.scripts import ACKNOWLEDGE, CLAIM, LEASE, RELEASE, RENEW, SEEN
from shopalytic.stream.writer import JOB_LIFETIME_SECONDS

LEASE_SECONDS = 20
SEEN_GENERATION_SECONDS = 7 * 24 * 3600
"""Message ids are kept in two such generations: at least 7 days, at most 14."""
SEEN_SETS = 16_384
"""So many sets share a generation's ids: sets of up to 512 whole numbers take 8 bytes a number, larger ones 50."""


class LeaseLost(Exception):
    """Another worker has taken the partition over; it repeats the batch, so nothing is lost."""


class SessionState(msgspec.Struct, array_like=True):
    """A visitor's running session as the server keeps it. Instants are UTC milliseconds."""

    session_id: str
    started_at_ms: int
    last_at_ms: int


@dataclass(frozen=True)
class Batch:
    """Messages in the order of their arrival. `name` is the same whenever these messages are claimed again."""

    name: str
    entries: list[bytes]

    @property
    def token(self) -> str:
        return self.name.replace(" ", "_")


@dataclass
class Receipt:
    """What became of a batch, written in one step with its removal.

    counters: (project id, `stored` | `duplicate` | `quarantined` | `dropped:<reason>`) → messages.
    digests: of the message ids seen. states: (project id, tracking id) → the session now running.
    """

    counters: dict[tuple[int, str], int] = field(default_factory=dict)
    digests: list[bytes] = field(default_factory=list)
    states: dict[tuple[int, str], SessionState] = field(default_factory=dict)

    def count(self, project_id: int, outcome: str) -> None:
        self.counters[project_id, outcome] = self.counters.get((project_id, outcome), 0) + 1


class Partition:
    """One partition as one worker sees it while it holds the lease."""

    def __init__(self, client: redis.Redis, number: int, holder: str) -> None:
        self._client = client
        self.number = number
        self._holder = holder
        self._lease = client.register_script(LEASE)
        self._claim = client.register_script(CLAIM)
        self._acknowledge = client.register_script(ACKNOWLEDGE)
        self._release = client.register_script(RELEASE)
        self._seen = client.register_script(SEEN)
        self._renew = client.register_script(RENEW)

    def _key(self, name: str) -> str:
        return partition_key(self.number, name)

    def lease(self) -> bool:
        """Take the partition for LEASE_SECONDS; False where another worker has it. `claim` prolongs it."""
        return bool(self._lease(keys=[self._key("lease")], args=[self._holder, LEASE_SECONDS]))

    def renew(self) -> bool:
        """Keep the lease for LEASE_SECONDS from now; False where another worker has it."""
        return bool(self._renew(keys=[self._key("lease")], args=[self._holder, LEASE_SECONDS]))

    def has_batch(self) -> bool:
        """Whether messages were claimed and not acknowledged yet."""
        return bool(self._client.exists(self._key("batch")))

    def claim(self, most: int) -> Batch | None:
        """The batch to work on: the one not acknowledged last time, else up to `most` messages; None: empty.

        Raises LeaseLost.
        """
        answer = self._claim(
            keys=[self._key(name) for name in ("stream", "batch", "lease", "job")],
            args=[self._holder, LEASE_SECONDS, JOB_LIFETIME_SECONDS, most],
        )
        name = bytes(answer[0]).decode()
        if name == "lost":
            raise LeaseLost(f"partition {self.number}")
        if name == "empty":
            return None
        return Batch(f"{self.number} {name}", [bytes(fields[1]) for _, fields in answer[1]])

    def acknowledge(self, batch: Batch, receipt: Receipt, session_seconds: int) -> bool:
        """Remove the batch and count it. False where that was done before; then nothing changes."""
        pairs: list[str | int] = []
        done: dict[int, int] = {}
        for (project_id, outcome), messages in receipt.counters.items():
            pairs += (f"{project_id}:{outcome}", messages)
            done[project_id] = done.get(project_id, 0) + messages
        for project_id, messages in done.items():
            pairs += (f"{project_id}:waiting", -messages)
        keys = [self._key(name) for name in ("stream", "batch", "counters")]
        states: list[bytes | int] = []
        for (project_id, tracking_id), state in receipt.states.items():
            keys.append(self._state_key(project_id, tracking_id))
            states += (msgspec.json.encode(state), session_seconds)
        name = batch.name.split(" ", 1)[1]
        generation = _generation()
        ends_at = (generation + 2) * SEEN_GENERATION_SECONDS
        arguments: list[str | int | bytes] = [
            name,
            _seen_prefix(generation),
            ends_at,
            len(pairs) // 2,
            *pairs,
        ]
        arguments += [len(receipt.digests), *_places(receipt.digests), *states]
        return bool(self._acknowledge(keys=keys, args=arguments))

    def seen(self, digests: Sequence[bytes]) -> list[bool]:
        """For each message id's digest, whether a batch with it was acknowledged in the last 7 days."""
        if not digests:
            return []
        generation = _generation()
        prefixes = [_seen_prefix(generation), _seen_prefix(generation - 1)]
        return [bool(hit) for hit in self._seen(args=[*prefixes, *_places(digests)])]

    def states(self, visitors: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], SessionState]:
        """The running sessions of (project id, tracking id) pairs that have one."""
        if not visitors:
            return {}
        found = self._client.mget([self._state_key(*visitor) for visitor in visitors])
        return {
            visitor: msgspec.json.decode(text, type=SessionState)
            for visitor, text in zip(visitors, found, strict=True)
            if text is not None
        }

    def release(self, next_job_id: str) -> bool:
        """Give the partition back. True: messages wait, and the caller must queue `next_job_id`."""
        keys = [self._key(name) for name in ("stream", "lease", "job")]
        return bool(self._release(keys=keys, args=[self._holder, next_job_id, JOB_LIFETIME_SECONDS]))

    def _state_key(self, project_id: int, tracking_id: str) -> str:
        return self._key(f"session:{project_id}:{tracking_id}")


def _generation() -> int:
    return int(time.time()) // SEEN_GENERATION_SECONDS


def _seen_prefix(generation: int) -> str:
    """Not of a partition: another number of partitions must not make known messages new."""
    return f"shopalytic:seen:{generation}:"


def _places(digests: Sequence[bytes]) -> list[int]:
    """For each 16-byte digest its set and its number in it: 78 bits tell messages apart."""
    return [
        number
        for digest in digests
        for number in (
            int.from_bytes(digest[8:10], "big") % SEEN_SETS,
            int.from_bytes(digest[:8], "big", signed=True),
        )
    ]
