"""A customer's property: the values that it had, and what said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import abort, render_template, request

from shopalytic.events.value_types import ValueType, find_type
from shopalytic.reports.property_history import Held, PropertyHistory, property_history
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.timeline import LABELS

TYPE_WORDS: dict[ValueType, str] = {
    "text": "text",
    "number": "number",
    "boolean": "true or false",
    "date": "date",
    "timestamp": "timestamp",
    "list": "list",
    "object": "object",
    "nothing": "nothing",
}


@dataclass(frozen=True)
class Property:
    """What a customer's page shows of one. is_explained: a stored message says the value of now."""

    name: str
    value: Any
    is_known: bool
    history: PropertyHistory

    @property
    def is_explained(self) -> bool:
        held = self.history.values
        return not self.is_known or bool(held and held[0].value == self.value)


@pages.get("/customers/<uuid:customer_id>/property", endpoint="property")
def show_property(customer_id: UUID) -> str:
    """`name` says which one. htmx takes only the list, and puts it below the value."""
    person = people.find_person(get_parts(), here().values, customer_id)
    if person is None:
        abort(404)
    name = request.args.get("name", "")
    found = property_history(get_parts().store, here().values, customer_id, person.origins, name)
    is_known = name in person.properties
    if not is_known and not found.values:
        abort(404)
    shown = Property(name, person.properties.get(name), is_known, found)
    page = "_property_values" if request.headers.get("HX-Request") else "property"
    return render_template(f"dashboard/{page}.html", person=person, property=shown, label_of=label_of)


@pages.app_template_filter("type_word")
def type_word(value: Any) -> str:
    return TYPE_WORDS[find_type(value)]


def label_of(held: Held) -> str:
    return LABELS.get(held.first.event, held.first.event)
