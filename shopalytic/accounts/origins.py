"""Allowed origins: where the pages stand that may send with a project's token."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from shopalytic.errors import ConfigurationError

DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_origin(text: str) -> str:
    """`scheme://host[:port]` as a browser's Origin header writes it: lower case, no default port, IDNA.

    Raises ConfigurationError that says what is too much or missing.
    """
    given = text.strip()
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError as error:
        raise _refused(given, str(error)) from None
    if parts.scheme not in DEFAULT_PORTS:
        raise _refused(given, "it must begin with https:// or http://")
    if parts.username is not None or parts.password is not None:
        raise _refused(given, "a user name does not belong in it")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "?" in given or "#" in given:
        raise _refused(given, "a path does not belong in it")
    host = _parse_host(given, parts.hostname or "")
    return f"{parts.scheme}://{host}" + (
        f":{port}" if port not in (None, DEFAULT_PORTS[parts.scheme]) else ""
    )


def parse_origins(texts: Iterable[str]) -> list[str]:
    """Each once, in the order given; empty lines are skipped."""
    return list(dict.fromkeys(parse_origin(text) for text in texts if text.strip()))


def _parse_host(given: str, host: str) -> str:
    if not host:
        raise _refused(given, "the host is missing")
    if "*" in host:
        raise _refused(given, "name each host, a star does not stand for any")
    if ":" in host:
        return f"[{host}]"
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        raise _refused(given, f"{host!r} is no host name") from None
    labels = host.removesuffix(".").split(".")
    if not all(label and set(label) <= HOST_CHARACTERS for label in labels):
        raise _refused(given, f"{host!r} is no host name")
    return host


HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def _refused(given: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"{given!r} is no origin such as https://shop.example: {why}.", at="origins")
