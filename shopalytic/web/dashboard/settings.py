"""A project's settings: the snippet to copy, its keys, its origins, its name, zone and currency."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from shopalytic.accounts.currencies import CURRENCIES, parse_currency
from shopalytic.accounts.db import reading
from shopalytic.accounts.keys import MadeKey, get_key, list_keys, make_key, revoke_key, rotate_key
from shopalytic.accounts.models import Project
from shopalytic.accounts.origins import parse_origins
from shopalytic.accounts.projects import parse_name, parse_time_zone, time_zones
from shopalytic.accounts.users import list_members
from shopalytic.errors import ConfigurationError
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.checks import read_checks
from shopalytic.web.dashboard.overview import find_snippet
from shopalytic.web.dashboard.platforms import PLATFORMS


@pages.get("/settings", endpoint="settings")
def show_settings() -> str:
    return settings_page(saved=request.args.get("saved"))


@pages.post("/settings/keys", endpoint="make_key")
@owners_only
def take_make_key() -> Any:
    kind = request.form.get("kind", "")
    if kind not in ("token", "secret"):
        abort(400, "A key is a token or a secret key.")
    with get_parts().sessions.begin() as db:
        made = make_key(db, here().project.id, "secret" if kind == "secret" else "token")
    return settings_page(made=made)


@pages.post("/settings/keys/<int:key_id>/rotate", endpoint="rotate_key")
@owners_only
def take_rotate_key(key_id: int) -> Any:
    with get_parts().sessions.begin() as db:
        key = get_key(db, here().project.id, str(key_id))
        made = None if key.revoked_at else rotate_key(db, key)
    return settings_page(made=made)


@pages.post("/settings/keys/<int:key_id>/revoke", endpoint="revoke_key")
@owners_only
def take_revoke_key(key_id: int) -> Any:
    with get_parts().sessions.begin() as db:
        key = get_key(db, here().project.id, str(key_id))
        revoke_key(key)
        part = "hooks" if key.kind == "hook" else "keys"
    return redirect(url_for("dashboard.settings", saved=part, _anchor=part))


@pages.post("/settings/origins", endpoint="save_origins")
@owners_only
def take_origins() -> Any:
    try:
        with get_parts().sessions.begin() as db:
            _project(db).origins = parse_origins(request.form.get("origins", "").splitlines())
    except ConfigurationError as error:
        return Response(settings_page(problem=error), 422)
    return redirect(url_for("dashboard.settings", saved="origins", _anchor="origins"))


@pages.post("/settings/general", endpoint="save_general")
@owners_only
def take_general() -> Any:
    form = request.form
    try:
        with get_parts().sessions.begin() as db:
            project = _project(db)
            project.name = parse_name(db, form.get("name", ""), of=project)
            project.time_zone = parse_time_zone(form.get("time_zone", ""))
            project.currency = parse_currency(form.get("currency", ""))
    except ConfigurationError as error:
        return Response(settings_page(problem=error), 422)
    return redirect(url_for("dashboard.settings", saved="general", _anchor="general"))


def settings_page(
    *, made: MadeKey | None = None, problem: ConfigurationError | None = None, saved: str | None = None
) -> str:
    """made: a key to show now; of a secret key this page is the only one that ever does.

    Not shown after a redirect: for that it would have to be kept somewhere.
    """
    with reading(get_parts().sessions) as db:
        keys = list_keys(db, here().project.id)
        members = list_members(db, here().project.id)
    return render_template(
        "dashboard/settings.html",
        snippet=find_snippet(),
        keys=[key for key in keys if key.revoked_at is None and key.kind != "hook"],
        hooks=[key for key in keys if key.revoked_at is None and key.kind == "hook"],
        platforms=PLATFORMS,
        address=(get_parts().settings.public_url or request.host_url).rstrip("/"),
        revoked=[key for key in keys if key.revoked_at is not None],
        members=members,
        made=made,
        problem=problem,
        saved=saved,
        form=request.form,
        time_zones=time_zones(),
        currencies=sorted(CURRENCIES),
        checks=read_checks(),
    )


def _project(db: Session) -> Project:
    return db.get_one(Project, here().project.id)
