"""The customers, and one customer's page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import abort, redirect, render_template, request, url_for

from shopalytic.reports.customer_events import customer_events
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.identity_graph import cut
from shopalytic.web.dashboard.overview import find_snippet
from shopalytic.web.dashboard.picture_tall import draw_tall
from shopalytic.web.dashboard.story import read_story
from shopalytic.web.dashboard.timeline import make_lines, split_by_session
from shopalytic.web.dashboard.tracking import read_tracking

PAGE_EVENTS = 100
REASONS_SHOWN = 3
IDS_DRAWN = 4
IDS_LISTED = 20
"""On the customer's own page; the page of its identity has more."""


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
        return redirect(url_for("dashboard.customer", customer_id=get_successor(customer_id)))
    story = read_story(parts, project, person)
    values: dict[str, Any] = {"tracking": read_tracking(person)}
    values |= {"person": person, "story": story, "tall": draw_tall(cut(story.graph, IDS_DRAWN, 0))}
    return render_template(
        "dashboard/customer.html",
        **values,
        **read_timeline(person),
        reasons_shown=REASONS_SHOWN,
        ids_listed=IDS_LISTED,
    )


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


def get_successor(customer_id: UUID) -> UUID:
    """Who has what was this customer's, since a merge or since a visitor signed in. Nobody: the page is not there."""
    successor = people.find_successor(get_parts(), here().values, customer_id)
    if successor is None or successor == customer_id:
        abort(404)
    return successor
