"""Names of Segment's e-commerce events and of their properties, and what they are called here. Pure.

What has no name here keeps its own; nothing that was sent is thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from shopalytic.events.values import take_decimal

EVENTS = {
    "Product Viewed": "product_view",
    "Product Added": "cart_add",
    "Product Removed": "cart_modify",
    "Checkout Started": "checkout",
    "Order Completed": "order",
    "Order Refunded": "refund",
    "Products Searched": "search",
    "Signed Up": "account_register",
    "Viewed Product": "product_view",
    "Added Product": "cart_add",
    "Removed Product": "cart_modify",
    "Completed Order": "order",
}
"""By the name as documented; the last four are those of the first version. Upper and lower case do not matter."""
_BY_LOWER_NAME = {name.lower(): meant for name, meant in EVENTS.items()}

_PRODUCT = {"product_id": "sku", "quantity": "qty"}
_ORDER = {
    "products": "line_items",
    "tax": "total_tax",
    "shipping": "total_shipping",
    "discount": "total_discount",
    "payment_method": "payment_type",
}
PERSON = {"firstName": "first_name", "lastName": "last_name"}
LINE_ITEM = _PRODUCT

RENAMES: Mapping[str, Mapping[str, str]] = {
    "product_view": _PRODUCT,
    "cart_add": _PRODUCT,
    "cart_modify": {"product_id": "sku"},
    "checkout": _ORDER,
    "order": _ORDER,
    "refund": {
        "products": "line_items",
        "total": "total_refund",
        "subtotal": "subtotal_refund",
        "tax": "tax_refund",
        "shipping": "shipping_refund",
        "discount": "discount_refund",
    },
    "account_register": PERSON,
}
"""By our event: the property's name at Segment → ours. Where ours was sent too, both stay as they are."""


def find_event(name: str) -> str | None:
    """Our name for one of Segment's events; None for any other."""
    return _BY_LOWER_NAME.get(name.strip().lower())


def rename(properties: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        names[name] if name in names and properties.get(names[name]) is None else name: value
        for name, value in properties.items()
        if value is not None or name not in names.values()
    }


def translate_properties(event: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of one of our events as it calls them. event: as `find_event` gives it."""
    names = dict(RENAMES.get(event, {}))
    if isinstance(sent.get("shipping"), dict):
        names.pop("shipping", None)  # an address, as our own events have it
    properties = rename(sent, names)
    if isinstance(properties.get("line_items"), list):
        properties["line_items"] = [
            _count(rename(item, LINE_ITEM)) if isinstance(item, dict) else item
            for item in properties["line_items"]
        ]
    match event:
        case "product_view" if isinstance(properties.get("category"), str) and "categories" not in properties:
            properties["categories"] = [properties.pop("category")]
        case "cart_add":
            properties = _count(properties)
        case "cart_modify":
            properties["qty"] = 0
        case "order" | "checkout":
            _put_amounts(properties)
            _put_discounts(properties)
        case "refund":
            if not properties.get("refund_type"):
                properties["refund_type"] = "partial" if properties.get("line_items") else "full"
            _put_refunded(properties)
    return properties


def _count(product: dict[str, Any]) -> dict[str, Any]:
    """One, where no quantity was sent: it is optional at Segment, and the line would be worth nothing here."""
    return product if product.get("qty") is not None else product | {"qty": 1}


def _put_amounts(properties: dict[str, Any]) -> None:
    """The total and the subtotal that are missing, of what Segment has instead.

    Its subtotal and revenue are without tax and shipping, and by its description after discounts. Its own example,
    and many a shop after it, gives as revenue what the products cost before them.
    """
    revenue = _decimal(properties.get("revenue"))
    subtotal = _decimal(properties.get("subtotal"))
    if properties.get("subtotal") is None and revenue is not None:
        properties["subtotal"] = revenue
    if properties.get("total") is not None:
        return
    if subtotal is None and revenue is not None:
        discount = abs(_decimal(properties.get("total_discount")) or Decimal(0))
        subtotal = revenue - discount if revenue == _goods(properties) else revenue
    if subtotal is not None:
        parts = [_decimal(properties.get(name)) for name in ("total_tax", "total_shipping")]
        properties["total"] = sum((part for part in parts if part is not None), subtotal)
    elif properties.get("value") is not None:
        properties["total"] = properties["value"]


def _put_refunded(properties: dict[str, Any]) -> None:
    """Amounts without the sign that some send, and those that are missing of the products that come back."""
    for name in RENAMES["refund"].values():
        sent = _decimal(properties.get(name))
        if sent is not None and sent < 0:
            properties[name] = -sent
    goods = _goods(properties)
    if goods is None:
        return
    if properties.get("subtotal_refund") is None:
        properties["subtotal_refund"] = goods
    if properties.get("total_refund") is None:
        tax, shipping, discount = (
            _decimal(properties.get(f"{name}_refund")) or Decimal(0)
            for name in ("tax", "shipping", "discount")
        )
        properties["total_refund"] = goods + tax + shipping - discount


def _goods(properties: dict[str, Any]) -> Decimal | None:
    """What the line items cost; None where there are none, or one says no price."""
    lines = properties.get("line_items")
    if not isinstance(lines, list) or not lines:
        return None
    sum_of_lines = Decimal(0)
    for line in lines:
        price, qty = (
            (_decimal(line.get(name)) for name in ("price", "qty"))
            if isinstance(line, dict)
            else (None, None)
        )
        if price is None or qty is None:
            return None
        sum_of_lines += price * qty
    return sum_of_lines


def _put_discounts(properties: dict[str, Any]) -> None:
    code, value = properties.get("coupon"), properties.get("total_discount")
    if code and value is not None and "discounts" not in properties:
        properties["discounts"] = [{"code": code, "value": value}]


def _decimal(value: Any) -> Decimal | None:
    taken = take_decimal(value, "", [])
    return None if taken is None else Decimal(taken[0])
