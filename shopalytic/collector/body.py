"""The request's body: read up to a limit, and unpacked up to the same limit."""

from __future__ import annotations

import contextlib
import zlib

from shopalytic.collector.refusals import UnsupportedEncoding
from shopalytic.collector.sender import Environ
from shopalytic.errors import Rejected, TooLarge

DRAIN_LIMIT_BYTES = 16 * 1024 * 1024
"""Of a body that is too large so much is still read, and thrown away: many clients send all before they read the
answer, and would see a broken connection instead of it."""
PIECE_BYTES = 64 * 1024
GZIP_WINDOW = 31
"""zlib's number for "a gzip header, the largest window"."""
BODY = "shopalytic.body"
"""Where a request keeps its body once that was read, for what is told of a refusal."""
GZIP_MEMBERS_LIMIT = 16
"""Each costs a copy of what follows it."""


def read_body(environ: Environ, limit_bytes: int) -> bytes:
    """The unpacked body. Raises TooLarge, UnsupportedEncoding, or Rejected where it ended early or is damaged."""
    encoding = environ.get("HTTP_CONTENT_ENCODING")
    body = environ[BODY] = _read(environ, limit_bytes)
    if not encoding:
        return body
    encoding = encoding.strip().lower()
    if encoding in ("gzip", "x-gzip"):
        environ[BODY] = b""
        body = environ[BODY] = _unpack(body, limit_bytes)
        return body
    if encoding != "identity":
        raise UnsupportedEncoding(
            f"Content-Encoding {encoding[:40]!r} is not taken; send gzip, or none.", at="Content-Encoding"
        )
    return body


def drop_body(environ: Environ) -> None:
    """Read it and keep nothing of it, so that a client that sends all of it first reads the answer."""
    with contextlib.suppress(TooLarge, Rejected):
        _read(environ, 0)


def _read(environ: Environ, limit_bytes: int) -> bytes:
    stream = environ["wsgi.input"]
    stated = environ.get("CONTENT_LENGTH")
    if not stated:
        # Without a length only a server that ends the stream itself can be read from; others would block.
        if not environ.get("wsgi.input_terminated"):
            return b""
        return _read_unstated(stream, limit_bytes)
    try:
        length = int(stated)
    except ValueError:
        raise Rejected("Content-Length is no number.", at="Content-Length") from None
    if length > limit_bytes:
        _drain(stream, min(length, DRAIN_LIMIT_BYTES))
        raise too_large(limit_bytes)
    body = stream.read(length)
    while len(body) < length:
        piece = stream.read(length - len(body))
        if not piece:
            raise Rejected(f"The body ended after {len(body)} of {length} bytes.")
        body += piece
    return bytes(body)


def _read_unstated(stream: object, limit_bytes: int) -> bytes:
    """A chunked body."""
    body = bytearray()
    while piece := stream.read(PIECE_BYTES):  # type: ignore[attr-defined]
        body += piece
        if len(body) > limit_bytes:
            _drain(stream, DRAIN_LIMIT_BYTES)
            raise too_large(limit_bytes)
    return bytes(body)


def _drain(stream: object, left: int) -> None:
    while left > 0 and (piece := stream.read(min(left, PIECE_BYTES))):  # type: ignore[attr-defined]
        left -= len(piece)


def _unpack(body: bytes, limit_bytes: int) -> bytes:
    """All members of a gzip file, one after the other. A bomb costs no more memory than the limit."""
    unpacked = b""
    for _ in range(GZIP_MEMBERS_LIMIT):
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            unpacked += member.decompress(body, limit_bytes + 1 - len(unpacked))
        except zlib.error as error:
            raise Rejected(f"The body is not valid gzip: {error}.", at="Content-Encoding") from None
        if len(unpacked) > limit_bytes:
            raise too_large(limit_bytes)
        if not member.eof:
            raise Rejected("The gzip body ends too early.", at="Content-Encoding")
        body = member.unused_data
        if not body:
            return unpacked
    raise Rejected(f"The gzip body has more than {GZIP_MEMBERS_LIMIT} members.", at="Content-Encoding")


def too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit_bytes} bytes.")
