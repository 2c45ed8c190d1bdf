"""The snippet as a project's pages need it, and addresses of static files that change with their content."""

from __future__ import annotations

import hashlib
import re
from functools import cache

from flask import request, url_for

from shopalytic.settings import Settings, resource_dir

UNSAFE = re.compile(r"[^A-Za-z0-9:/.\-\[\]_~]")
"""What has no place in an address that stands inside a script's string."""
TAG_NAME = "shopalytic.v1.js"


def make_snippet(settings: Settings, token: str) -> str:
    """HTML to paste into a page's head; sends to this server, by the address that the browser knows it by."""
    host = UNSAFE.sub("", settings.public_url.rstrip("/") or request.host_url.rstrip("/"))
    script = (resource_dir("static") / "snippet.js").read_text(encoding="utf-8").strip()
    for marker, value in (
        ("__SHOPALYTIC_HOST__", host),
        ("__SHOPALYTIC_TOKEN__", token),
        (TAG_NAME, UNSAFE.sub("", settings.tag_name)),
    ):
        script = script.replace(marker, value)
    return f"<script>{script}</script>"


@cache
def _version(filename: str) -> str:
    return hashlib.sha256((resource_dir("static") / filename).read_bytes()).hexdigest()[:10]


def asset_url(filename: str) -> str:
    return url_for("static", filename=filename, v=_version(filename))
