"""What is wrong with the events that were taken: by event and violation, with the last message as a sample."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import render_template, request

from shopalytic.events.sentences import tell_violation
from shopalytic.events.violations import Violation
from shopalytic.reports.events_by_id import events_by_id
from shopalytic.reports.violations import REACH, ViolationCount, violations
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.timeline import LABELS, Line, make_lines

SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
LONG_AGO = REACH - timedelta(days=1)
"""What is older than this may be older than what is looked at."""


@dataclass(frozen=True)
class Problem:
    """One violation to show. sentence: what was wrong and what would be right. sample: its last message, None where it
    could not be found. is_old: it may be there for longer than since `first_at`."""

    row: ViolationCount
    label: str
    sentence: str
    sample: Line | None
    is_old: bool


@pages.get("/violations", endpoint="violations")
def show_violations() -> str:
    name = request.args.get("span", "day")
    name = name if name in SPANS else "day"
    now = datetime.now(UTC)
    rows = violations(get_parts().store, here().values, now=now, span=SPANS[name])
    return render_template(
        "dashboard/violations.html",
        problems=make_problems(rows, now),
        span=name,
        spans=list(SPANS),
    )


def make_problems(rows: list[ViolationCount], now: datetime) -> list[Problem]:
    ids = sorted({row.message_id for row in rows})
    project = here().project
    events = events_by_id(get_parts().store, here().values, ids, received_since=now - REACH)
    lines = make_lines(events, project.time_zone, project.currency)
    samples = {(line.event.message_id, line.event.event): line for line in lines}
    oldest = f"{now - LONG_AGO:%Y-%m-%d %H:%M:%S}"
    return [
        Problem(
            row=row,
            label=LABELS.get(row.event, row.event),
            sentence=explain(row.violation),
            sample=samples.get((row.message_id, row.event)),
            is_old=row.first_at < oldest,
        )
        for row in rows
    ]


def explain(violation: str) -> str:
    """What was wrong; a violation of a kind that this version does not know stands as it is."""
    kind, _, place = violation.partition(":")
    try:
        return tell_violation(Violation(kind), place)
    except ValueError:
        return violation
