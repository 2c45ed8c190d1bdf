"""What is wrong with messages that need no replay: by event and violation, with the last of them as samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import render_template, request

from shopalytic.events.event import DropReason, QuarantineReason
from shopalytic.events.sentences import tell_violation
from shopalytic.events.violations import Violation
from shopalytic.reports.events_by_id import events_by_id
from shopalytic.reports.violations import REACH, ViolationCount, violations
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.timeline import ICONS, LABELS, Line, make_lines

SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
LONG_AGO = REACH - timedelta(days=1)
"""What is older than this may be older than what is looked at."""


COUNTED = 1000
SHOWN = 100
"""Violations on a page; whoever has more looks at one event or one kind."""
DROPPED: dict[str, str] = {
    DropReason.ORDER_KNOWN: "not counted, since its order id counted before",
    DropReason.REFUSED_BY_PLAN: "refused by the tracking plan",
    QuarantineReason.AGAINST_PLAN: "set aside by the tracking plan, in the quarantine",
}


@dataclass(frozen=True)
class Problem:
    """One violation to show. sentence: what was wrong and what would be right. why: what became of the dropped ones. is_old:
    it may be there for longer than since `first_at`."""

    row: ViolationCount
    label: str
    icon: str
    sentence: str
    why: str
    samples: list[Line]
    is_old: bool


@pages.get("/violations", endpoint="violations")
def show_violations() -> str:
    span = request.args.get("span", "day")
    span = span if span in SPANS else "day"
    event, kind = request.args.get("event", ""), request.args.get("kind", "")
    now = datetime.now(UTC)
    rows = violations(get_parts().store, here().values, now=now, span=SPANS[span], limit=COUNTED)
    wanted = [row for row in rows if event in ("", row.event) and kind in ("", row.kind)]
    return render_template(
        "dashboard/violations.html",
        problems=make_problems(wanted[:SHOWN], now),
        span=span,
        spans=list(SPANS),
        event=event,
        events=sorted({row.event for row in rows}),
        kind=kind,
        kinds=sorted({row.kind for row in rows}),
    )


def make_problems(rows: list[ViolationCount], now: datetime) -> list[Problem]:
    ids = sorted({id for row in rows for id in row.stored_samples})
    project = here().project
    events = events_by_id(get_parts().store, here().values, ids, received_since=now - REACH)
    lines = make_lines(events, project.time_zone, project.currency)
    samples = {(line.event.message_id, line.event.event): line for line in lines}
    oldest = f"{now - LONG_AGO:%Y-%m-%d %H:%M:%S}"
    return [
        Problem(
            row=row,
            label=LABELS.get(row.event, row.event),
            icon=ICONS.get(row.event, "dot"),
            sentence=explain(row.violation),
            why=" or ".join(DROPPED.get(reason, reason) for reason in row.reasons),
            samples=[samples[id, row.event] for id in row.stored_samples if (id, row.event) in samples],
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
