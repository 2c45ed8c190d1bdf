"""WooCommerce's webhooks: the REST API's order and customer, version 3.

Source: https://developer.woocommerce.com/docs/apis/rest-api/v3/orders/
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
    child,
    children,
    context_of,
    discounts,
    each,
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

PLACED = frozenset({"processing", "on-hold", "completed", "refunded"})
NOT_PLACED = frozenset({"", "pending", "checkout-draft", "auto-draft", "draft", "new", "trash"})
"""A checkout that is under way. Any other state is a plugin's own: placed where it is paid."""


def is_ping(content_type: str, body: bytes) -> bool:
    """What WooCommerce sends, unsigned, when a webhook is saved; it refuses to save where this is not answered."""
    return content_type.startswith("application/x-www-form-urlencoded") and body.startswith(b"webhook_id=")


def read(topic: str, body: dict[str, Any]) -> Reading:
    """topic: of `X-WC-Webhook-Topic`. Raises Rejected."""
    match topic:
        case "order.created" | "order.updated":
            return _order(body)
        case "customer.created":
            return _customer(body, body.get("date_created_gmt"), body.get("date_created_gmt"))
        case "customer.updated":
            return _customer(body, body.get("date_modified_gmt"))
    return Ignored(f"The topic {topic[:100] or 'without a name'} is not needed.")


def _order(body: dict[str, Any]) -> Reading:
    order_id = get_id(body, "id")
    status = text(body.get("status"))
    is_paid = bool(text(body.get("date_paid_gmt")) or text(body.get("date_paid")))
    billing = child(body, "billing")
    known = ids(customer=body.get("customer_id"), email=billing.get("email"), order=order_id)
    if status == "cancelled" and not is_paid:
        return [unpaid_end(order_id, "woocommerce", known, instant(body.get("date_modified_gmt")))]
    # What was paid for one that is given up is told by its refunds.
    if status not in PLACED and (not is_paid or status in NOT_PLACED):
        return Ignored(f"The order is {status[:40] or 'without a status'}.")
    coupons = [(it.get("code"), it.get("discount")) for it in children(body, "coupon_lines")]
    lines = [_line(it) for it in children(body, "line_items")]
    properties = {
        "order_id": order_id,
        "order_name": text(body.get("number")) or None,
        "cart_id": text(body.get("cart_hash")) or order_id,
        "order_date": instant(body.get("date_created_gmt")),
        "total": money(body.get("total")),
        "subtotal": total_of(it.get("subtotal") for it in children(body, "line_items")),
        "total_tax": money(body.get("total_tax")),
        "total_shipping": money(body.get("shipping_total")),
        **discounts(body.get("discount_total"), coupons),
        "currency": text(body.get("currency")) or None,
        "payment_type": text(body.get("payment_method")) or None,
        "billing": _address(billing),
        "shipping": _address(child(body, "shipping")),
        "line_items": lines,
    }
    context = context_of(body.get("customer_ip_address"), body.get("customer_user_agent"))
    visitor = visitor_of(children(body, "meta_data"), "key")
    message = track("order", known, properties, None, tracking_id=visitor, context=context)
    return [Told(message, places=order_id), *_refunds(body, order_id, known, lines)]


def _refunds(
    body: dict[str, Any], order_id: str, known: dict[str, str], lines: list[dict[str, Any]]
) -> list[Told]:
    """An order's notification names each refund with its total alone, and names it again with every later change."""
    found = [(get_id(it, "id"), positive(it.get("total"))) for it in children(body, "refunds")]
    if not found and text(body.get("status")) == "refunded":
        found = [(f"order-{order_id}", money(body.get("total")))]
    refunded_at = instant(body.get("date_modified_gmt"))
    told = []
    for refund_id, total in found:
        is_full = amount(total) == amount(body.get("total"))
        properties: dict[str, Any] = {
            "order_id": order_id,
            "refund_id": refund_id,
            "refund_type": "full" if is_full else "partial",
            "total_refund": total,
            "currency": text(body.get("currency")) or None,
        }
        if is_full:
            properties |= {
                "subtotal_refund": total_of(it.get("subtotal") for it in children(body, "line_items")),
                "tax_refund": money(body.get("total_tax")),
                "shipping_refund": money(body.get("shipping_total")),
                "line_items": lines,
            }
        message = track("refund", known, properties, refunded_at)
        told.append(Told(message, f"woocommerce:refund:{refund_id}", refund_id))
    return told


def _customer(body: dict[str, Any], changed_at: Any, joined_at: Any = None) -> Reading:
    billing = child(body, "billing")
    first_name, last_name = (body.get(name) or billing.get(name) for name in ("first_name", "last_name"))
    return account(get_id(body, "id"), body.get("email"), first_name, last_name, changed_at, joined_at)


def _line(it: dict[str, Any]) -> dict[str, Any]:
    """The price of one before discounts: `price` is what is left of it after them."""
    variation = text(it.get("variation_id"))
    number = variation if variation not in ("", "0") else text(it.get("product_id"))
    price = each(it.get("subtotal"), it.get("quantity"))
    return line(text(it.get("sku")) or number, it.get("name"), price, it.get("quantity"))


def _address(found: dict[str, Any]) -> dict[str, str] | None:
    return address(found.get("city"), found.get("postcode"), found.get("country"), found.get("state"))
