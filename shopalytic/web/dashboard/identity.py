"""How a customer's ids hang together: the picture, the sentences, and what somebody decided of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for

from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.customers import get_successor
from shopalytic.web.dashboard.decisions import read_decisions
from shopalytic.web.dashboard.identity_graph import Graph, cut, name_others
from shopalytic.web.dashboard.picture import draw_wide
from shopalytic.web.dashboard.picture_tall import draw_tall
from shopalytic.web.dashboard.story import names_of_others, read_story

WIDE_IDS = 30
TALL_IDS = 12
PAGE_SENTENCES = 100


@pages.get("/customers/<uuid:customer_id>/identity", endpoint="customer_identity")
def show_identity(customer_id: UUID) -> Any:
    parts, project = get_parts(), here().values
    person = people.find_person(parts, project, customer_id)
    if person is None:
        return redirect(url_for("dashboard.customer_identity", customer_id=get_successor(customer_id)))
    story = read_story(parts, project, person)
    decisions = read_decisions(customer_id)
    start = max(0, request.args.get("from", 0, type=int))
    return render_template(
        "dashboard/identity.html",
        person=person,
        told=story.told[start : start + PAGE_SENTENCES],
        start=start,
        total=len(story.told),
        page_sentences=PAGE_SENTENCES,
        decisions=decisions,
        done=next((one for one in decisions if one.made.decision_id == request.args.get("done")), None),
        **drawings(story.graph),
    )


def drawings(graph: Graph) -> dict[str, Any]:
    """wide, tall: the picture for either kind of screen. others: the other customers that it shows. states: of its edges."""
    wide = cut(graph, WIDE_IDS)
    wide = name_others(wide, names_of_others(get_parts(), here().values, wide))
    others = [node for node in wide.nodes if node.customer_id is not None]
    names = {node.customer_id: node.label for node in others if node.customer_id is not None}
    return {
        "wide": draw_wide(wide),
        "tall": draw_tall(name_others(cut(graph, TALL_IDS), names)),
        "others": others,
        "states": {edge.state for edge in wide.edges},
    }
