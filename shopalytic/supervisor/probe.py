"""Asks a part whether it answers yet."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

Address = Path | tuple[str, int]
"""A Unix socket, or host and port."""

ANSWER_TIMEOUT_SECONDS = 2


class Probe(NamedTuple):
    """`answer` is matched at the start of what comes back on `request`."""

    find_address: Callable[[], Address | None]
    request: bytes
    answer: re.Pattern[bytes]


async def is_answering(probe: Probe) -> bool:
    """One try: whether the answer was the wanted one, within two seconds."""
    address = probe.find_address()
    if address is None:
        return False
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            if isinstance(address, Path):
                reader, writer = await asyncio.open_unix_connection(address)
            else:
                reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(probe.request)
                return bool(probe.answer.match(await reader.readline()))
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False


def ping(socket: Path) -> Probe:
    """A Redis or Valkey on a Unix socket; one that still loads its file does not answer +PONG."""
    return Probe(lambda: socket, b"PING\r\n", re.compile(rb"\+PONG"))


def http_get(path: str, find_address: Callable[[], Address | None]) -> Probe:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    return Probe(find_address, request, re.compile(rb"HTTP/1\.[01] 200\b"))


def find_store_address(file: Path) -> Address | None:
    """What the embedded store wrote at its start: None before, or where the file is only half there."""
    try:
        url = urlsplit(json.loads(file.read_bytes())["url"])
        return (url.hostname, url.port) if url.hostname and url.port else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def reachable_host(host: str) -> str:
    """Where to ask a server that listens on `host`: a wildcard address is not one to connect to."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
