"""Adobe Commerce's webhooks, and what modules for Magento send in the same form: the REST API's entities.

Source: https://developer.adobe.com/commerce/extensibility/webhooks/
"""

from __future__ import annotations

from typing import Any

from shopalytic.collector.hooks.reading import (
    Ignored,
    Reading,
    Told,
    account,
    address,
    amount,
    carrier_code,
    child,
    children,
    context_of,
    discounts,
    get_id,
    ids,
    instant,
    line,
    money,
    positive,
    text,
    total_of,
    track,
    unpaid_end,
    visitor_of,
)
from shopalytic.collector.translated import digest_id

TOPICS = frozenset({"order", "creditmemo", "shipment", "customer"})
CREDITMEMO_CANCELLED = "3"
WRAPPERS = ("event", "data", "value")


def unwrap(topic: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(topic, entity). topic: as the address says it (`?topic=order`); empty: the name that the entity stands under."""
    for name in WRAPPERS:
        if isinstance(body.get(name), dict):
            body = body[name]
    named = [name for name in TOPICS if isinstance(body.get(name), dict) and topic in ("", name)]
    # A shipment or a credit memo may carry its order.
    if len(named) == 1 and "entity_id" not in body:
        return named[0], body[named[0]]
    return topic, body


def read(topic: str, body: dict[str, Any]) -> Reading:
    """topic: as `unwrap` takes it. Raises Rejected."""
    topic, entity = unwrap(topic, body)
    match topic:
        case "order":
            return _order(entity)
        case "creditmemo":
            return _refund(entity)
        case "shipment":
            return _shipment(entity)
        case "customer":
            return _customer(entity)
    return Ignored(f"The topic {topic[:100] or 'without a name'} is not needed.")


def _order(body: dict[str, Any]) -> Reading:
    order_id = get_id(body, "entity_id")
    state = text(body.get("state"))
    known = ids(customer=body.get("customer_id"), email=body.get("customer_email"), order=order_id)
    if state == "canceled" and not amount(body.get("total_paid")):
        return [unpaid_end(order_id, "magento", known, instant(body.get("updated_at")))]
    if state == "pending_payment":
        return Ignored(f"The order is {state}.")
    addresses = children(body, "addresses")
    shipping = child(body, "extension_attributes")
    assignments = children(shipping, "shipping_assignments")
    shipping = child(assignments[0], "shipping", "address") if assignments else _find(addresses, "shipping")
    sums, currency = _in_base_currency(body)
    coupon, discount = text(body.get("coupon_code")), positive(body.get(f"{sums}discount_amount"))
    codes = [(coupon, discount)] if coupon and discount else []
    properties = {
        "order_id": order_id,
        "order_name": text(body.get("increment_id")) or None,
        "cart_id": text(body.get("quote_id")) or order_id,
        "order_date": instant(body.get("created_at")),
        "total": money(body.get(f"{sums}grand_total")),
        "subtotal": money(body.get(f"{sums}subtotal")),
        "total_tax": money(body.get(f"{sums}tax_amount")),
        "total_shipping": money(body.get(f"{sums}shipping_amount")),
        **discounts(discount, codes),
        "currency": currency or None,
        "payment_type": text(child(body, "payment").get("method")) or None,
        "billing": _address(child(body, "billing_address") or _find(addresses, "billing")),
        "shipping": _address(shipping),
        "line_items": [_line(it, "qty_ordered", sums) for it in _bought(body)],
    }
    message = track(
        "order", known, properties, None,
        tracking_id=visitor_of([{"name": name, "value": value} for name, value in body.items()], "name"),
        context=context_of(body.get("remote_ip")),
    )  # fmt: skip
    return [Told(message, places=order_id)]


def _refund(body: dict[str, Any]) -> Reading:
    if text(body.get("state")) == CREDITMEMO_CANCELLED:
        return Ignored("The credit memo is cancelled.")
    refund_id, order_id = get_id(body, "entity_id"), get_id(body, "order_id")
    sums, currency = _in_base_currency(body)
    properties = {
        "order_id": order_id,
        "refund_id": refund_id,
        # The notification does not say what the order's total is.
        "refund_type": "partial",
        "total_refund": money(body.get(f"{sums}grand_total")),
        "subtotal_refund": money(body.get(f"{sums}subtotal")),
        "tax_refund": money(body.get(f"{sums}tax_amount")),
        "shipping_refund": money(body.get(f"{sums}shipping_amount")),
        "discount_refund": positive(body.get(f"{sums}discount_amount")),
        "currency": currency or None,
        "line_items": [_line(it, "qty", sums) for it in _bought(body) if amount(it.get("qty"))],
    }
    message = track("refund", ids(order=order_id), properties, instant(body.get("created_at")))
    return [Told(message, f"magento:refund:{refund_id}", refund_id)]


def _shipment(body: dict[str, Any]) -> Reading:
    order_id = get_id(body, "order_id")
    track_ = next(iter(children(body, "tracks")), {})
    code = carrier_code(track_.get("carrier_code"))
    shipped_at = instant(body.get("created_at"))
    properties = {
        "order_id": order_id,
        "shipment_id": get_id(body, "entity_id"),
        "carrier": carrier_code(track_.get("title")) if code == "custom" else code,
        "carrier_name": text(track_.get("title")) or None,
        "tracking_number": text(track_.get("track_number")) or None,
        "date_shipped": shipped_at,
    }
    known = ids(customer=body.get("customer_id"), order=order_id)
    message = track("shipment", known, properties, instant(body.get("updated_at")) or shipped_at)
    # Saved anew with each comment to it.
    return [Told(message, digest_id("magento:shipment:", properties))]


def _customer(body: dict[str, Any]) -> Reading:
    """A new customer was made and changed in the same moment."""
    name = "entity_id" if "entity_id" in body else "id"
    created_at, updated_at = body.get("created_at"), body.get("updated_at")
    joined_at = created_at if text(created_at) == text(updated_at) else None
    names = body.get("firstname"), body.get("lastname")
    return account(get_id(body, name), body.get("email"), *names, updated_at, joined_at)


def _bought(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Without the simple products that stand, free of charge, behind a configurable one."""
    return [it for it in children(body, "items") if text(it.get("parent_item_id")) in ("", "0")]


def _in_base_currency(body: dict[str, Any]) -> tuple[str, str]:
    """(what stands before the names of the amounts to take, their currency).

    A shop that sells in several currencies keeps its books in one: all its orders add up in that.
    """
    base, shown = text(body.get("base_currency_code")), text(body.get("order_currency_code"))
    if base and base != shown and money(body.get("base_grand_total")):
        return "base_", base
    return "", shown


def _line(it: dict[str, Any], qty: str, sums: str) -> dict[str, Any]:
    cost = total_of([it.get("base_cost")]) if amount(it.get("base_cost")) else None
    sku = text(it.get("sku")) or text(it.get("product_id"))
    return line(sku, it.get("name"), money(it.get(f"{sums}price")), it.get(qty), cost)


def _find(addresses: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next((it for it in addresses if it.get("address_type") == kind), {})


def _address(found: dict[str, Any]) -> dict[str, str] | None:
    region = found.get("region")
    state = child(found, "region").get("region") if isinstance(region, dict) else region
    return address(found.get("city"), found.get("postcode"), found.get("country_id"), state)
