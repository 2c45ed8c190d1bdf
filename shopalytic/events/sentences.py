"""What people read about a violation or a quarantined message: what was wrong, and what would be right."""

from __future__ import annotations

from shopalytic.events.catalogue import EVENT_SLIPS, PROPERTY_SLIPS
from shopalytic.events.event import QuarantineReason
from shopalytic.events.violations import Violation

VIOLATIONS: dict[Violation, str] = {
    Violation.MISSING: "{at} is required, but is missing or null; send it with a value.",
    Violation.EMPTY: "{at} is there with nothing in it; send a value, or leave it out where it is optional.",
    Violation.NOT_A_TEXT: "{at} is not a text; send one in quotes.",
    Violation.NOT_A_DECIMAL: '{at} is not a decimal; send 9.99 or "9.99", without a currency sign.',
    Violation.NOT_AN_INTEGER: "{at} is not a whole number; send one such as 2.",
    Violation.NOT_A_BOOLEAN: "{at} is not a boolean; send true or false, without quotes.",
    Violation.NOT_A_TIMESTAMP: "{at} is not a timestamp; send UTC seconds, milliseconds or ISO 8601.",
    Violation.NOT_AN_ARRAY: "{at} is not an array; send a list such as [1, 2].",
    Violation.NOT_AN_OBJECT: '{at} is not an object; send one such as {"name": "value"}.',
    Violation.NOT_AN_EMAIL: "{at} is not an e-mail address; send one such as name@shop.example.",
    Violation.NOT_A_COUNTRY: "{at} is not a country's code; send ISO 3166's three capital letters, such as DEU.",
    Violation.NOT_A_CURRENCY: "{at} is not a currency's code; send ISO 4217's three letters, such as EUR.",
    Violation.NUMBER_AS_TEXT: "{at} is a whole number in quotes, which was taken; send it without quotes.",
    Violation.OUT_OF_RANGE: "{at} is too large, or not among the values that it may have; send one that fits.",
    Violation.TOO_LONG: "{at} has more than 255 characters, which no id may have; send a shorter one.",
    Violation.UNKNOWN_CARRIER: "{at} is no known carrier, and was taken as custom; send a code that is known.",
    Violation.NEGATIVE: "{at} is less than 0; send a refund or a discount as one, with amounts above 0.",
    Violation.DOES_NOT_ADD_UP: "{at} is not the sum of {parts}; send amounts that add up.",
    Violation.LARGER_THAN_ORDER: "{at} gives back more than is left of the order; send what was paid back, once.",
    Violation.OTHER_CONTENTS: "{at} is another than when this order_id counted; send each order under an id of its own.",
    Violation.OUT_OF_ORDER: "{at} is earlier than date_shipped; send each date as it was, in UTC.",
    Violation.IN_THE_FUTURE: "{at} lies in the future; send UTC, and the time at which it happened.",
    Violation.FORBIDDEN_ID: "{at} can be nobody's id, and the event counts without it; send the customer's own.",
    Violation.OWNED_BY_ANOTHER: "{at} is another customer's than the other ids; send the ids of one customer.",
    Violation.UNPLANNED: "{at} is not in the tracking plan; add it there, or send it no more.",
    Violation.UNPLANNED_EVENT: "{at} names none of the tracking plan; add it there, or mend the name.",
    Violation.RENAMED: "{at} was taken as {meant}; send it so.",
}
"""`{at}` stands for the property, `{meant}` for the right name, `{parts}` for what the property is the sum of."""

QUARANTINE: dict[QuarantineReason, str] = {
    QuarantineReason.NOT_READABLE: "Send one JSON object whose members are of the documented types.",
    QuarantineReason.NO_EVENT_NAME: "Send a name in event.",
    QuarantineReason.NO_ID: "Send the visitor's tracking_id, the customer's user_id, or both.",
    QuarantineReason.FORBIDDEN_ID: "Send an id of the visitor's or the customer's own.",
    QuarantineReason.BAD_TIMESTAMP: "Send UTC seconds, milliseconds or ISO 8601, from 1970 to 2299.",
    QuarantineReason.EMAIL_IN_USE: "Send the e-mail address of the customer whom the ids name.",
    QuarantineReason.STORE_REFUSED: "Send values of the size and the type that the event's properties have.",
    QuarantineReason.PIPELINE_FAILED: "That is a fault of the server, whose log tells more; send nothing anew.",
    QuarantineReason.AGAINST_PLAN: "Send what the tracking plan says, or change the plan; then replay.",
}
"""What would be right; what was wrong is the quarantine's own `detail`."""

PLACES = {
    QuarantineReason.NO_EVENT_NAME: "event",
    QuarantineReason.NO_ID: "tracking_id",
    QuarantineReason.BAD_TIMESTAMP: "timestamp",
}
"""The message's member that a reason is about, where it is always the same."""

_LINES = "price times qty of all line_items"
_PARTS = {
    "subtotal": _LINES,
    "subtotal_refund": _LINES,
    "total": "subtotal, total_tax and total_shipping less total_discount",
    "total_refund": "subtotal_refund, tax_refund and shipping_refund less discount_refund",
    "total_discount": "the values of discounts",
}
_MEANT = EVENT_SLIPS | PROPERTY_SLIPS | {"cart_add": "cart_modify, since qty is 0"}


def tell_violation(kind: Violation, at: str) -> str:
    """The sentence about the violation `kind:at`."""
    sentence = VIOLATIONS[kind].replace("{meant}", _MEANT.get(at, "what was meant"))
    return sentence.replace("{parts}", _PARTS.get(at, "its parts")).replace("{at}", at, 1)
