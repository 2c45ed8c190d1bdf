"""The tag's file, packed once and kept in memory."""

from __future__ import annotations

import gzip
import hashlib
import threading
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import brotli
from flask import Request, Response

MAX_AGE_SECONDS = 3600
IMMUTABLE_SECONDS = 31_536_000
VERSION_LENGTH = 12
VERSION_LENGTH_LEAST = 8


@dataclass(frozen=True)
class Tag:
    """digest: the content's SHA-256. packed: by Content-Encoding, '' for none."""

    digest: str
    last_modified: str
    packed: dict[str, bytes]
    stamp: tuple[int, int]

    @property
    def version(self) -> str:
        """What belongs in the address as `?v=`."""
        return self.digest[:VERSION_LENGTH]


class TagFile:
    """Reads and packs the file at its first use, and again where it has changed since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tag: Tag | None = None
        self._mutex = threading.Lock()

    def find(self) -> Tag | None:
        """None where there is no file."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        tag = self._tag
        if tag is None or tag.stamp != stamp:
            with self._mutex:
                self._tag = tag = pack_tag(self.path.read_bytes(), stamp)
        return tag


def pack_tag(content: bytes, stamp: tuple[int, int]) -> Tag:
    """stamp: when the content was last changed, in nanoseconds, and its size."""
    return Tag(
        hashlib.sha256(content).hexdigest(),
        formatdate(stamp[0] // 1_000_000_000, usegmt=True),
        {"br": brotli.compress(content), "gzip": gzip.compress(content, 9, mtime=0), "": content},
        stamp,
    )


def answer_tag(tag: Tag, request: Request, content_type: str = "text/javascript") -> Response:
    """The tag in the smallest form that the client takes, or 304 where it has that form."""
    encoding = next((name for name in ("br", "gzip") if request.accept_encodings.quality(name) > 0), "")
    response = Response(tag.packed[encoding], mimetype=content_type)
    response.headers["Content-Type"] = f"{content_type}; charset=utf-8"
    if encoding:
        response.headers["Content-Encoding"] = encoding
    # Only the present version may be kept for ever: an old one in an address gets the present content too.
    asked = request.args.get("v", "")
    is_pinned = len(asked) >= VERSION_LENGTH_LEAST and tag.digest.startswith(asked)
    response.headers["Cache-Control"] = (
        f"public, max-age={IMMUTABLE_SECONDS}, immutable"
        if is_pinned
        else f"public, max-age={MAX_AGE_SECONDS}"
    )
    response.set_etag(f"{tag.version}-{encoding}" if encoding else tag.version)
    response.headers["Last-Modified"] = tag.last_modified
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Timing-Allow-Origin"] = "*"
    response.make_conditional(request)
    return response
