"""The nightly check on pages: what it found, and the buttons to check now and to mend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, redirect, request, url_for

from shopalytic.accounts.models import IdentityCheck
from shopalytic.audit.ask import ask
from shopalytic.audit.record import Sample, find_latest, samples_of
from shopalytic.audit.sentences import SENTENCES, tell_check
from shopalytic.errors import Rejected
from shopalytic.web.dashboard.access import get_parts, here, owners_only, pages
from shopalytic.web.dashboard.formats import moment

NIGHT_ENDS_AT_HOUR = 6


@dataclass(frozen=True)
class Check:
    """left: differences that nobody has mended."""

    row: IdentityCheck
    when: str
    sentence: str
    left: int
    samples: list[tuple[Sample, str]]


@dataclass(frozen=True)
class Checks:
    """last: the newest that is done; running: the one under way."""

    last: Check | None
    running: Check | None


@pages.post("/settings/identity-check", endpoint="begin_check")
@owners_only
def take_begin_check() -> Any:
    wish = request.form.get("wish", "")
    if wish not in ("check", "mend"):
        abort(400, "A wish is to check or to mend.")
    try:
        ask(get_parts(), here().project.id, asked_by=f"user:{here().user.id}", mends=wish == "mend")
    except Rejected as error:
        abort(400, error.message)
    return redirect(url_for("dashboard.settings", _anchor="identity-check"))


def read_checks() -> Checks:
    """Of the project itself: its sandbox is not checked."""
    last, running = find_latest(get_parts().sessions, here().shop.id)
    return Checks(_check(last), _check(running))


def tell_when(at: datetime, time_zone: str, now: datetime) -> str:
    """`last night at 03:12`, `today at 14:05`, `on 22 Nov 2026, 03:12`."""
    local, today = at.astimezone(ZoneInfo(time_zone)), now.astimezone(ZoneInfo(time_zone))
    is_recent = today - local < timedelta(hours=24)
    if local.hour < NIGHT_ENDS_AT_HOUR and is_recent:
        return f"last night at {local:%H:%M}"
    if local.date() == today.date():
        return f"today at {local:%H:%M}"
    return f"on {moment(local)}"


def _check(row: IdentityCheck | None) -> Check | None:
    if row is None:
        return None
    when = tell_when(row.done_at or row.started_at, here().shop.time_zone, datetime.now(UTC))
    samples = [(one, SENTENCES[one.kind]) for one in samples_of(row)]
    return Check(row, when, tell_check(row), row.differences - row.mended, samples)
