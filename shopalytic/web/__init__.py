"""What people and scripts read: the dashboard, the read API, and the health of the parts."""

from __future__ import annotations

import importlib.util

from flask import Flask

from shopalytic.parts import Parts
from shopalytic.web import api, health


def register(app: Flask, parts: Parts) -> None:
    """Add every blueprint of the web. Once per application."""
    health.register(app, parts)
    api.register(app, parts)
    if importlib.util.find_spec("shopalytic.web.dashboard"):
        importlib.import_module("shopalytic.web.dashboard").register(app, parts)
