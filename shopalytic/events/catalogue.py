"""The predefined events as data: what conversion, checks, reading back and the documentation all come from."""

from __future__ import annotations

from typing import Any

import msgspec

from shopalytic.events import values
from shopalytic.events.lines import check_address, check_discounts, take_lines
from shopalytic.events.values import Take, Taken
from shopalytic.events.violations import Violation

CARRIERS = frozenset(
    """
    aramex australia-post canada-post spain-correos-es dhl-global-mail dhl-poland dpd fedex-uk flash-courier
    india-post israel-post la-poste-colissimo opek parcel-force portugal-seur royal-mail sf-express singapore-post
    siodemka star-track taqbin-hk tnt ups oca-ar brazil-correios china-ems dhl-germany dhl-nl dhl danmark-post fedex
    hong-kong-post international-seur korea-post malaysia-post ontrac portugal-ctt purolator russian-post saudi-post
    singapore-speedpost spanish-seur swiss-post taqbin-sg thailand-post usps custom
    """.split()  # noqa: SIM905
)

EVENT_SLIPS = {"customer_register": "account_register"}
PROPERTY_SLIPS = {"tracking_numer": "tracking_number"}


class Property(msgspec.Struct, frozen=True):
    """One property of a predefined event.

    take: converts and checks. column: the Event's field that it fills; None: it stays in `properties`.
    required: True, or the (property, value) under which it is; a value of None means whenever that property is
    there. is_time: it is the event's time where the message has none; always: even where the message has one.
    is_shared: the column also says what came by another way (the page's address in the context), so that what was
    sent as a property stays one.
    """

    name: str
    take: Take
    column: str | None = None
    required: bool | tuple[str, str | None] = False
    is_time: bool = False
    is_time_always: bool = False
    is_shared: bool = False


def _take_carrier(value: Any, at: str, violations: list[str]) -> Taken | None:
    taken = values.take_id(value, at, violations)
    if taken is None:
        return None
    code = taken[0].lower()
    if code not in CARRIERS:
        violations.append(Violation.UNKNOWN_CARRIER.at(at))
        return "custom", False
    return code, code == value


def _take_refund_type(value: Any, at: str, violations: list[str]) -> Taken | None:
    taken = values.take_text(value, at, violations)
    if taken is None:
        return None
    text = taken[0].strip().lower()
    if text not in ("full", "partial"):
        violations.append(Violation.OUT_OF_RANGE.at(at))
        return None
    return text, text == value


def _check(take: Any) -> Take:
    """A check that leaves nothing for a column."""
    return take  # type: ignore[no-any-return]


_email = Property("email", _check(values.check_email))
_order_id = Property("order_id", values.take_order_id, "order_id", required=True)
_cart_id = Property("cart_id", values.take_id, "cart_id", required=True)
_sku = Property("sku", values.take_id, "sku", required=True)
_price = Property("price", values.take_decimal, "price")
_qty = Property("qty", values.take_integer, "qty", required=True)
_modified = Property("modified_date", values.take_instant, is_time=True)
_partial = ("refund_type", "partial")
_logged_in = Property("logged_in", _check(values.check_boolean))

