"""One POST of a batch, and what its answer means."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import IO, Any

RETRIED_STATUSES = frozenset({408, 429})
OUTAGES_FROM = 502
"""Statuses from here on, and those above, are of something that is away; a 500 is the collector's own fault."""
RETRY_AFTER_SECONDS_MOST = 300.0
GZIP_FROM_BYTES = 1024
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Answered:
    """The collector judged each message: None for one that it took, else reason and place."""

    results: list[tuple[str, str] | None]


@dataclass(frozen=True)
class TooMuch:
    """413: less at once may pass."""

    reason: str


@dataclass(frozen=True)
class Later:
    """No answer, or one that says "not now". retry_after_seconds: None where it named no time.

    is_outage: something is away, whatever the batch holds; else these messages themselves may be what breaks it.
    """

    reason: str
    retry_after_seconds: float | None = None
    is_outage: bool = True


@dataclass(frozen=True)
class Refused:
    """The same batch would be refused again."""

    reason: str


Reply = Answered | TooMuch | Later | Refused


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive elsewhere, as a GET, with the key."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Transport:
    """Thread-safe; keeps no connection, so that a fork shares none."""

    def __init__(self, key: str, address: str, *, timeout_seconds: float, packs: bool, library: str) -> None:
        self._url = f"{address}/batch"
        self._timeout_seconds = timeout_seconds
        self._packs = packs
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "User-Agent": library,
        }
        self._opener = urllib.request.build_opener(_StayHere)

    def post(self, items: list[bytes]) -> Reply:
        """items: encoded messages. Never raises an Exception: what goes wrong on the way is a Later."""
        body = b'{"sent_at":%d,"events":[%b]}' % (time.time_ns() // 1_000_000, b",".join(items))
        headers = dict(self._headers)
        if self._packs and len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 6)
            headers["Content-Encoding"] = "gzip"
        request = urllib.request.Request(self._url, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as response:
                return _read_results(response, len(items))
        except urllib.error.HTTPError as error:
            with error:
                return _judge(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Later(f"The collector does not answer: {error or type(error).__name__}")


def _read_results(response: IO[bytes], count: int) -> Reply:
    """An answer that is no collector's comes from something in between, which may be gone later."""
    try:
        results = json.loads(response.read(ANSWER_LIMIT_BYTES))["results"]
        if len(results) != count:
            return Later(f"The answer has {len(results)} results for {count} messages.", is_outage=False)
        return Answered(
            [
                None if one["status"] == "accepted" else (str(one.get("error", "")), str(one.get("at") or ""))
                for one in results
            ]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Later("What answers at this address is no collector.")


def _judge(error: urllib.error.HTTPError) -> Reply:
    reason = f"HTTP {error.code}: {_find_reason(error) or error.reason}"
    if error.code == 413:
        return TooMuch(reason)
    if error.code in RETRIED_STATUSES or error.code >= 500:
        is_outage = error.code in RETRIED_STATUSES or error.code >= OUTAGES_FROM
        return Later(reason, parse_retry_after(error.headers.get("Retry-After")), is_outage)
    return Refused(reason)


def _find_reason(error: urllib.error.HTTPError) -> str | None:
    try:
        return str(json.loads(error.read(65536))["error"]["message"])[:500]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None


def parse_retry_after(text: str | None) -> float | None:
    """Seconds from now, at most five minutes; takes a number or an HTTP date. None for anything else."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            return None
    # A NaN compares as neither.
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MOST) if seconds == seconds else None
