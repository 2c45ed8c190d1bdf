"""What the collector is measured against: a WSGI callable that parses the same JSON, writes it to the same Redis
and answers, and does nothing else. It knows no keys, no limits, no bad input, no partitions and no counters."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec
import redis

client = redis.Redis.from_url(os.environ["BENCHMARK_REDIS_URL"], protocol=2)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    msgspec.json.decode(body)
    client.xadd("bare", {"m": body})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b'{"status":"accepted"}']
