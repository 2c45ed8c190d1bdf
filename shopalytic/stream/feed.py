"""What becomes of messages, told to whoever is watching at the moment.

Nothing that counts rests on it: it is kept for minutes, of limited size, and lost where Redis has no room or does not
answer. A project that nobody watches costs a worker one look at the list of watched ones in a second.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import redis
from redis.exceptions import RedisError, ResponseError

from shopalytic.errors import QueueUnavailable

WATCHED = "shopalytic:watched"
WATCH_SECONDS = 300
"""A project is watched for so long after the last look: who tries his shop in another tab asks for nothing meanwhile."""
WATCHED_READ_SECONDS = 1.0
ENTRIES_KEPT = 200
ENTRY_LIMIT_BYTES = 48 * 1024
FEED_SECONDS = 900
ANSWER_SECONDS = 30
MEMORY_SHARE_LIMIT = 0.7
"""Of the memory cap: messages may have up to 90 % of it, and RQ needs the rest."""

START = "0-0"
_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


class Entry(NamedTuple):
    """id: rises with time; what `read` continues after."""

    id: str
    content: bytes


class Page(NamedTuple):
    """is_gap: entries between `after` and the first of these are gone, since more came than are kept."""

    entries: list[Entry]
    is_gap: bool


class Feed:
    """Threads may share one. now: in seconds since 1970, as all machines know it."""

    def __init__(self, client: redis.Redis, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._now = now
        self._watched: frozenset[int] = frozenset()
        self._read_at = 0.0

    def watch(self, project_id: int) -> bool:
        """From now on, for WATCH_SECONDS, messages of the project are told. False where they were not before.

        Raises QueueUnavailable.
        """
        now = self._now()
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.zremrangebyscore(WATCHED, "-inf", now)
                pipeline.zadd(WATCHED, {str(project_id): now + WATCH_SECONDS})
                _, is_new = pipeline.execute()
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error
        return not is_new

    def watched(self) -> frozenset[int]:
        """The projects that somebody watches, as of at most a second ago. Raises nothing; empty where memory is short."""
        now = self._now()
        if abs(now - self._read_at) < WATCHED_READ_SECONDS:
            return self._watched
        self._read_at = now
        try:
            found: Any = self._client.zrangebyscore(WATCHED, now, "+inf")
            self._watched = frozenset(map(int, found)) if found and self._has_room() else frozenset()
        except (RedisError, OSError, ValueError):
            self._watched = frozenset()
        return self._watched

    def publish(self, project_id: int, contents: Sequence[bytes]) -> None:
        """Tell what became of messages, the newest last. Only the last ENTRIES_KEPT stay. Raises nothing."""
        key = _feed_key(project_id)
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for content in contents[-ENTRIES_KEPT:]:
                    if len(content) <= ENTRY_LIMIT_BYTES:
                        pipeline.xadd(key, {"c": content}, maxlen=ENTRIES_KEPT, approximate=False)
                pipeline.expire(key, FEED_SECONDS)
                pipeline.execute()
        except (RedisError, OSError):
            return

    def read(self, project_id: int, after: str = START) -> Page:
        """What was told after the entry `after`, the oldest first. Raises QueueUnavailable, ValueError for no entry's id."""
        if not _ID.fullmatch(after):
            raise ValueError(f"{after!r} is no entry of the feed")
        key = _feed_key(project_id)
        try:
            found: Any = self._client.xrange(key, f"({after}", "+")
            is_gap = False
            if after != START and len(found) >= ENTRIES_KEPT:
                is_gap = not self._client.xrange(key, after, after)
        except ResponseError as error:
            raise ValueError(f"{after!r} is no entry of the feed") from error
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error
        return Page([Entry(id.decode(), fields[b"c"]) for id, fields in found], is_gap)

    def find_last(self, project_id: int) -> str:
        """The id of the newest entry; START where there is none. Raises QueueUnavailable."""
        try:
            found: Any = self._client.xrevrange(_feed_key(project_id), count=1)
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error
        return found[0][0].decode() if found else START

    def answer(self, ticket: str, contents: Sequence[bytes]) -> None:
        """Tell whoever waits with this ticket. Raises nothing; where nobody waits any more, it expires."""
        key = _ticket_key(ticket)
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.rpush(key, *contents)
                pipeline.expire(key, ANSWER_SECONDS)
                pipeline.execute()
        except (RedisError, OSError):
            return

    def wait(self, ticket: str, count: int, seconds: float) -> list[bytes]:
        """Up to `count` answers told with the ticket, as far as they come in time. Raises nothing."""
        key = _ticket_key(ticket)
        answers: list[bytes] = []
        ends_at = time.monotonic() + seconds
        try:
            while len(answers) < count and (left := ends_at - time.monotonic()) > 0:
                found: Any = self._client.blpop([key], timeout=max(left, 0.01))
                if found is None:
                    break
                answers += [found[1], *self._take(key, count - len(answers) - 1)]
        except (RedisError, OSError):
            pass
        return answers

    def _take(self, key: str, most: int) -> list[bytes]:
        """What is there already, in one round trip: a batch has hundreds."""
        found: Any = self._client.lpop(key, most) if most else None
        return found or []

    def clear(self, project_id: int) -> None:
        """Let go of what was told so far. Raises QueueUnavailable."""
        try:
            self._client.delete(_feed_key(project_id))
        except RedisError as error:
            raise QueueUnavailable(f"The queue does not answer: {error}") from error

    def _has_room(self) -> bool:
        known: Any = self._client.info("memory")
        limit = int(known.get("maxmemory", 0))
        return not limit or int(known["used_memory"]) <= limit * MEMORY_SHARE_LIMIT


def _feed_key(project_id: int) -> str:
    return f"shopalytic:feed:{project_id}"


def _ticket_key(ticket: str) -> str:
    return f"shopalytic:ticket:{ticket}"
