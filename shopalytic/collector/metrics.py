"""What the collector counts for Prometheus."""

from __future__ import annotations

from functools import cache
from typing import Any

from prometheus_client import Counter

_requests = Counter(
    "shopalytic_collector_requests", "Requests to the collector, by door and HTTP status.", ["door", "status"]
)
_messages = Counter(
    "shopalytic_collector_messages",
    "Messages by door: accepted into the stream, rejected, or sent to the sandbox.",
    ["door", "result"],
)

_client_drops = Counter(
    "shopalytic_client_dropped_messages",
    "Messages that clients gave up before they could send them, as they say themselves.",
)
CLIENT_DROPS_LIMIT = 1_000_000
"""More than any queue holds: said by nobody's tag, and no figure to add."""


@cache
def requests_of(door: str, status: int) -> Counter:
    """Kept: `labels` costs more than the counting."""
    return _requests.labels(door, str(status))


@cache
def messages_of(door: str, result: str) -> Counter:
    return _messages.labels(door, result)


def count_client_drops(said: Any) -> None:
    """said: the body's member `dropped`, unchecked; what is no sensible number counts nothing."""
    if isinstance(said, int) and not isinstance(said, bool) and 0 < said <= CLIENT_DROPS_LIMIT:
        _client_drops.inc(said)
