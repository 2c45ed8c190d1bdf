"""`/hooks/<platform>/<key>`."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Flask, request

from shopalytic.collector.foreign import receive_at
from shopalytic.collector.front import tell_error
from shopalytic.collector.hooks.door import PLATFORMS, Platform, receive
from shopalytic.collector.receiver import Receiver
from shopalytic.parts import Parts


def register(app: Flask, parts: Parts) -> None:
    """Reads and connects to nothing yet."""
    receiver = Receiver(parts)
    blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")

    def take(platform: Platform, own: Receiver, key: str) -> bytes:
        return receive(own, parts.sessions, platform, key, request)

    for name, platform in PLATFORMS.items():
        receive_at(blueprint, receiver, "webhook", f"/{name}/<key>", partial(take, platform), tell_error)
    app.register_blueprint(blueprint)
