"""How long a project keeps its events, and whether with network addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, redirect, render_template, request, url_for

from shopalytic.accounts.models import Project
from shopalytic.errors import ConfigurationError
from shopalytic.privacy.retention import (
    Expected,
    forecast_retention,
    parse_months,
    set_retention,
)
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.settings import settings_page

WORD = "delete"
"""What is typed where saving deletes events: nothing brings them back."""


@pages.post("/settings/retention", endpoint="save_retention")
@owners_only
def take_retention() -> Any:
    """Saved at once where nothing goes; else only with the word, from the page that tells what goes."""
    form = request.form
    now = datetime.now(UTC)
    try:
        months = read_months(form.get("retention_months", ""))
        expected = (
            None if months is None else forecast_retention(get_parts().store, here().project.id, months, now)
        )
    except ConfigurationError as error:
        return Response(settings_page(problem=error), 422)
    is_typed = form.get("word", "").strip().lower() == WORD
    if expected is not None and expected.events and not is_typed:
        problem = f"Type {WORD} to confirm." if "word" in form else ""
        assert months is not None
        return Response(retention_page(months, expected, problem=problem), 422 if problem else 200)
    with get_parts().sessions.begin() as db:
        set_retention(db, here().project.id, months, now)
    return redirect(url_for("dashboard.settings", saved="retention", _anchor="privacy"))


@pages.post("/settings/addresses", endpoint="save_addresses")
@owners_only
def take_addresses() -> Any:
    with get_parts().sessions.begin() as db:
        db.get_one(Project, here().project.id).keeps_addresses = "keeps_addresses" in request.form
    return redirect(url_for("dashboard.settings", saved="addresses", _anchor="privacy"))


def read_months(text: str) -> int | None:
    """None for an empty text: for ever. Raises ConfigurationError."""
    text = text.strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise ConfigurationError(
            f"{text[:50]!r} is no number of months; leave it empty to keep events for ever.",
            at="retention_months",
        )
    return parse_months(int(text))


def retention_page(months: int, expected: Expected, *, problem: str = "") -> str:
    return render_template(
        "dashboard/retention.html", months=months, expected=expected, word=WORD, problem=problem
    )
