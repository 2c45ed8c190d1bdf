"""What the doors refuse, told to the debugger of the project whose key came with it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import threading
import time
from collections.abc import Iterator

import msgspec
import structlog

from shopalytic.accounts.db import reading
from shopalytic.accounts.sandboxes import find_sandbox
from shopalytic.collector.body import BODY
from shopalytic.collector.keys import KeyCache
from shopalytic.collector.sender import AGENT_LIMIT, Environ
from shopalytic.errors import Rejected, ShopalyticError
from shopalytic.parts import Parts
from shopalytic.pipeline.told import RAW_LIMIT_BYTES, Told

log = structlog.get_logger(__name__)

PROJECT = "shopalytic.project"
"""Where a request keeps whose it is, at doors whose keys are not of the kind that is looked for here."""
TOLD_PER_SECOND = 20
"""By one process: who sends nothing but refused messages must not push all others out of the feed."""
KEY = re.compile(rb"sha_(?:pub|sec)_[A-Za-z0-9]{24,40}")
SECRET = re.compile(rb"(sha_sec_)[A-Za-z0-9]+")
IN_SANDBOX = re.compile(rb'"sandbox"\s*:\s*true')
SEARCHED_BYTES = 64 * 1024

_encode = msgspec.json.Encoder().encode


class Refused:
    """One per process; threads share it. Its methods raise nothing: the sender is answered whoever watches."""

    def __init__(self, parts: Parts, keys: KeyCache) -> None:
        self._parts = parts
        self._keys = keys
        self._mutex = threading.Lock()
        self._second = 0
        self._told = 0

    def tell_request(self, environ: Environ, door: str, error: ShopalyticError) -> None:
        """A request that was refused as a whole; told where it names a project that somebody watches."""
        if not isinstance(error, Rejected) or not self._parts.stream.feed.watched():
            return
        query = str(environ.get("QUERY_STRING", "")).encode("latin-1", "replace")
        body: bytes = environ.get(BODY, b"") or query
        project_id = environ.get(PROJECT) or self._find_project(environ, body)
        if project_id:
            agent = str(environ.get("HTTP_USER_AGENT", ""))[:AGENT_LIMIT]
            self.tell_item(project_id, door, body, error, user_agent=agent)

    def tell_item(
        self, project_id: int, door: str, raw: bytes, error: ShopalyticError, *, user_agent: str = "",
        is_sandbox: bool | None = None,
    ) -> None:  # fmt: skip
        """A message that was refused. is_sandbox: where it was meant for; None: as it says itself."""
        try:
            watched = self._parts.stream.feed.watched()
            if not watched or not self._may_tell():
                return
            in_sandbox = bool(IN_SANDBOX.search(raw)) if is_sandbox is None else is_sandbox
            target = self._find_sandbox(project_id) if in_sandbox else project_id
            if target in watched:
                self._parts.stream.feed.publish(target, [_make(door, raw, error, user_agent)])
        except Exception:
            log.exception("a refusal could not be told")

    def _find_project(self, environ: Environ, body: bytes) -> int | None:
        known = (self._keys.find_known(key) for key in _find_keys(environ, body))
        return next((access.project_id for access in known if access is not None), None)

    def _find_sandbox(self, project_id: int) -> int:
        """0 where there is none; nobody watches that."""
        with reading(self._parts.sessions) as db:
            return find_sandbox(db, project_id) or 0

    def _may_tell(self) -> bool:
        with self._mutex:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._told = second, 0
            self._told += 1
            return self._told <= TOLD_PER_SECOND


def _make(door: str, raw: bytes, error: ShopalyticError, user_agent: str) -> bytes:
    now_ms = time.time_ns() // 1_000_000
    return _encode(
        Told(
            outcome="refused",
            door=door,
            received_at_ms=now_ms,
            told_at_ms=now_ms,
            reason=error.code,
            sentence=error.message,
            at=error.at or "",
            status=error.status,
            # Shown once to its owner, and to no other member of the project.
            raw=SECRET.sub(rb"\1...", raw)[:RAW_LIMIT_BYTES].decode("utf-8", "replace"),
            is_raw_cut=len(raw) > RAW_LIMIT_BYTES,
            user_agent=user_agent.encode("utf-8", "replace").decode(),
        )
    )


def _find_keys(environ: Environ, body: bytes) -> Iterator[str]:
    """Whatever looks like a key of ours, in the order in which the doors look for one."""
    authorization = str(environ.get("HTTP_AUTHORIZATION", ""))
    scheme, _, credentials = authorization.partition(" ")
    texts = [authorization.encode("latin-1", "replace")]
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, ValueError):
            texts.append(base64.b64decode(credentials.strip()))
    texts += [str(environ.get("PATH_INFO", "")).encode("latin-1", "replace"), body[:SEARCHED_BYTES]]
    for text in texts:
        for found in KEY.findall(text):
            yield found.decode()
