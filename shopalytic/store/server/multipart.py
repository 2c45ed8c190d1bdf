"""Reads multipart/form-data: how clients send external tables, and queries too long for a URL."""

from __future__ import annotations

import re
from email.message import Message
from typing import NamedTuple

from shopalytic.store.server.failures import BAD_ARGUMENTS, refusal

_NAME = re.compile(rb'[;\s]name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILE = re.compile(rb'[;\s]filename="', re.IGNORECASE)


class Part(NamedTuple):
    name: str
    data: bytes
    is_file: bool


def parse_multipart(body: bytes, content_type: str) -> list[Part]:
    """The form's parts in order. Raises StatementFailed (400) where the body is not such a form."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise refusal(BAD_ARGUMENTS, "The form's Content-Type has no boundary.")
    border = b"--" + boundary.encode("latin-1")
    pieces = (b"\r\n" + body).split(b"\r\n" + border)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise refusal(BAD_ARGUMENTS, "The form in the request's body has no end.")
    return [_parse_part(piece) for piece in pieces[1:-1]]


def _parse_part(piece: bytes) -> Part:
    head, found, data = piece.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if not found or name is None:
        raise refusal(BAD_ARGUMENTS, "A part of the form in the request's body has no name.")
    return Part(name[1].decode("utf-8", "replace"), data, bool(_FILE.search(head)))
