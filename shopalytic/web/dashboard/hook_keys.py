"""Hook keys on the settings page: what a platform's webhooks are sent to, and what they are signed with."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from shopalytic.accounts.keys import get_key, make_key, set_signing_secret
from shopalytic.errors import ConfigurationError
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.settings import settings_page


@pages.post("/settings/hooks", endpoint="make_hook")
@owners_only
def take_make_hook() -> Any:
    secret = request.form.get("signing_secret", "").strip()
    try:
        with get_parts().sessions.begin() as db:
            made = make_key(db, here().project.id, "hook", signing_secret=secret or None)
    except ConfigurationError as error:
        return Response(settings_page(problem=error), 422)
    return settings_page(made=made)


@pages.post("/settings/keys/<int:key_id>/signing-secret", endpoint="save_signing_secret")
@owners_only
def take_signing_secret(key_id: int) -> Any:
    """From now on the platform's notifications are checked with it."""
    try:
        with get_parts().sessions.begin() as db:
            key = get_key(db, here().project.id, str(key_id))
            set_signing_secret(key, request.form.get("signing_secret", ""))
    except ConfigurationError as error:
        return Response(settings_page(problem=error), 422)
    return settings_page(saved="hooks")
