"""`/v1/…` as Segment's clients call it."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, jsonify, request

from shopalytic.collector.foreign import find_receiver, receive_at, refuse_as
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.segment.door import BATCHES, CALLS, MEASUREMENTS, receive, tell_error
from shopalytic.errors import NotAuthorized, NotFound, ShopalyticError
from shopalytic.parts import Parts
from shopalytic.settings import Settings

SETTINGS_SECONDS = 300


def register(app: Flask, parts: Parts) -> None:
    """Reads and connects to nothing yet."""
    receiver = Receiver(parts)
    blueprint = Blueprint("segment", __name__, url_prefix="/v1")
    for name in (*CALLS, *BATCHES, MEASUREMENTS):
        receive_at(blueprint, receiver, "segment", f"/{name}", partial(_receive, name), tell_error)

    @blueprint.get("/projects/<token>/settings")
    def library_settings(token: str) -> Response:
        try:
            find_receiver(receiver).keys.get_token(token)
        except NotAuthorized as error:
            return refuse_as(tell_error, NotFound(error.message))
        except ShopalyticError as error:
            return refuse_as(tell_error, error)
        return _answer_settings(token, parts.settings)

    app.register_blueprint(blueprint)


def _receive(name: str, receiver: Receiver) -> bytes:
    return receive(receiver, name, request.environ)


def _answer_settings(token: str, settings: Settings) -> Response:
    """What the browser library asks before it sends: where to, and which other tools it should load, which is none."""
    address = urlsplit(settings.public_url or request.host_url)
    sink = {
        "apiKey": token,
        "apiHost": f"{address.netloc}{address.path.rstrip('/')}/v1",
        "protocol": address.scheme,
        "addBundledMetadata": False,
        "unbundledIntegrations": [],
    }
    response = jsonify(
        integrations={"Segment.io": sink},
        plan={"track": {"__default": {"enabled": True}}, "identify": {"__default": {"enabled": True}}},
        edgeFunction={},
        middlewareSettings={},
        enabledMiddleware={},
        metrics={"sampleRate": 0},
        legacyVideoPluginsEnabled=False,
        remotePlugins=[],
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = f"public, max-age={SETTINGS_SECONDS}"
    return response
