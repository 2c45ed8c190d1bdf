"""What a request asks for: URL parameters and headers, taken apart as ClickHouse's HTTP interface does."""

from __future__ import annotations

import base64
import binascii
import hmac
from email.message import Message
from urllib.parse import unquote_to_bytes

import msgspec

from shopalytic.store.server.failures import (
    AUTHENTICATION_FAILED,
    BAD_ARGUMENTS,
    REQUIRED_PASSWORD,
    refusal,
)

_RESERVED = frozenset(
    (
        "query",
        "compress",
        "decompress",
        "user",
        "password",
        "quota_key",
        "query_id",
        "stacktrace",
        "buffer_size",
        "wait_end_of_query",
        "session_id",
        "session_timeout",
        "session_check",
        "client_protocol_version",
        "close_session",
        "role",
        "database",
        "default_format",
    )
)
"""Parameters that are no settings. `client_protocol_version`: the engine always writes version 0, as behind a
proxy that strips the parameter; clients test for that."""

_EXTERNAL_SUFFIXES = ("_format", "_types", "_structure")


class QueryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a statement, checked for its form only."""

    query: bytes
    settings: list[tuple[str, bytes]]
    parameters: dict[str, bytes]
    database: bytes
    default_format: str
    query_id: str
    session_id: str
    session_check: bool
    session_timeout: str
    buffer_bytes: int
    wait_for_end: bool
    accept_coding: str
    content_coding: str
    blocks_out: bool
    blocks_in: bool
    is_readonly: bool
    other: dict[str, bytes]
    """Every URL parameter as it came; external tables are described by some."""


def parse_parameters(query_string: str) -> list[tuple[str, bytes]]:
    """Names and raw values, in order. Values may be any bytes; ClickHouse's text need not be UTF-8.

    query_string: as http.server gives it, bytes read as Latin-1.
    """
    found = []
    for pair in query_string.encode("latin-1", "replace").split(b"&"):
        if pair:
            name, _, value = pair.replace(b"+", b" ").partition(b"=")
            found.append((unquote_to_bytes(name).decode("utf-8", "surrogateescape"), unquote_to_bytes(value)))
    return found


def parse_request(pairs: list[tuple[str, bytes]], headers: Message, method: str) -> QueryRequest:
    """Raises StatementFailed for a parameter that cannot be what its name says."""
    values = dict(pairs)
    multipart = headers.get("Content-Type", "").lower().startswith("multipart/form-data")

    def text(name: str, default: str = "") -> str:
        return values.get(name, default.encode()).decode("utf-8", "surrogateescape")

    def flag(name: str, default: bool = False) -> bool:
        value = text(name)
        if value.lower() not in ("", "0", "1", "true", "false"):
            raise refusal(BAD_ARGUMENTS, f"Parameter {name} is {value!r}; it must be 0 or 1.")
        return value.lower() in ("1", "true") if value else default

    return QueryRequest(
        query=values.get("query", b""),
        settings=[pair for pair in pairs if _is_setting(pair[0], multipart)],
        parameters=parse_bindings(pairs),
        database=headers.get("X-ClickHouse-Database", "").encode("latin-1") or values.get("database", b""),
        default_format=headers.get("X-ClickHouse-Format", "") or text("default_format") or "TabSeparated",
        query_id=text("query_id") or headers.get("X-ClickHouse-Query-Id", ""),
        session_id=text("session_id"),
        session_check=flag("session_check"),
        session_timeout=text("session_timeout", "60"),
        buffer_bytes=_number(text("buffer_size", "0")),
        wait_for_end=flag("wait_end_of_query") or flag("http_wait_end_of_query"),
        accept_coding=headers.get("Accept-Encoding", "") if flag("enable_http_compression", True) else "",
        content_coding=headers.get("Content-Encoding", ""),
        blocks_out=flag("compress"),
        blocks_in=flag("decompress"),
        is_readonly=method != "POST",
        other=values,
    )


def parse_bindings(pairs: list[tuple[str, bytes]]) -> dict[str, bytes]:
    """The values of `{name:Type}` placeholders, from `param_name`."""
    return {name[6:]: value for name, value in pairs if name.startswith("param_")}


def _is_setting(name: str, multipart: bool) -> bool:
    if name in _RESERVED or name.startswith("param_"):
        return False
    return not (multipart and name.endswith(_EXTERNAL_SUFFIXES))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise refusal(BAD_ARGUMENTS, f"Parameter buffer_size is {text!r}; it must be a number of bytes.")
    return int(text)


def authenticate(pairs: list[tuple[str, bytes]], headers: Message, user: str, password: str) -> None:
    """Raises StatementFailed where user and password are missing (401) or wrong (403)."""
    values = dict(pairs)
    given_user = headers.get("X-ClickHouse-User", "").encode("latin-1")
    given_password = headers.get("X-ClickHouse-Key", "").encode("latin-1")
    authorization = headers.get("Authorization", "")
    in_url = "user" in values or "password" in values
    ways = [bool(given_user or given_password), bool(authorization), in_url]
    if sum(ways) > 1:
        raise refusal(
            AUTHENTICATION_FAILED,
            "Invalid authentication: it is not allowed to use several ways of authentication simultaneously",
        )
    if not any(ways):
        raise refusal(REQUIRED_PASSWORD, "default: Authentication failed: no user and password were given.")
    if authorization:
        given_user, given_password = _parse_basic(authorization)
    elif in_url:
        given_user, given_password = values.get("user", b"default"), values.get("password", b"")
    # Both are compared in any case: what is wrong must not show in the time it takes.
    right_user = hmac.compare_digest(given_user, user.encode())
    right_password = hmac.compare_digest(given_password, password.encode())
    if not (right_user & right_password):
        shown = given_user.decode("utf-8", "replace")[:100]
        raise refusal(
            AUTHENTICATION_FAILED,
            f"{shown}: Authentication failed: password is incorrect, or there is no user with such name.",
        )


def _parse_basic(authorization: str) -> tuple[bytes, bytes]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise refusal(
            AUTHENTICATION_FAILED,
            f"Invalid authentication: '{scheme[:20]}' HTTP Authorization scheme is not supported",
        )
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        raise refusal(
            AUTHENTICATION_FAILED, "Invalid authentication: the Authorization header is not base64."
        ) from None
    return user, password
