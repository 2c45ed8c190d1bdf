"""Rejects of the collector that nobody else has, and the JSON that every reject is told in."""

from __future__ import annotations

import msgspec

from shopalytic.errors import Rejected, ShopalyticError


class MethodNotAllowed(Rejected):
    """allowed: what the path takes, for the header `Allow`."""

    status = 405
    code = "method_not_allowed"
    allowed = "POST, OPTIONS"


class Prefetched(Rejected):
    """A browser fetched ahead what it may never show; it asks again when it does."""

    status = 425
    code = "prefetched"


class UnsupportedEncoding(Rejected):
    status = 415
    code = "unsupported_encoding"


class _Body(msgspec.Struct, omit_defaults=True):
    code: str
    message: str
    at: str | None = None


def encode_error(error: ShopalyticError) -> bytes:
    """`{"error": {"code", "message", "at"}}`; `at` is left out where there is no place."""
    return msgspec.json.encode({"error": _Body(error.code, error.message, error.at)})
