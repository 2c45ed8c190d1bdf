"""Shopify's webhooks: the REST resources Order, Refund, Fulfillment and Customer.

Source: https://shopify.dev/docs/api/webhooks
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

from shopalytic.collector.hooks.reading import (
    DIGITS_LIMIT,
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
    shop_money,
    text,
    total_of,
    track,
    visitor_of,
)
from shopalytic.collector.translated import digest_id

GIVEN_UP = frozenset({"cancelled", "error", "failure"})
MOVED = frozenset({"success", "pending"})
"""States of a payment that arrives, or most likely will."""


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
            return _customer(body, body.get("created_at"), body.get("created_at"))
        case "customers/update":
            return _customer(body, body.get("updated_at"))
    return Ignored(f"The topic {topic[:100] or 'without a name'} is not needed.")


def _order(body: dict[str, Any]) -> Reading:
    order_id = get_id(body, "id")
    if body.get("test") is True:
        return Ignored("This is a test order.")
    customer = child(body, "customer")
    codes = [(it.get("code"), it.get("amount")) for it in children(body, "discount_codes")]
    properties = {
        "order_id": order_id,
        "order_name": text(body.get("name")) or None,
        "cart_id": text(body.get("cart_token")) or text(body.get("checkout_token")) or order_id,
        # An order that is brought over from another system was made today, and placed then.
        "order_date": instant(body.get("processed_at")) or instant(body.get("created_at")),
        "total": shop_money(body, "total_price"),
        # Before discounts, as the contract reckons.
        "subtotal": shop_money(body, "total_line_items_price") or shop_money(body, "subtotal_price"),
        "total_tax": shop_money(body, "total_tax"),
        "total_shipping": _shipping(body),
        **discounts(shop_money(body, "total_discounts"), codes),
        "currency": text(body.get("currency")) or None,
        "payment_type": _payment(body),
        "billing": _address(child(body, "billing_address")),
        "shipping": _address(child(body, "shipping_address")),
        "line_items": [_line(it, it.get("quantity")) for it in children(body, "line_items")],
    }
    # The order's own address may be a friend's or the accountant's, who would then be this customer for ever.
    known = ids(customer=customer.get("id"), email=customer.get("email") or body.get("email"), order=order_id)
    visitor = visitor_of(children(body, "note_attributes"), "name")
    context = context_of(body.get("browser_ip"), child(body, "client_details").get("user_agent"))
    return [Told(track("order", known, properties, None, tracking_id=visitor, context=context))]


def _refund(body: dict[str, Any]) -> Reading:
    refund_id, order_id = get_id(body, "id"), get_id(body, "order_id")
    lines, payments = children(body, "refund_line_items"), children(body, "transactions")
    if any(it.get("test") is True for it in payments):
        return Ignored("This is a refund of a test order.")
    goods, tax = _sum_of(lines, "subtotal"), _sum_of(lines, "total_tax")
    shipping, is_shipping_told = _refunded_shipping(body)
    sums = _Sum.of((goods, tax, shipping))
    total, currency = _paid_back(body, payments, sums)
    if not lines and not total:
        return Ignored("Nothing was refunded.")
    properties = {
        "order_id": order_id,
        "refund_id": refund_id,
        # The notification does not say what the order's total is.
        "refund_type": "partial",
        "total_refund": format(total, "f"),
        "subtotal_refund": format(goods.shop, "f"),
        "tax_refund": format(tax.shop, "f"),
        "shipping_refund": format(shipping.shop, "f") if is_shipping_told else None,
        "currency": currency or None,
        "line_items": [_line(child(it, "line_item"), it.get("quantity")) for it in lines],
    }
    refunded_at = instant(body.get("processed_at")) or instant(body.get("created_at"))
    message = track("refund", ids(order=order_id), properties, refunded_at)
    return [Told(message, f"shopify:refund:{refund_id}", refund_id)]


class _Sum(NamedTuple):
    """An amount in the shop's currency, and in the one that the customer saw."""

    shop: Decimal
    shown: Decimal

    @staticmethod
    def of(sums: Iterable[_Sum]) -> _Sum:
        each = list(sums)
        return _Sum(sum((it.shop for it in each), Decimal(0)), sum((it.shown for it in each), Decimal(0)))

    def less(self, other: _Sum) -> _Sum:
        return _Sum(self.shop - other.shop, self.shown - other.shown)


def _sum_of(items: list[dict[str, Any]], name: str) -> _Sum:
    """Of the members `<name>_set`, else of the plain ones, which are in the shop's currency."""
    found = []
    for it in items:
        shop = amount(shop_money(it, name))
        shown = child(it, f"{name}_set", "presentment_money").get("amount")
        found.append(_Sum(shop, shop if shown is None else amount(shown)))
    return _Sum.of(found)


