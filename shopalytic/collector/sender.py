"""Who sends: what the request's headers and its connection say of the client and of the address that it asked."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

Environ = dict[str, Any]

AGENT_LIMIT = 1024
LANGUAGE_LIMIT = 200
ADDRESS_LIMIT = 64
ORIGIN_LIMIT = 300


class Sender(NamedTuple):
    """The visitor's own network address, user agent, Accept-Language and country; empty where a server speaks for him.

    ip: empty too where the project does not store it: then it goes no further than its country's look-up.
    """

    ip: str = ""
    user_agent: str = ""
    language: str = ""
    country: str = ""


def read_sender(environ: Environ, trusted_proxies: int) -> Sender:
    return Sender(
        find_address(environ, trusted_proxies),
        _header(environ, "HTTP_USER_AGENT", AGENT_LIMIT),
        _header(environ, "HTTP_ACCEPT_LANGUAGE", LANGUAGE_LIMIT),
    )


def find_address(environ: Environ, trusted_proxies: int) -> str:
    """The client's address: the entry that the outermost trusted proxy wrote into X-Forwarded-For.

    What stands further to the left was written by the client itself. Fewer entries than proxies: the request
    came around them, and the connection's own address counts.
    """
    if trusted_proxies:
        entries = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(entries) >= trusted_proxies and (entry := entries[-trusted_proxies].strip()):
            return str(entry[:ADDRESS_LIMIT])
    return str(environ.get("REMOTE_ADDR") or "")[:ADDRESS_LIMIT]


def find_host(environ: Environ, trusted_proxies: int) -> str:
    """The host that the browser asked, without its port, in lower case."""
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME") or ""
    if trusted_proxies:
        entries = environ.get("HTTP_X_FORWARDED_HOST", "").split(",")
        if len(entries) >= trusted_proxies and (entry := entries[-trusted_proxies].strip()):
            host = entry
    return host_of("//" + host)


def find_origin(environ: Environ) -> str:
    """The page's origin by the Origin header; else by Referer, for what strips the former. Empty: neither."""
    origin = environ.get("HTTP_ORIGIN")
    if origin:
        return str(origin[:ORIGIN_LIMIT])
    referer = environ.get("HTTP_REFERER")
    if not referer:
        return ""
    try:
        parts = urlsplit(referer)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"[:ORIGIN_LIMIT] if parts.netloc else ""


def host_of(url: str) -> str:
    """A URL's host in lower case, without port and brackets; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _header(environ: Environ, name: str, limit: int) -> str:
    """WSGI hands headers over as Latin-1; lone surrogates, as some servers make them, would break the envelope."""
    value = environ.get(name, "")
    if not value.isascii():
        value = value.encode("latin-1", "replace").decode("utf-8", "replace")
    return str(value[:limit])
