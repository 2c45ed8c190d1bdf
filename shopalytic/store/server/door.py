"""The HTTP side: takes requests apart, sends answers, and keeps a broken client from hanging anything."""

from __future__ import annotations

import itertools
import logging
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import cast

from shopalytic.store.server.blocks import encode_blocks
from shopalytic.store.server.body import Buffer, Source, open_body
from shopalytic.store.server.codings import choose_coding, encode
from shopalytic.store.server.execution import Answer, execute, prepare
from shopalytic.store.server.failures import (
    SOCKET_TIMEOUT,
    UNKNOWN_EXCEPTION,
    ClientGone,
    MalformedRequest,
    StatementFailed,
    refusal,
)
from shopalytic.store.server.formats import content_type
from shopalytic.store.server.request import QueryRequest, authenticate, parse_parameters, parse_request
from shopalytic.store.server.server import Server

log = logging.getLogger(__name__)

_LINE_LIMIT_BYTES = 1 << 20
"""As ClickHouse's http_max_uri_size: clients put parameters into the URL."""
_HELD_BYTES = 1 << 20
"""So much of an answer is held back: a failure up to there still gets its own status."""
_WORTH_CODING_BYTES = 1024
_DRAIN_BYTES = 4 << 20
_SILENCE_SECONDS = 120
_OK_PATHS = ("/ping", "/replicas_status")


