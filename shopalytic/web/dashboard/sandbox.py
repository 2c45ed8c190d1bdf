"""Emptying the sandbox."""

from __future__ import annotations

from typing import Any

from flask import redirect, url_for

from shopalytic.accounts.sandboxes import close_sandbox
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.addresses import ProjectAddress


@pages.post("/sandbox/empty", endpoint="empty_sandbox")
@owners_only
def take_empty() -> Any:
    """Twice empties what came in between."""
    shop = here().shop
    with get_parts().sessions.begin() as db:
        close_sandbox(db, shop.id)
    address = ProjectAddress(shop.id, is_sandbox=True)
    return redirect(url_for("dashboard.debugger", project_id=address, emptied=1))
