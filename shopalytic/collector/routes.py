"""The collector's part of the Flask application: the tag, and what the doors leave to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request
from flask_cors import cross_origin

from shopalytic.collector.front import RECEIVER, make_doors
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.refusals import MethodNotAllowed
from shopalytic.collector.tag import TagFile, answer_tag
from shopalytic.errors import Unavailable
from shopalytic.parts import Parts
from shopalytic.settings import Settings

TAG_FILE = "shopalytic.v1.js"
"""The built tag in the static folder, whatever name it is served under."""
MODULE_SUFFIXES = {".mjs": "text/javascript", ".d.mts": "text/plain"}
"""The same tag as an ES module, and its types for TypeScript, beside the tag under its name; by content type."""
TAG_EXTENSION = "shopalytic.tag"
"""Where the application keeps its TagFile, whose `find().version` belongs in the snippet's `?v=`."""
PREFLIGHT_SECONDS = 86400
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def register(app: Flask, parts: Parts) -> None:
    """Routes of the doors, for preflights and where `front` does not stand before the application; and the tag.

    Reads and connects to nothing yet.
    """
    receiver = Receiver(parts)
    tag = app.extensions[TAG_EXTENSION] = TagFile(Path(app.static_folder or "static") / TAG_FILE)
    blueprint = Blueprint("collector", __name__)

    def take() -> Response:
        return app.make_response(Response.from_app(make_doors(receiver), request.environ))

    def preflight() -> Response:
        return answer_preflight(request.environ.get(RECEIVER, receiver))

    def make_view(file: TagFile, content_type: str) -> Callable[[], Response]:
        def serve() -> Response:
            found = file.find()
            if found is None:
                return Response(
                    "The tag's file is missing: build it with `make tag`.\n", 404, mimetype="text/plain"
                )
            return answer_tag(found, request, content_type)

        # Not functools.partial: the limiter asks a view for its name.
        return serve

    for path, door in receiver.doors.items():
        blueprint.add_url_rule(path, door.name, take, methods=METHODS, provide_automatic_options=False)
        blueprint.add_url_rule(path, "preflight", preflight, methods=["OPTIONS"])
    files = {parts.settings.tag_name: (tag, "text/javascript")}
    for suffix, content_type in MODULE_SUFFIXES.items():
        file = TagFile(tag.path.with_name(tag.path.stem + suffix))
        files[parts.settings.tag_name.removesuffix(".js") + suffix] = file, content_type
    for number, (name, served) in enumerate(files.items()):
        view = make_view(*served)
        for path in own_paths(parts.settings, name):
            blueprint.add_url_rule(path, f"tag{number}", view)
    app.register_blueprint(blueprint)


def own_paths(settings: Settings, name: str) -> list[str]:
    """Where a thing of this name is reached: at the root, and under the path of the settings."""
    return list(dict.fromkeys([f"/{name}", f"{settings.collector_path}/{name}"]))


def answer_preflight(receiver: Receiver) -> Response:
    """Which page may send. Its project is not known yet: a page that any project allows may ask."""
    try:
        origins = receiver.keys.find_origins()
    except Unavailable:
        # The message itself is answered with a 503 then, which its sender must be able to read.
        origins = None
    allowed = "*" if origins is None else [_exactly(origin) for origin in sorted(origins)]

    @cross_origin(origins=allowed, methods=["POST"], max_age=PREFLIGHT_SECONDS, automatic_options=False)
    def answer() -> Response:
        return Response(status=204, headers={"Allow": MethodNotAllowed.allowed})

    return current_app.make_response(answer())


def _exactly(origin: str) -> re.Pattern[str]:
    """Flask-CORS takes a text with brackets, such as an IPv6 address, for a pattern."""
    return re.compile(re.escape(origin) + r"\Z", re.IGNORECASE)