class Door(BaseHTTPRequestHandler):
    """One connection, with any number of requests one after the other."""

    protocol_version = "HTTP/1.1"
    timeout = _SILENCE_SECONDS
    disable_nagle_algorithm = True
    rbufsize = 256 << 10
    server: Server

    def handle_one_request(self) -> None:
        self.command, self.request_version, self.requestline = "", "HTTP/1.1", ""
        self._has_answered = False
        try:
            self.raw_requestline = self.rfile.readline(_LINE_LIMIT_BYTES + 1)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if len(self.raw_requestline) > _LINE_LIMIT_BYTES:
                raise MalformedRequest("The request line is too long; send the query in the body.", 414)
            with self.server.serving():
                if self.parse_request():
                    self._serve()
        except MalformedRequest as error:
            self.close_connection = True
            self._reply(error.status, f"{error}\n".encode())
        except (ClientGone, OSError):
            self.close_connection = True
        if self.server.is_stopping:
            self.close_connection = True

    def _serve(self) -> None:
        path, _, query_string = self.path.partition("?")
        if self.command not in ("GET", "HEAD", "POST"):
            self.close_connection = True
            self._reply(405, b"Method Not Allowed\n", {"Allow": "GET, HEAD, POST"})
            return
        source: Source | None = None
        try:
            lengths = self.headers.get_all("Content-Length", [])
            source = open_body(cast(object, self.rfile), self.headers, self.command, lengths=lengths)  # type: ignore[arg-type]
            if path in _OK_PATHS or (path == "/" and not query_string and self.command != "POST"):
                self._reply(200, b"Ok.\n", {"Content-Type": "text/html; charset=UTF-8"})
            elif path in ("", "/", "/query"):
                self._query(source, query_string)
            else:
                self._reply(404, f"There is no handle {path}\n\nUse / or /ping for health checks.\n".encode())
        except StatementFailed as failure:
            self._reply_failure(failure)
        except TimeoutError:
            self.close_connection = True
            self._reply_failure(refusal(SOCKET_TIMEOUT, "Timeout exceeded while reading the request's body."))
        except (ClientGone, MalformedRequest, OSError):
            raise
        except Exception as error:
            log.exception("A statement made the event store itself fail")
            self._reply_failure(
                StatementFailed(UNKNOWN_EXCEPTION, f"Code: {UNKNOWN_EXCEPTION}. DB::Exception: {error!r}")
            )
        self._drain(source)

    def _query(self, source: Source, query_string: str) -> None:
        pairs = parse_parameters(query_string)
        authenticate(pairs, self.headers, self.server.options.user, self.server.password)
        request = parse_request(pairs, self.headers, self.command)
        prepared = prepare(request, source, self.headers.get("Content-Type", ""))
        with tempfile.SpooledTemporaryFile(8 << 20, dir=str(self.server.scratch)) as spool:
            with (
                self.server.slots.hold(request.query_id, self.connection) as running,
                execute(prepared, self.server.sessions, running, self.server.scratch) as answer,
            ):
                finish = self._answer(prepared.request, answer, running.query_id, spool)
            # Only now may the client know that it has all: the session, the query id and the thread are free.
            finish()

    def _answer(
        self,
        request: QueryRequest,
        answer: Answer,
        query_id: str,
        spool: tempfile.SpooledTemporaryFile[bytes],
    ) -> Callable[[], None]:
        """Send what has to be sent while the statement runs; what is left is sent by the function returned."""
        pieces, is_whole = _hold(answer, request, spool)
        headers = {
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": self.server.engine.timezone,
            "X-ClickHouse-Summary": answer.summary.to_json(),
            "Content-Type": content_type(answer.format or "TabSeparated"),
        }
        if answer.format:
            headers["X-ClickHouse-Format"] = answer.format
        if is_whole:
            return lambda: self._send_whole(request, pieces, headers)
        tag = headers["X-ClickHouse-Exception-Tag"] = secrets.token_hex(8)
        failed: list[StatementFailed] = []
        pieces = self._tell_failure(pieces, tag, failed)
        pieces = encode_blocks(pieces) if request.blocks_out else pieces
        self._send_chunks(pieces, headers, choose_coding(request.accept_coding))
        return lambda: self._end_chunks(is_cut_off=bool(failed))

    def _send_whole(self, request: QueryRequest, pieces: Iterable[Buffer], headers: dict[str, str]) -> None:
        if request.blocks_out:
            pieces = encode_blocks(pieces)
        coding = choose_coding(request.accept_coding)
        taken = list(itertools.islice(pieces, 2))
        pieces = itertools.chain(taken, pieces) if len(taken) == 2 else taken
        if len(taken) < 2 and (not coding or not taken or memoryview(taken[0]).nbytes < _WORTH_CODING_BYTES):
            self._reply(200, taken[0] if taken else b"", headers)
            return
        self._send_chunks(pieces, headers, coding)
        self._end_chunks(is_cut_off=False)

    def _may_chunk(self) -> bool:
        return self.request_version >= "HTTP/1.1" and self.command != "HEAD"

    def _send_chunks(self, pieces: Iterable[Buffer], headers: dict[str, str], coding: str) -> None:
        if coding:
            headers["Content-Encoding"] = coding
            pieces = encode(pieces, coding)
        if self._may_chunk():
            headers["Transfer-Encoding"] = "chunked"
        elif self.command != "HEAD":
            self.close_connection = True
        self._send_head(200, headers)
        for piece in pieces:
            view = memoryview(piece).cast("B")
            if not view.nbytes or self.command == "HEAD":
                continue
            if self._may_chunk():
                self.wfile.write(b"%x\r\n" % view.nbytes)
            self.wfile.write(view)
            if self._may_chunk():
                self.wfile.write(b"\r\n")

    def _end_chunks(self, *, is_cut_off: bool) -> None:
        if is_cut_off:
            # No last chunk: also a client that does not know the tag sees that the answer is cut off.
            self.close_connection = True
        elif self._may_chunk():
            self.wfile.write(b"0\r\n\r\n")

    def _tell_failure(
        self, pieces: Iterable[Buffer], tag: str, failed: list[StatementFailed]
    ) -> Iterator[Buffer]:
        """The pieces, and where they fail the server's own mark with the message, for the client to find."""
        try:
            yield from pieces
        except StatementFailed as failure:
            failed.append(failure)
            message = self._text(failure)
            mark = f"__exception__\r\n{tag}\r\n".encode()
            yield b"\r\n" + mark + message + f"{len(message)} {tag}\r\n__exception__\r\n".encode()

    def _text(self, failure: StatementFailed) -> bytes:
        return f"{failure.text} (version {self.server.engine.version})\n".encode("utf-8", "surrogateescape")

    def _reply_failure(self, failure: StatementFailed) -> None:
        headers = {
            "X-ClickHouse-Exception-Code": str(failure.code),
            "Content-Type": "text/plain; charset=UTF-8",
        }
        if failure.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        self._reply(failure.status, self._text(failure), headers)

    def _reply(self, status: int, body: Buffer, headers: dict[str, str] | None = None) -> None:
        if self._has_answered:
            # The status is out; all that is left is to show that something went wrong.
            self.close_connection = True
            return
        size = str(memoryview(body).nbytes)
        kind = {"Content-Type": "text/plain; charset=UTF-8"}
        self._send_head(status, {**kind, **(headers or {}), "Content-Length": size})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        closing = self.close_connection or self.server.is_stopping
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            f"Date: {self.date_time_string()}",
            f"Connection: {'Close' if closing else 'Keep-Alive'}",
            "X-ClickHouse-Server-Display-Name: shopalytic",
            *(f"{name}: {_one_line(value)}" for name, value in headers.items()),
        ]
        if not closing:
            lines.insert(3, f"Keep-Alive: timeout={_SILENCE_SECONDS - 10}")
        self._has_answered = True
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))

    def _drain(self, source: Source | None) -> None:
        """Read what is left of the body, so that the next request begins where it begins."""
        if source is None:
            self.close_connection = True
            return
        left = _DRAIN_BYTES
        while not self.close_connection and (piece := source.read(65536)):
            left -= len(piece)
            if left < 0:
                self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Called by the base class for what is no HTTP."""
        raise MalformedRequest(message or HTTPStatus(code).phrase, code)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: their URLs hold what shops measured, and passwords."""


def _one_line(value: str) -> str:
    return "".join(character for character in value if character.isprintable())


def _hold(
    answer: Answer, request: QueryRequest, spool: tempfile.SpooledTemporaryFile[bytes]
) -> tuple[Iterable[Buffer], bool]:
    """The pieces, and whether they are all there, so that nothing can go wrong after the status is sent."""
    if answer.is_complete:
        return answer.pieces, True
    limit = max(request.buffer_bytes, _HELD_BYTES)
    pieces = iter(answer.pieces)
    size = 0
    for piece in pieces:
        # A piece lives in the engine's memory, and only until the next one is asked for.
        size += spool.write(bytes(piece))
        if size >= limit and not request.wait_for_end:
            spool.seek(0)
            return itertools.chain([spool.read()], pieces), False
    spool.seek(0)
    if size <= limit:
        return [spool.read()], True
    return iter(lambda: spool.read(1 << 20), b""), True
