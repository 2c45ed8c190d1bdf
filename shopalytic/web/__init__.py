"""What people and scripts read: the dashboard, the read API, and the health of the parts."""

from __future__ import annotations

from flask import Flask

from shopalytic.parts import Parts
from shopalytic.web import api, dashboard, health


def register(app: Flask, parts: Parts) -> None:
    """Add every blueprint of the web. Once per application."""
    health.register(app, parts)
    api.register(app, parts)
    dashboard.register(app, parts)
