"""The web application: the only module that knows every blueprint."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import shopalytic.collector
import shopalytic.web
from shopalytic.logs import configure_logging
from shopalytic.parts import Parts, open_parts
from shopalytic.settings import Settings, get_secret_key, load_settings, resource_dir


def create_app(settings: Settings, parts: Parts | None = None) -> Flask:
    """The Flask application with all blueprints. Connects to nothing yet.

    parts: others than those that `settings` name, for tests. Reachable as `app.extensions["shopalytic"]`.
    """
    app = Flask(
        "shopalytic",
        static_folder=str(resource_dir("static")),
        template_folder=str(resource_dir("templates")),
    )
    parts = parts or open_parts(settings)
    app.extensions["shopalytic"] = parts
    app.config.update(
        SECRET_KEY=get_secret_key(settings),
        SESSION_COOKIE_NAME="shopalytic_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        MAX_CONTENT_LENGTH=settings.body_limit_bytes,
    )
    shopalytic.collector.register(app, parts)
    shopalytic.web.register(app, parts)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    return app


def create_wsgi() -> Callable[..., Any]:
    """What the web server runs: the collector's hot path in front of the application."""
    settings = load_settings()
    configure_logging(settings)
    app = create_app(settings)
    return shopalytic.collector.front(app.wsgi_app, app.extensions["shopalytic"])
