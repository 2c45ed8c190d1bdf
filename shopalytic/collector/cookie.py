"""The visitor's cookie, set again by the server: Safari keeps what a script wrote for 7 days, what a response
sets for as long as it says. Only a cookie that the request carried is set, and only with the tag's own form."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import parse_qs, unquote

from shopalytic.collector.sender import Environ, host_of

LIFE_SECONDS = 395 * 86400
"""Browsers cap at 400 days."""
LENGTH_LIMIT = 512
VISITOR = 1
"""The field that holds the visitor's id."""
SEEN_MS = 5
"""The field that holds when the visitor's last event was."""
REFUSED = "0"
"""All that the tag leaves in the cookie of a visitor who does not want to be tracked."""

_FORM = re.compile(
    r"[0-9]{1,3}(?:\.[A-Za-z0-9%~!*'()_-]{0,255}){4}\.[0-9]{1,16}(?:\.[A-Za-z0-9%~!*'()_-]{0,255}){2}"
)
_SHARED_SUFFIX = re.compile(r"(?:ac|co|com|edu|gob|gov|gv|ltd|me|mil|ne|net|nom|or|org|plc)\.[a-z]{2}")


def find_cookie(environ: Environ, name: str) -> str | None:
    """The cookie's value if it has the tag's form; of two, as host and domain may have one each, the later."""
    header = environ.get("HTTP_COOKIE")
    if not header or name not in header:
        return None
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    values = [
        value
        for key, _, value in pairs
        if key == name and len(value) <= LENGTH_LIMIT and _FORM.fullmatch(value)
    ]
    return max(values, key=lambda value: int(value.split(".")[SEEN_MS]), default=None)


def tracking_id_of(value: str) -> str:
    """The visitor's id out of a cookie that `find_cookie` gave."""
    return unquote(value.split(".")[VISITOR])


def has_refused(environ: Environ, name: str) -> bool:
    """Whether the visitor's own no is in the cookie's place."""
    pairs = environ.get("HTTP_COOKIE", "").split(";")
    return any(pair.strip() == f"{name}={REFUSED}" for pair in pairs)


def refresh_cookie(environ: Environ, name: str, value: str, host: str) -> str:
    """The Set-Cookie header that sets the cookie for as long as browsers allow, where the tag wrote it.

    host: the one that the browser asked.
    """
    domain = _domain(environ.get("QUERY_STRING", ""), host)
    page = environ.get("HTTP_ORIGIN") or ""
    is_secure = page.startswith("https:") or (not page and environ.get("wsgi.url_scheme") == "https")
    return (
        f"{name}={value}; Path=/; Max-Age={LIFE_SECONDS}; SameSite=Lax"
        + (f"; Domain={domain}" if domain else "")
        + ("; Secure" if is_secure else "")
    )


@lru_cache(maxsize=1024)
def is_first_party(page_origin: str, host: str) -> bool:
    """Whether page and collector belong to the same shop, as far as their names tell."""
    page = host_of(page_origin)
    return bool(page) and (page == host or widest_domain(page) == widest_domain(host) != "")


def widest_domain(host: str) -> str:
    """The domain that a shop's hosts have in common; empty for an IP address and for a name without a dot.

    Names under a country's `co`, `com`, … have three labels. Where that is still nobody's own domain the browser
    refuses the cookie, and the one that the tag wrote stays.
    """
    labels = host.rstrip(".").split(".")
    if len(labels) < 2 or _is_address(host):
        return ""
    count = 3 if _SHARED_SUFFIX.fullmatch(".".join(labels[-2:])) else 2
    return ".".join(labels[-count:]) if len(labels) >= count else ""


def _domain(query: str, host: str) -> str:
    """What the request says in `?d=` where that is the host or above it (empty: the host alone), else the widest."""
    for said in parse_qs(query, keep_blank_values=True).get("d", []):
        domain = said.strip().lstrip(".").lower()
        if not domain or (f".{host}".endswith(f".{domain}") and "." in domain and not _is_address(host)):
            return domain
    return widest_domain(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
