"""The HTTP doors through which messages come in, and the tag that sends them.

`front` puts the doors before the web application: a message that is taken pays for one look-up in memory and one
write to the stream, not for routing, contexts and signals. All else goes to Flask: preflights, the tag, and the doors
that speak other protocols.
"""

from flask import Flask

from shopalytic.collector import exponea, hooks, pixel, routes, segment
from shopalytic.collector.front import front
from shopalytic.parts import Parts

__all__ = ["front", "register"]


def register(app: Flask, parts: Parts) -> None:
    """All routes of the collector. Reads and connects to nothing yet."""
    routes.register(app, parts)
    pixel.register(app, parts)
    segment.register(app, parts)
    exponea.register(app, parts)
    hooks.register(app, parts)
