"""Keeps what `session_id` asks to keep: settings, the current database, temporary tables."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from shopalytic.store.server.engine import Connection, Engine, quote
from shopalytic.store.server.failures import (
    INVALID_SESSION_TIMEOUT,
    READONLY,
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    refusal,
)
from shopalytic.store.server.request import QueryRequest

_LONGEST_SECONDS = 3600
_SESSIONS_LIMIT = 1000


class _Session:
    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.is_busy = False
        self.expires_at = 0.0


class Sessions:
    """Sessions by id. One costs nothing until a statement leaves something to keep."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def connection(
        self, request: QueryRequest, statement: bytes, tag: str, *, keeps_state: bool
    ) -> Iterator[Connection]:
        """A connection that is ready for the request's statement, given back at the end.

        Without a session, and in one that keeps nothing yet, it is a fresh one: nothing that one request
        sets can reach another. Raises StatementFailed for a setting or database that does not exist, and for
        a session that is missing or in use.
        """
        if not request.session_id:
            with self._fresh(request, tag) as connection:
                yield connection
            return
        session = self._take(request)
        try:
            if session.connection is None and not keeps_state:
                with self._fresh(request, tag) as connection:
                    yield connection
                return
            if session.connection is None:
                session.connection = self._engine.connect()
            with _borrowed(session.connection, request, statement, tag) as connection:
                yield connection
        finally:
            self._give_back(request, session)

    def close(self) -> None:
        with self._lock:
            for session in self._sessions.values():
                if session.connection is not None:
                    session.connection.close()
            self._sessions.clear()

    @contextmanager
    def _fresh(self, request: QueryRequest, tag: str) -> Iterator[Connection]:
        connection = self._engine.connect()
        try:
            settings = list(request.settings)
            if request.is_readonly and not any(name == "readonly" for name, _ in settings):
                settings.append(("readonly", b"2"))
            connection.apply(settings, request.parameters, request.database, tag)
            yield connection
        finally:
            connection.close()

    def _take(self, request: QueryRequest) -> _Session:
        if not re.fullmatch(r"[0-9]{1,6}", request.session_timeout) or (
            int(request.session_timeout) > _LONGEST_SECONDS
        ):
            raise refusal(INVALID_SESSION_TIMEOUT, f"Invalid session timeout: '{request.session_timeout}'")
        with self._lock:
            self._drop_expired()
            session = self._sessions.get(request.session_id)
            if session is None and request.session_check:
                raise refusal(SESSION_NOT_FOUND, f"Session {request.session_id} not found")
            if session is None:
                if len(self._sessions) >= _SESSIONS_LIMIT:
                    raise refusal(
                        TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many sessions. Maximum: {_SESSIONS_LIMIT}"
                    )
                session = self._sessions[request.session_id] = _Session()
            if session.is_busy:
                raise refusal(
                    SESSION_IS_LOCKED, f"Session {request.session_id} is locked by a concurrent client"
                )
            session.is_busy = True
            return session

    def _give_back(self, request: QueryRequest, session: _Session) -> None:
        with self._lock:
            session.is_busy = False
            session.expires_at = time.monotonic() + int(request.session_timeout)
            if request.other.get("close_session") == b"1":
                self._sessions.pop(request.session_id, None)
                if session.connection is not None:
                    session.connection.close()

    def _drop_expired(self) -> None:
        now = time.monotonic()
        for session_id, session in list(self._sessions.items()):
            if not session.is_busy and session.expires_at < now:
                del self._sessions[session_id]
                if session.connection is not None:
                    session.connection.close()


@contextmanager
def _borrowed(
    connection: Connection, request: QueryRequest, statement: bytes, tag: str
) -> Iterator[Connection]:
    """The session's own connection, with this request's settings for this one statement.

    `readonly` could not be taken back, so the engine is asked what the statement would do instead.
    """
    settings = [pair for pair in request.settings if pair[0] != "readonly"]
    wants_readonly = any(name == "readonly" and value != b"0" for name, value in request.settings)
    if (request.is_readonly or wants_readonly) and not connection.is_read_only(statement):
        raise refusal(READONLY, "default: Cannot execute query in readonly mode.")
    before = _read_settings(connection, [name for name, _ in settings])
    try:
        connection.apply(settings, request.parameters, request.database, tag)
        yield connection
    finally:
        for name, value in before.items():
            connection.execute(
                b"SET " + name.encode() + b" = " + (b"DEFAULT" if value is None else quote(value))
            )


def _read_settings(connection: Connection, names: list[str]) -> dict[str, bytes | None]:
    """Values that were set; None for those at their default. Unknown names are left out."""
    if not names:
        return {}
    listed = b", ".join(quote(name.encode()) for name in names)
    answer = connection.execute(
        b"SELECT name, value, changed FROM system.settings WHERE name IN (" + listed + b")", "TabSeparatedRaw"
    ).bytes()
    found: dict[str, bytes | None] = {}
    for line in answer.splitlines():
        name, value, changed = line.split(b"\t")
        found[name.decode()] = value if changed == b"1" else None
    return found
