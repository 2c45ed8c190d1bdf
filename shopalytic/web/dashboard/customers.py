"""The customers, and one customer's page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for

from shopalytic.accounts.db import reading
from shopalytic.identity.explain import links, sentences
from shopalytic.reports.customer_events import customer_events
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.formats import local
from shopalytic.web.dashboard.overview import find_snippet
from shopalytic.web.dashboard.timeline import make_lines, split_by_session

PAGE_EVENTS = 100


@pages.get("/customers", endpoint="customers")
def show_customers() -> str:
    asked = request.args.get("q", "").strip()[:200]
    parts, project = get_parts(), here().values
    rows = people.search(parts, project, asked) if asked else people.list_recent(parts, project)
    is_empty = not asked and not rows
    return render_template(
        "dashboard/customers.html",
        q=asked,
        rows=rows,
        is_empty=is_empty,
        snippet=find_snippet() if is_empty else None,
    )


@pages.get("/customers/<uuid:customer_id>", endpoint="customer")
def show_customer(customer_id: UUID) -> Any:
    parts, project = get_parts(), here().values
    person = people.find_person(parts, project, customer_id)
    if person is None:
        successor = people.find_successor(parts, project, customer_id)
        if successor is None or successor == customer_id:
            abort(404)
        return redirect(url_for("dashboard.customer", customer_id=successor))
    values = {"person": person, "reasons": read_reasons(customer_id)}
    return render_template("dashboard/customer.html", **values, **read_timeline(person))


@pages.get("/customers/<uuid:customer_id>/timeline", endpoint="timeline")
def show_timeline(customer_id: UUID) -> str:
    """Older sessions, which htmx puts below the others."""
    person = people.find_person(get_parts(), here().values, customer_id)
    if person is None:
        abort(404)
    return render_template("dashboard/_sessions.html", person=person, **read_timeline(person))


def read_timeline(person: people.Person) -> dict[str, Any]:
    try:
        page = customer_events(
            get_parts().store,
            here().values,
            person.customer_id,
            person.origins,
            limit=PAGE_EVENTS,
            cursor=request.args.get("cursor", ""),
        )
    except ValueError as error:
        abort(400, f"The address is wrong: {error}.")
    lines = make_lines(page.events, here().project.time_zone, here().project.currency)
    has_more = page.next is not None
    return {"sessions": split_by_session(lines, has_more=has_more), "next": page.next}


@dataclass(frozen=True)
class Reason:
    """One sentence of the ledger, and how often it was said again. Instants are in the project's zone."""

    first_at: datetime
    last_at: datetime
    times: int
    sentence: str


def read_reasons(customer_id: UUID) -> list[Reason]:
    """Why these ids are one person, oldest first. A browser says so at every page: the same is told once."""
    with reading(get_parts().sessions) as db:
        found = links(db, here().project.id, customer_id)
    zone = here().project.time_zone
    reasons: dict[tuple[Any, ...], Reason] = {}
    for link, sentence in zip(found, sentences(found), strict=True):
        at = local(link.since, zone)
        # The sentence begins with its time in UTC; the page tells it in the project's zone.
        said = sentence.partition(" UTC: ")[2]
        ids = (link.tracking_id, link.type, link.value, link.other_type, link.other_value)
        key = (link.kind, *ids, link.active, link.refused, link.earlier_elsewhere)
        known = reasons.get(key)
        reasons[key] = (
            replace(known, last_at=at, times=known.times + 1)
            if known
            else Reason(at, at, 1, said[:1].upper() + said[1:])
        )
    return list(reasons.values())
