"""What can be wrong with an event that is stored all the same. The list is closed and documented."""

from __future__ import annotations

import enum


class Violation(enum.StrEnum):
    """The kind in a violation's text `kind:property`; a place inside reads `line_items[2].qty`, `billing.country`."""

    MISSING = "missing"
    """A required property is not there, or null."""
    EMPTY = "empty"
    """It is there with nothing in it."""
    NOT_A_TEXT = "not_a_text"
    NOT_A_DECIMAL = "not_a_decimal"
    NOT_AN_INTEGER = "not_an_integer"
    NOT_A_BOOLEAN = "not_a_boolean"
    NOT_A_TIMESTAMP = "not_a_timestamp"
    NOT_AN_ARRAY = "not_an_array"
    NOT_AN_OBJECT = "not_an_object"
    NOT_AN_EMAIL = "not_an_email"
    NOT_A_COUNTRY = "not_a_country"
    """Not one of ISO 3166's three-letter codes."""
    NOT_A_CURRENCY = "not_a_currency"
    """Not three letters."""
    NUMBER_AS_TEXT = "number_as_text"
    """A whole number came in quotes; it was taken."""
    OUT_OF_RANGE = "out_of_range"
    """Too large for its column, or not among the values that the property may have."""
    TOO_LONG = "too_long"
    """An id of more than 255 characters, which no column takes."""
    UNKNOWN_CARRIER = "unknown_carrier"
    """Stored as `custom`."""
    FORBIDDEN_ID = "forbidden_id"
    """An id that cannot be anybody's, such as `null`; the event counts without it."""
    OWNED_BY_ANOTHER = "owned_by_another"
    """Ids of different customers in one message: the first one's event, and no link between them."""
    RENAMED = "renamed"
    """`renamed:<name as sent>`: a known slip in an event's or a property's name, taken as what was meant."""

    UNPLANNED = "unplanned"
    """A property that the project's tracking plan does not have, where the plan says to tell."""
    UNPLANNED_EVENT = "unplanned_event"
    """`unplanned_event:event`: neither predefined nor in the project's tracking plan, where the plan says to tell."""

    def at(self, place: str) -> str:
        return f"{self.value}:{place}"