def _paid_back(body: dict[str, Any], payments: list[dict[str, Any]], sums: _Sum) -> tuple[Decimal, str]:
    """What the customer gets back, and its currency: the shop's, in which the order counts. sums: what his things cost.

    Payments are in the currency that he saw. Many are under way still when they are told. Where there is none, things
    were taken off the order alone; `refund_discrepancy` is what they cost less what was given for them.
    """
    moved = [
        it
        for it in payments
        if text(it.get("kind")).lower() == "refund" and text(it.get("status")).lower() in MOVED
    ]
    discrepancies = [it for it in children(body, "order_adjustments") if not _is_shipping(it)]
    kept = _Sum.of(_sum_of(discrepancies, name) for name in ("amount", "tax_amount"))
    reckoned = sums.less(kept)
    shop_currency = _shop_currency(body)
    if not moved:
        return max(reckoned.shop, Decimal(0)), shop_currency
    paid = sum((amount(it.get("amount")) for it in moved), Decimal(0))
    currency = text(moved[0].get("currency"))
    if shop_currency in ("", currency):
        return paid, currency
    # A payment under way counts as a discrepancy until it has arrived.
    basis = reckoned if reckoned.shown else sums
    if not basis.shown:
        return paid, currency
    if basis.shown == paid:
        return basis.shop, shop_currency
    with localcontext(prec=4 * DIGITS_LIMIT):
        return (basis.shop * paid / basis.shown).quantize(basis.shop), shop_currency


def _shop_currency(body: dict[str, Any]) -> str:
    """Empty where no amount says it."""
    places = (
        ("refund_line_items", "subtotal_set"),
        ("refund_shipping_lines", "subtotal_amount_set"),
        ("order_adjustments", "amount_set"),
    )
    for array, name in places:
        for it in children(body, array):
            if code := text(child(it, name, "shop_money").get("currency_code")):
                return code
    return ""


def _is_shipping(adjustment: dict[str, Any]) -> bool:
    said = adjustment.get("kind") or adjustment.get("reason")
    return text(said).lower().replace(" ", "_") == "shipping_refund"


def _refunded_shipping(body: dict[str, Any]) -> tuple[_Sum, bool]:
    """And whether the notification says it: `refund_shipping_lines`; before the API's version of October 2024 adjustments
    below zero alone, which it goes on to send beside them."""
    lines = children(body, "refund_shipping_lines")
    if lines:
        return _sum_of(lines, "subtotal_amount"), True
    adjustments = [it for it in children(body, "order_adjustments") if _is_shipping(it)]
    found = _Sum.of(_sum_of(adjustments, name) for name in ("amount", "tax_amount"))
    return _Sum(abs(found.shop), abs(found.shown)), bool(adjustments)


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
    # Its e-mail address is the order's own, which may be a friend's.
    known = ids(order=order_id)
    if is_delivered:
        message = track("shipment_update", known, properties, updated_at)
        return [Told(message, f"shopify:delivered:{shipment_id}")]
    message = track("shipment", known, properties, updated_at or shipped_at)
    # Told anew on each of the parcel's stations, and when its number is known at last.
    own_id = digest_id("shopify:shipment:", shipment_id, company, properties["tracking_number"])
    return [Told(message, own_id)]


def _customer(body: dict[str, Any], changed_at: Any, joined_at: Any = None) -> Reading:
    names = body.get("first_name"), body.get("last_name")
    return account(get_id(body, "id"), body.get("email"), *names, changed_at, joined_at)


def _line(it: dict[str, Any], qty: Any) -> dict[str, Any]:
    """A product without an SKU is known by its variant."""
    sku = text(it.get("sku")) or text(it.get("variant_id")) or text(it.get("product_id"))
    return line(sku, it.get("title") or it.get("name"), shop_money(it, "price"), qty)


def _shipping(body: dict[str, Any]) -> str | None:
    stated = money(child(body, "total_shipping_price_set", "shop_money").get("amount"))
    lines = children(body, "shipping_lines")
    return stated or (total_of(it.get("price") for it in lines) if lines else None)


def _payment(body: dict[str, Any]) -> str | None:
    names = body.get("payment_gateway_names")
    return ", ".join(map(text, names)) or None if isinstance(names, list) else None


def _address(found: dict[str, Any]) -> dict[str, str] | None:
    return address(found.get("city"), found.get("zip"), found.get("country_code"), found.get("province"))
