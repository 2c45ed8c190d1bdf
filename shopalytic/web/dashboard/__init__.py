"""The dashboard: pages for people who sign in. It computes no number."""

from __future__ import annotations

from flask import Flask

from shopalytic.accounts.plans import Plans
from shopalytic.parts import Parts
from shopalytic.web.dashboard import (
    auth,
    checks,
    conflicts,
    customers,
    debugger,
    decisions,
    erasures,
    hook_keys,
    id_rules,
    identity,
    identity_changes,
    live,
    overview,
    plan,
    plan_event,
    plan_versions,
    properties,
    quarantine,
    retention,
    sandbox,
    settings,
    tracking,
    violations,
)
from shopalytic.web.dashboard.access import pages
from shopalytic.web.dashboard.addresses import ProjectConverter
from shopalytic.web.dashboard.assets import asset_url, keep_assets
from shopalytic.web.dashboard.formats import FILTERS
from shopalytic.web.dashboard.safety import make_safe

__all__ = [
    "checks",
    "conflicts",
    "customers",
    "debugger",
    "decisions",
    "erasures",
    "hook_keys",
    "id_rules",
    "identity",
    "identity_changes",
    "live",
    "overview",
    "plan",
    "plan_event",
    "plan_versions",
    "properties",
    "quarantine",
    "register",
    "retention",
    "sandbox",
    "settings",
    "tracking",
    "violations",
]


def register(app: Flask, parts: Parts) -> None:
    """Add the pages. Once per application."""
    app.extensions["shopalytic.plans"] = Plans(parts.sessions)
    app.url_map.converters["project"] = ProjectConverter
    make_safe(app)
    keep_assets(app)
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals["asset"] = asset_url
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(auth.make_blueprint(app, parts))
    app.register_blueprint(pages)