PREDEFINED: dict[str, tuple[Property, ...]] = {
    "account_register": (
        msgspec.structs.replace(_email, required=True),
        Property("first_name", _check(values.check_text), required=True),
        Property("last_name", _check(values.check_text), required=True),
        Property("join_date", values.take_instant, is_time=True),
    ),
    "account_update": (
        _email,
        Property("first_name", _check(values.check_text)),
        Property("last_name", _check(values.check_text)),
    ),
    "cart_add": (_cart_id, _sku, msgspec.structs.replace(_price, required=True), _qty, _modified),
    "cart_modify": (_cart_id, _sku, _qty, _price, _modified),
    "order": (
        _order_id,
        _cart_id,
        Property("total", values.take_decimal, "total", required=True),
        Property("subtotal", values.take_decimal, "subtotal", required=True),
        Property("line_items", take_lines, "line_items", required=True),
        Property("order_date", values.take_instant, is_time=True, is_time_always=True),
        Property("billing", _check(check_address)),
        Property("shipping", _check(check_address)),
        Property("total_tax", values.take_decimal, "total_tax"),
        Property("total_shipping", values.take_decimal, "total_shipping"),
        Property("payment_type", _check(values.check_text)),
        Property("discounts", _check(check_discounts)),
        Property("total_discount", values.take_decimal, "total_discount", required=("discounts", None)),
    ),
    "refund": (
        _order_id,
        Property("refund_type", _take_refund_type, "refund_type", required=True),
        Property("total_refund", values.take_decimal, "total", required=_partial),
        Property("subtotal_refund", values.take_decimal, "subtotal", required=_partial),
        Property("line_items", take_lines, "line_items", required=_partial),
        Property("tax_refund", values.take_decimal, "total_tax"),
        Property("shipping_refund", values.take_decimal, "total_shipping"),
        Property("discount_refund", values.take_decimal, "total_discount"),
    ),
    "shipment": (
        _order_id,
        Property("shipment_id", values.take_id, "shipment_id", required=True),
        Property("carrier", _take_carrier, "carrier", required=True),
        Property("tracking_number", _check(values.take_id)),
        Property("date_shipped", _check(values.check_instant)),
        Property("date_delivered", _check(values.check_instant)),
    ),
    "shipment_update": (
        _order_id,
        Property("shipment_id", values.take_id, "shipment_id", required=True),
        Property("date_shipped", _check(values.check_instant), required=True),
        Property("date_delivered", _check(values.check_instant), required=True),
    ),
    "product_view": (
        _sku,
        Property("name", values.take_text, "product_name", required=True),
        msgspec.structs.replace(_price, required=True),
        Property("categories", _check(values.check_array)),
        _logged_in,
    ),
    "page_view": (
        Property("url", values.take_url, "url", required=True),
        # A direct visit has no referrer, and a client that leaves it out then is not at fault.
        Property("referrer", values.take_url, "referrer"),
        _logged_in,
        Property("title", values.take_long_text, "title", is_shared=True),
        Property("screen", values.take_text, "screen", is_shared=True),
        Property("language", values.take_text, "language", is_shared=True),
        Property("time_zone", values.take_text, "time_zone", is_shared=True),
    ),
}

COMMON = (
    Property("order_id", values.take_order_id, "order_id"),
    Property("cart_id", values.take_id, "cart_id"),
    Property("sku", values.take_id, "sku"),
    Property("name", values.take_text, "product_name"),
    _price,
    Property("qty", values.take_integer, "qty"),
    Property("currency", values.take_currency, "currency"),
    Property("total", values.take_decimal, "total"),
    Property("subtotal", values.take_decimal, "subtotal"),
    Property("page_type", values.take_text, "page_type"),
)
"""What fills its column in any event. `name` does only beside a `sku`: elsewhere it may be anybody's."""

PERSONAL = frozenset({"identify", "alias", "account_register", "account_update"})
"""Events about a person, whose `name` or `total` is no product's."""


class Shape(msgspec.Struct, frozen=True):
    """What `properties` is read by. is_checked: violations are recorded; a free name is checked by nobody."""

    properties: dict[str, Property]
    required: tuple[Property, ...]
    columns: tuple[Property, ...]
    """Those that reading back takes from their columns."""
    is_checked: bool


def _shape(name: str, own: tuple[Property, ...]) -> Shape:
    used = {item.column for item in own} | {item.name for item in own}
    common = [] if name in PERSONAL else [p for p in COMMON if p.column not in used and p.name not in used]
    listed = {item.name: item for item in (*own, *common)}
    return Shape(
        listed,
        tuple(item for item in own if item.required),
        tuple(item for item in listed.values() if item.column and not item.is_shared),
        bool(own),
    )


SHAPES = {name: _shape(name, own) for name, own in PREDEFINED.items()}
FREE = _shape("", ())
_BARE = _shape("identify", ())


def find_shape(event: str) -> Shape:
    """The shape of a predefined event, or that of any other."""
    return SHAPES.get(event) or (_BARE if event in PERSONAL else FREE)
