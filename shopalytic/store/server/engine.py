"""The one ClickHouse engine of this process, and connections to it."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from shopalytic.store.server.failures import (
    UNKNOWN_FORMAT,
    UNKNOWN_QUERY_PARAMETER,
    UNKNOWN_SETTING,
    StoreNotOpened,
    parse_failure,
    refusal,
)
from shopalytic.store.server.folder import Folder, explain
from shopalytic.store.server.library import load_chdb
from shopalytic.store.server.rows import file_of
from shopalytic.store.server.statement import iterate_tokens
from shopalytic.store.server.summary import Summary

log = logging.getLogger(__name__)

TAG = "stream_like_engine_insert_queue"
"""A setting that does nothing here and is seen in system.processes: by it a running statement is found again.
The engine makes its own query ids and takes none."""

_BASE_SETTINGS = ("implicit_select = 0", "async_insert = 0")
"""As a server: `x` alone is no query. Rows are acknowledged when they are in the table: tokens rely on it."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_PARAMETER_NAME = re.compile(r"\w+\Z", re.ASCII)
_STATEMENT_BYTES = 200_000
"""Safely below the engine's default for `max_query_size`."""
_FORMAT_NAME = re.compile(r"\w+\Z", re.ASCII)
_NOT_STREAMED = "Streaming query is not supported"

Settings = Iterable[tuple[str, bytes]]


class Engine:
    """Opened once in a process and closed at its end; the engine does not survive being opened again.

    Raises StoreNotOpened where the folder's contents or its disk keep the engine from starting.
    """

    def __init__(self, folder: Folder, *, memory_limit_bytes: int, fsync: bool) -> None:
        with _utc():
            self._chdb = load_chdb()
        self._chdb.set_signal_handlers_enabled(0)
        config = folder.path / "engine.xml"
        try:
            config.write_text(_config(memory_limit_bytes, fsync, folder))
        except OSError as error:
            raise StoreNotOpened(explain(folder.path, error)) from None
        self._address = f"{folder.engine}?config-file={config}"
        try:
            with _utc():
                self._root = Connection(self._chdb.connect(self._address), folder.scratch)
            self.version, self.timezone = self._root.read_row("SELECT version(), timezone()")
        except Exception as error:
            raise StoreNotOpened(explain(folder.path, error)) from None
        self._scratch = folder.scratch
        self._root_use = threading.Lock()

    def connect(self) -> Connection:
        """A connection with settings, database and temporary tables of its own; for one thread at a time."""
        try:
            raw = self._chdb.connect(self._address)
        except RuntimeError as error:
            raise parse_failure(str(error)) from None
        connection = Connection(raw, self._scratch)
        connection.execute(b"SET " + ", ".join(_BASE_SETTINGS).encode())
        return connection

    def kill(self, tag: str) -> None:
        """Stop the running statement that was tagged so; nothing happens where none runs."""
        statement = f"KILL QUERY WHERE Settings['{TAG}'] = {quote(tag.encode()).decode()} ASYNC"
        with self._root_use, suppress(Exception):
            self._root.execute(statement.encode())

    def release_memory(self) -> None:
        """Give the memory that statements have left unused back to the system."""
        with self._root_use, suppress(Exception):
            self._root.execute(b"SYSTEM JEMALLOC PURGE")

    def close(self) -> None:
        """Twice is harmless. No connection may be in use."""
        self._root.close()


class WholeResult:
    """A result in the engine's memory, in one piece or none; outlives its connection.

    A memoryview of it does not keep it: with the result gone, the view shows whatever came there next.
    """

    def __init__(self, result: Any) -> None:
        self._result = result

    def __iter__(self) -> Iterator[memoryview]:
        if self._result.size():
            yield self._result.get_memview().view()


