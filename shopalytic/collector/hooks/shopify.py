"""Shopify's webhooks: the REST resources Order, Refund, Fulfillment and Customer.

Source: https://shopify.dev/docs/api/webhooks
"""

from __future__ import annotations

from typing import Any

from shopalytic.collector.hooks.reading import (
    Ignored,
    Reading,
    Told,
    address,
    amount,
    carrier_code,
    child,
    children,
    get_id,
    ids,
    instant,
    money,
    positive,
    quantity,
    text,
    total_of,
    track,
    visitor_of,
)

GIVEN_UP = frozenset({"cancelled", "error", "failure"})


def read(topic: str, body: dict[str, Any]) -> Reading:
    """topic: of `X-Shopify-Topic`. Raises Rejected."""
    match topic:
        case "orders/create" | "orders/paid":
            return _order(body)
        case "refunds/create":
            return _refund(body)
        case "fulfillments/create" | "fulfillments/update":
            return _fulfillment(body)
        case "customers/create":
            return _customer("account_register", body, "created_at")
        case "customers/update":
            return _customer("account_update", body, "updated_at")
    return Ignored(f"The topic {topic[:100] or 'without a name'} is not needed.")


def _order(body: dict[str, Any]) -> Reading:
    order_id = get_id(body, "id")
    if body.get("test") is True:
        return Ignored("This is a test order.")
    customer = child(body, "customer")
    codes = children(body, "discount_codes")
    client = child(body, "client_details")
    context = {"ip": text(body.get("browser_ip")), "user_agent": text(client.get("user_agent"))}
    properties = {
        "order_id": order_id,
        "order_name": text(body.get("name")) or None,
        "cart_id": text(body.get("cart_token")) or text(body.get("checkout_token")) or order_id,
        "order_date": instant(body.get("created_at")),
        "total": money(body.get("total_price")),
        # Before discounts, as the contract reckons.
        "subtotal": money(body.get("total_line_items_price")) or money(body.get("subtotal_price")),
        "total_tax": money(body.get("total_tax")),
        "total_shipping": _shipping(body),
        "total_discount": money(body.get("total_discounts"))
        if codes
        else positive(body.get("total_discounts")),
        "discounts": [{"code": text(it.get("code")), "value": money(it.get("amount"))} for it in codes]
        or None,
        "currency": text(body.get("currency")) or None,
        "payment_type": _payment(body),
        "billing": _address(child(body, "billing_address")),
        "shipping": _address(child(body, "shipping_address")),
        "line_items": [_line(it, it.get("quantity")) for it in children(body, "line_items")],
    }
    known = ids(customer=customer.get("id"), email=body.get("email") or customer.get("email"), order=order_id)
    visitor = visitor_of(children(body, "note_attributes"), "name")
    context = {name: value for name, value in context.items() if value}
    return [Told(track("order", known, properties, None, tracking_id=visitor, context=context))]


def _refund(body: dict[str, Any]) -> Reading:
    refund_id, order_id = get_id(body, "id"), get_id(body, "order_id")
    lines = children(body, "refund_line_items")
    paid = [
        it.get("amount")
        for it in children(body, "transactions")
        if it.get("kind") == "refund" and it.get("status") == "success"
    ]
    shipping = _refunded_shipping(body)
    subtotal = total_of(it.get("subtotal") for it in lines)
    tax = total_of(it.get("total_tax") for it in lines)
    total = total_of(paid) if paid else total_of((subtotal, tax, shipping))
    if not lines and not amount(total):
        return Ignored("Nothing was refunded.")
    properties = {
        "order_id": order_id,
        "refund_id": refund_id,
        # The notification does not say what the order's total is.
        "refund_type": "partial",
        "total_refund": total,
        "subtotal_refund": subtotal,
        "tax_refund": tax,
        "shipping_refund": shipping,
        "line_items": [_line(child(it, "line_item"), it.get("quantity")) for it in lines],
    }
    message = track("refund", ids(order=order_id), properties, instant(body.get("created_at")))
    return [Told(message, f"shopify:refund:{refund_id}", refund_id)]


def _fulfillment(body: dict[str, Any]) -> Reading:
    shipment_id, order_id = get_id(body, "id"), get_id(body, "order_id")
    if text(body.get("status")) in GIVEN_UP:
        return Ignored(f"The fulfillment is {body['status']}.")
    shipped_at, updated_at = instant(body.get("created_at")), instant(body.get("updated_at"))
    is_delivered = text(body.get("shipment_status")) == "delivered"
    company = text(body.get("tracking_company"))
    properties = {
        "order_id": order_id,
        "shipment_id": shipment_id,
        "carrier": carrier_code(company),
        "carrier_name": company or None,
        "tracking_number": text(body.get("tracking_number")) or None,
        "date_shipped": shipped_at,
        "date_delivered": updated_at if is_delivered else None,
    }
    known = ids(email=body.get("email"), order=order_id)
    if is_delivered:
        return [Told(track("shipment_update", known, properties, updated_at))]
    return [Told(track("shipment", known, properties, updated_at or shipped_at))]


def _customer(event: str, body: dict[str, Any], time_name: str) -> Reading:
    known = ids(customer=get_id(body, "id"), email=body.get("email"))
    properties = {
        "email": text(body.get("email")) or None,
        "first_name": text(body.get("first_name")) or None,
        "last_name": text(body.get("last_name")) or None,
        "join_date": instant(body.get("created_at")) if event == "account_register" else None,
    }
    return [Told(track(event, known, properties, instant(body.get(time_name))))]


def _line(line: dict[str, Any], qty: Any) -> dict[str, Any]:
    """A product without an SKU is known by its variant."""
    sku = text(line.get("sku")) or text(line.get("variant_id")) or text(line.get("product_id"))
    found = {
        "sku": sku,
        "name": text(line.get("title")) or text(line.get("name")),
        "price": money(line.get("price")),
        "qty": quantity(qty),
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _shipping(body: dict[str, Any]) -> str | None:
    stated = money(child(body, "total_shipping_price_set", "shop_money").get("amount"))
    lines = children(body, "shipping_lines")
    return stated or (total_of(it.get("price") for it in lines) if lines else None)


def _refunded_shipping(body: dict[str, Any]) -> str | None:
    """`refund_shipping_lines`; before the API's version of October 2024 adjustments below zero."""
    lines = [
        child(it, "subtotal_amount_set", "shop_money").get("amount")
        for it in children(body, "refund_shipping_lines")
    ]
    if not lines:
        lines = [
            positive(it.get("amount"))
            for it in children(body, "order_adjustments")
            if it.get("kind") == "shipping_refund"
        ]
    return total_of(lines) if lines else None


def _payment(body: dict[str, Any]) -> str | None:
    names = body.get("payment_gateway_names")
    return ", ".join(map(text, names)) or None if isinstance(names, list) else None


def _address(found: dict[str, Any]) -> dict[str, str] | None:
    return address(found.get("city"), found.get("zip"), found.get("country_code"), found.get("province"))
