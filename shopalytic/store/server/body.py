"""Reads a request's body from the socket, by Content-Length or in chunks."""

from __future__ import annotations

import re
from email.message import Message
from typing import Protocol

from shopalytic.store.server.failures import HTTP_LENGTH_REQUIRED, ClientGone, MalformedRequest, refusal

_LINE_LIMIT_BYTES = 4096
_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")


Buffer = bytes | memoryview
"""A part of an answer. A memoryview may show the engine's own memory, and only until the next part is asked for."""


class Source(Protocol):
    """Anything that gives bytes piece by piece; b"" at its end, and again after it."""

    def read(self, size: int) -> bytes: ...


class Wire(Protocol):
    def read1(self, size: int = ..., /) -> bytes: ...
    def readline(self, size: int = ..., /) -> bytes: ...


class LengthBody:
    def __init__(self, wire: Wire, length_bytes: int) -> None:
        self._wire = wire
        self._left = length_bytes

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, at least one before the end. Raises ClientGone where the client stops short."""
        if not self._left:
            return b""
        piece = self._wire.read1(min(size, self._left))
        if not piece:
            raise ClientGone("The client closed the connection inside its request's body.")
        self._left -= len(piece)
        return piece


class ChunkedBody:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._left = 0
        self._done = False
        self._inside = False

    def read(self, size: int) -> bytes:
        """As LengthBody.read; raises MalformedRequest for what is not chunked coding."""
        if not self._left and not self._done:
            self._next_chunk()
        if self._done:
            return b""
        piece = self._wire.read1(min(size, self._left))
        if not piece:
            raise ClientGone("The client closed the connection inside a chunk of its request's body.")
        self._left -= len(piece)
        return piece

    def _next_chunk(self) -> None:
        if self._inside and self._line() != b"":
            raise MalformedRequest("A chunk of the body is longer than it says.")
        self._inside = True
        size = self._line().split(b";", 1)[0].strip()
        if not _SIZE.fullmatch(size):
            raise MalformedRequest("A chunk of the body does not begin with its size.")
        self._left = int(size, 16)
        if not self._left:
            self._done = True
            while self._line():
                pass

    def _line(self) -> bytes:
        line = self._wire.readline(_LINE_LIMIT_BYTES + 1)
        if not line.endswith(b"\n"):
            if len(line) > _LINE_LIMIT_BYTES:
                raise MalformedRequest("A chunk's size line is too long.")
            raise ClientGone("The client closed the connection between two chunks.")
        return line.rstrip(b"\r\n")


def open_body(wire: Wire, headers: Message, method: str, *, lengths: list[str]) -> Source:
    """The body of a request, empty where it has none.

    lengths: every Content-Length header; two different ones are how requests are smuggled past a proxy.
    Raises MalformedRequest, and StatementFailed (411) for a POST that does not say how long it is.
    """
    coding = headers.get("Transfer-Encoding", "").strip().lower()
    if coding:
        if coding != "chunked" or lengths:
            raise MalformedRequest(
                "Transfer-Encoding must be chunked, alone and without Content-Length.", 400
            )
        return ChunkedBody(wire)
    if not lengths:
        if method == "POST":
            raise refusal(
                HTTP_LENGTH_REQUIRED,
                "The Transfer-Encoding is not chunked and there is no Content-Length header for POST request",
            )
        return LengthBody(wire, 0)
    if len(set(lengths)) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0].strip()):
        raise MalformedRequest("Content-Length is not one number.")
    return LengthBody(wire, int(lengths[0]))


def read_up_to(source: Source, limit_bytes: int) -> bytes:
    """Bytes until the end, or the first `limit_bytes`; fewer than that means the end was reached."""
    pieces = []
    left = limit_bytes
    while left and (piece := source.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
