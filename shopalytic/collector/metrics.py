"""What the collector counts for Prometheus."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter

_requests = Counter(
    "shopalytic_collector_requests", "Requests to the collector, by door and HTTP status.", ["door", "status"]
)
_messages = Counter(
    "shopalytic_collector_messages",
    "Messages by door: accepted into the stream, rejected, or sent to the sandbox.",
    ["door", "result"],
)


@cache
def requests_of(door: str, status: int) -> Counter:
    """Kept: `labels` costs more than the counting."""
    return _requests.labels(door, str(status))


@cache
def messages_of(door: str, result: str) -> Counter:
    return _messages.labels(door, result)
