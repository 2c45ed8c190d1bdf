"""Addresses taken apart, tolerantly: what a browser would never send must not raise either."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#\\]*)([^?#]*)(?:\?([^#]*))?")
_RELATIVE = re.compile(r"(/[^?#]*)(?:\?([^#]*))?")


class Url(NamedTuple):
    """host: lower case, without user and port; `path` raw, `/` where empty; `query` raw, without `?`."""

    host: str
    path: str
    query: str


NOWHERE = Url("", "", "")


@lru_cache(maxsize=2048)
def split_url(url: str) -> Url:
    """Parts of an absolute, scheme-less (`//host/`) or root-relative address; NOWHERE for anything else."""
    text = url.strip()
    if match := _URL.match(text):
        host, path, query = match.groups()
        return Url(_host(host), path or "/", query or "")
    if match := _RELATIVE.match(text):
        path, query = match.groups()
        return Url("", path, query or "")
    return NOWHERE


def _host(authority: str) -> str:
    host = authority.rpartition("@")[2].lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".")
