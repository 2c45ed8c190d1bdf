"""Live events: new ones appear at the top of the page, which asks for them every two seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import abort, render_template, request

from shopalytic.events.event import Event
from shopalytic.reports.event_names import event_names
from shopalytic.reports.new_events import new_events
from shopalytic.reports.period import parse_sql_instant, sql_instant
from shopalytic.reports.recent_events import recent_events
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.formats import local
from shopalytic.web.dashboard.overview import find_snippet
from shopalytic.web.dashboard.people import names_of
from shopalytic.web.dashboard.timeline import Line, make_lines

PAGE_EVENTS = 50
OVERLAP = timedelta(seconds=10)
"""Longer than an event takes from its `stored_at` until it can be read, plus what the worker's clock may be off.
The page drops what it has already."""
LONGEST_GAP = timedelta(days=1)
"""A page that slept for longer, as a laptop does, is not told all that it missed."""


@pages.get("/live", endpoint="live")
def show_live() -> str:
    event = request.args.get("event", "")
    now = datetime.now(UTC)
    try:
        page = recent_events(
            get_parts().store,
            here().values,
            now=now,
            event=event,
            limit=PAGE_EVENTS,
            cursor=request.args.get("cursor", ""),
        )
    except ValueError as error:
        abort(400, f"The address is wrong: {error}.")
    names = [name.event for name in event_names(get_parts().store, here().values)]
    return render_template(
        "dashboard/live.html",
        lines=_lines(page.events, now),
        next=page.next,
        is_newest="cursor" not in request.args,
        event=event,
        names=names if not event or event in names else [event, *names],
        since=sql_instant(now),
        is_empty=not names,
        snippet=None if names else find_snippet(),
    )


@pages.get("/live/new", endpoint="live_new")
def show_new() -> str:
    """The part of the page that htmx puts on top, and the next poll, which begins where this one ended."""
    now = datetime.now(UTC)
    try:
        since = max(parse_sql_instant(request.args.get("since", "")), now - LONGEST_GAP)
    except ValueError:
        abort(400, "The address is wrong: `since` is no instant.")
    event = request.args.get("event", "")
    events = new_events(
        get_parts().store, here().values, stored_since=since - OVERLAP, event=event, limit=PAGE_EVENTS
    )
    return render_template(
        "dashboard/_live_new.html", lines=_lines(events, now), event=event, since=sql_instant(now)
    )


def _lines(events: list[Event], now: datetime) -> list[Line]:
    project = here().project
    names = names_of(get_parts(), project.id, {UUID(event.customer_id) for event in events})
    today = local(now, project.time_zone).date()
    return make_lines(events, project.time_zone, project.currency, names=names, today=today)
