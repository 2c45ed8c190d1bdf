"""Addresses of static files that change with their content, so that a browser may keep each for ever."""

from __future__ import annotations

import hashlib
from functools import cache

from flask import Flask, Response, request, url_for

from shopalytic.settings import resource_dir

ASSET_DAYS = 365


@cache
def _version(filename: str) -> str:
    return hashlib.sha256((resource_dir("static") / filename).read_bytes()).hexdigest()[:10]


def asset_url(filename: str) -> str:
    return url_for("static", filename=filename, v=_version(filename))


def keep_assets(app: Flask) -> None:
    """A browser asks for a file once, as long as its address names the content that it has."""

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code == 200 and "v" in request.args:
            filename = (request.view_args or {})["filename"]
            if request.args["v"] == _version(filename):
                response.cache_control.no_cache = None
                response.cache_control.public = True
                response.cache_control.max_age = ASSET_DAYS * 86400
                response.cache_control.immutable = True
        return response
