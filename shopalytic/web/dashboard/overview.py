"""The landing page: the shop's last weeks in a few figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import render_template, request

from shopalytic.accounts.db import reading
from shopalytic.accounts.keys import list_tokens
from shopalytic.reports.overview import OverviewDay, overview
from shopalytic.reports.period import Period, local_today
from shopalytic.snippet import render_snippet
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.checks import read_checks

SPANS_DAYS = (7, 30, 90)
CHART_HEIGHT = 120


@pages.get("/", endpoint="overview")
def show_overview() -> str:
    span = request.args.get("days", 30, type=int)
    span = span if span in SPANS_DAYS else 30
    project = here().values
    last = local_today(project.time_zone, datetime.now(UTC))
    period = Period.of_days(last - timedelta(days=span - 1), last, project.time_zone)
    answer = overview(get_parts().store, project, period)
    is_empty = not (answer.totals.events or answer.totals.bot_events)
    return render_template(
        "dashboard/overview.html",
        period=period,
        span=span,
        spans=SPANS_DAYS,
        totals=answer.totals,
        days=answer.rows,
        bars=make_bars(answer.rows),
        height=CHART_HEIGHT,
        is_empty=is_empty,
        snippet=find_snippet() if is_empty else None,
        check=None if here().is_sandbox else read_checks().last,
    )


def make_bars(days: list[OverviewDay]) -> list[dict[str, Any]]:
    """Heights of a chart's bars, the highest CHART_HEIGHT; a day with any revenue is at least visible."""
    highest = max((day.revenue for day in days), default=Decimal(0))
    return [
        {"day": day, "height": max(2, round(CHART_HEIGHT * day.revenue / highest)) if day.revenue > 0 else 0}
        for day in days
    ]


def find_snippet() -> str | None:
    """HTML to paste into a page's head, with the project's newest token; None where all are revoked. A page of the
    sandbox gives what sends there.
    """
    with reading(get_parts().sessions) as db:
        tokens = list_tokens(db, here().shop.id)
    if not tokens:
        return None
    settings = get_parts().settings
    # Without a public address, the one under which this page was asked for.
    address = settings.public_url or request.host_url
    script = render_snippet(settings, address, tokens[0], is_sandbox=here().is_sandbox)
    return f"<script>{script}</script>"
