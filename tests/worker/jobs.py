"""Jobs that the tests queue."""

from __future__ import annotations

import redis

from tests.supervisor.polling import wait_until


def count(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.incr("count")


def wait_for_go(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.set("waiting", 1)
        wait_until(lambda: client.get("go"))
