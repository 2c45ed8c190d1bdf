"""The visitor's id out of the cookie that the tag keeps."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

COOKIE_NAME = "_sha"
FIELDS = 8
TRACKING_ID = 1


def find_tracking_id(cookies: Mapping[str, str], name: str = COOKIE_NAME) -> str | None:
    """A request's visitor, so that what the server tells joins what the browser told.

    cookies: `request.cookies` in Flask, `request.COOKIES` in Django. name: the tag's option `cookie_name`.
    None where there is no such cookie, or the visitor has refused.
    """
    fields = str(cookies.get(name) or "").split(".")
    if len(fields) != FIELDS or not fields[0].isdigit():
        return None
    return unquote(fields[TRACKING_ID]) or None