class _Closed:
    """In the place of a closed connection, whose every use would crash the process."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{name} on a connection that is closed")


class Connection:
    """One session of the engine. Every failure is raised as StatementFailed with the engine's own words."""

    def __init__(self, raw: Any, scratch: Path) -> None:
        self._raw = raw
        self._scratch = scratch
        self._stream: Any = None

    def apply(
        self, settings: Settings, parameters: dict[str, bytes], database: bytes = b"", tag: str = ""
    ) -> None:
        """Set what the next statements run with. `readonly` takes effect last, after it nothing can be set."""
        if database:
            self.execute(b"USE " + quote_identifier(database))
        clauses = [_setting(TAG, tag.encode())] if tag else []
        last = [_setting(name, value) for name, value in settings if name == "readonly"]
        self._bind(parameters)
        clauses += [_setting(name, value) for name, value in settings if name != "readonly"]
        for group in (clauses, last):
            if group:
                self.execute(b"SET " + b", ".join(group))

    def _bind(self, parameters: dict[str, bytes]) -> None:
        clauses = []
        for name, value in parameters.items():
            if not _PARAMETER_NAME.match(name):
                raise refusal(UNKNOWN_QUERY_PARAMETER, f"'{name}' cannot be a parameter's name.")
            clauses.append(b"param_" + name.encode() + b" = " + quote(value))
        if not clauses:
            return
        statement = b"SET " + b", ".join(clauses)
        # The values of placeholders are no part of a request's statement and do not count against its size.
        is_long = len(statement) > _STATEMENT_BYTES
        if is_long:
            self.execute(b"SET max_query_size = %d" % (2 * len(statement)))
        self.execute(statement)
        if is_long:
            self.execute(b"SET max_query_size = DEFAULT")

    def execute(self, statement: bytes, format_name: str = "TabSeparated") -> Any:
        """Run a statement; the result holds the answer's bytes in the engine's memory."""
        return self._call(self._raw.query, statement, format_name)

    def query(self, statement: bytes, format_name: str, summary: Summary) -> WholeResult:
        """Run a statement whole."""
        result = self.execute(statement, format_name)
        summary.add(result)
        return WholeResult(result)

    def stream(self, statement: bytes, format_name: str, summary: Summary) -> Iterator[memoryview]:
        """Give the answer in pieces, each a whole document of the format, as they are made."""
        try:
            handle = self._raw.send_query(statement, format_name)
        except RuntimeError as error:
            if _NOT_STREAMED not in str(error):
                raise parse_failure(str(error)) from None
            whole = self.query(statement, format_name, summary)
            yield from whole
            return
        self._stream = handle
        try:
            while True:
                piece = self._call(self._raw.streaming_fetch_result, handle)
                summary.add(piece)
                if not piece.size():
                    return
                yield piece.get_memview().view()
        finally:
            self._end_stream()

    def _end_stream(self) -> None:
        """Stop the result that is being streamed, if one is."""
        handle, self._stream = self._stream, None
        if handle is not None:
            with suppress(Exception):
                self._raw.streaming_cancel_query(handle)

    def insert(self, head: bytes, format_name: str, pieces: Iterable[bytes], summary: Summary) -> None:
        """Insert rows that are written in an input format. `pieces` may cut anywhere.

        The rows take the way over a file: the engine's own way in for pieces says that all went well where
        it could parse the rows but not write them, as on a full disk.
        Where `pieces` raises nothing is inserted.
        """
        if not _FORMAT_NAME.match(format_name):
            raise refusal(UNKNOWN_FORMAT, f"Unknown format {format_name}.")
        before, after = _split_settings(head)
        with file_of(pieces, self._scratch) as path:
            source = b" FROM INFILE " + quote(path) + b" COMPRESSION 'none' "
            summary.add(self.execute(before + source + after + b" FORMAT " + format_name.encode()))

    def read_row(self, statement: str) -> list[str]:
        """The first row of a query, as text."""
        answer: bytes = self.execute(statement.encode()).bytes()
        return answer.decode().rstrip("\n").split("\n")[0].split("\t")

    def is_read_only(self, statement: bytes) -> bool:
        described = self._call(self._raw.classify_query, statement)
        return str(described["query_class"]).endswith("READ_ONLY")

    def close(self) -> None:
        """Twice is harmless. A stream that was not read to its end gives nothing more."""
        if not isinstance(self._raw, _Closed):
            self._end_stream()
            raw, self._raw = self._raw, _Closed()
            raw.close()

    @staticmethod
    def _call(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except RuntimeError as error:
            raise parse_failure(str(error)) from None
        except UnicodeDecodeError as error:
            # The engine quotes a row by bytes and may cut a character in two; without its number the row's own
            # fault would be the store's.
            raise parse_failure(error.object.decode("utf-8", "replace")) from None
        if result is not None and hasattr(result, "has_error") and result.has_error():
            raise parse_failure(str(result.error_message()))
        return result


@contextmanager
def _utc() -> Iterator[None]:
    """The engine takes its time zone from the environment, once; its configuration is not asked for it.

    A DateTime without a zone of its own means the same on every machine this way.
    """
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before


def quote(value: bytes) -> bytes:
    """A string literal. Backslash and quote are the only bytes that could end it."""
    return b"'" + value.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def quote_identifier(name: bytes) -> bytes:
    return b"`" + name.replace(b"\\", b"\\\\").replace(b"`", b"\\`") + b"`"


def _split_settings(head: bytes) -> tuple[bytes, bytes]:
    """An INSERT's head before its SETTINGS, and from there on."""
    previous = b""
    for token in iterate_tokens(head):
        if token.upper == b"SETTINGS" and token.depth == 0 and previous not in (b".", b"INTO", b"TABLE"):
            return head[: token.start], head[token.start :]
        previous = token.upper
    return head, b""


def _setting(name: str, value: bytes) -> bytes:
    if not _NAME.match(name):
        raise refusal(UNKNOWN_SETTING, f"Setting {name!r} is not a setting's name.")
    return name.encode() + b" = " + quote(value)


def _config(memory_limit_bytes: int, fsync: bool, folder: Folder) -> str:
    flag = int(fsync)
    # The mark cache alone may take 5 GB by default, uncapped by anything that small machines have.
    marks = min(256 << 20, memory_limit_bytes // 16)
    return f"""<clickhouse>
    <max_server_memory_usage>{memory_limit_bytes}</max_server_memory_usage>
    <mark_cache_size>{marks}</mark_cache_size>
    <index_mark_cache_size>{marks // 4}</index_mark_cache_size>
    <tmp_path>{escape(str(folder.scratch))}/</tmp_path>
    <max_thread_pool_free_size>16</max_thread_pool_free_size>
    <logger><level>none</level></logger>
    <merge_tree>
        <fsync_after_insert>{flag}</fsync_after_insert>
        <fsync_part_directory>{flag}</fsync_part_directory>
    </merge_tree>
</clickhouse>
"""
