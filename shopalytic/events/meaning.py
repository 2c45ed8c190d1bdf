"""What one message's values mean together: amounts that do not add up, dates that cannot follow each other.

Only what the message itself says is looked at. A check never asks for what is optional: an amount that was not told is
judged as little as it can be, and where shops reckon in two ways, either is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from shopalytic.events.clock import HOUR_MS, is_day, is_near_day, is_storable, parse_instant
from shopalytic.events.minor_units import decimals_of
from shopalytic.events.values import is_negative, take_decimal
from shopalytic.events.violations import Violation

FAST_CLOCK_MS = 5 * 60_000
"""A sender's clock may run so far ahead. A local time sent as UTC, the usual slip, is further off."""
EASTERNMOST_MS = 14 * HOUR_MS
"""A day begins at most so long before it does in UTC."""

_CENT = Decimal("0.01")
_HALF = Decimal("0.5")
_NONE = Decimal(0)


class Amounts(msgspec.Struct, frozen=True):
    """What an event calls its amounts."""

    total: str
    subtotal: str
    tax: str
    shipping: str
    discount: str


AMOUNTS = {
    "order": Amounts("total", "subtotal", "total_tax", "total_shipping", "total_discount"),
    "refund": Amounts("total_refund", "subtotal_refund", "tax_refund", "shipping_refund", "discount_refund"),
}
DATES: Mapping[str, tuple[str, ...]] = {
    "account_register": ("join_date",),
    "cart_add": ("modified_date",),
    "cart_modify": ("modified_date",),
    "order": ("order_date",),
    "shipment": ("date_shipped", "date_delivered"),
    "shipment_update": ("date_shipped", "date_delivered"),
}
"""When something happened that the event tells of."""
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "cart_add": ("price", "qty"),
    "cart_modify": ("price", "qty"),
    "product_view": ("price",),
}


def check_meaning(
    event: str, sent: Mapping[str, Any], columns: Mapping[str, Any], received_ms: int, *, is_platform: bool
) -> list[str]:
    """The violations of a predefined event whose properties were converted: `sent` to `columns`.

    is_platform: the amounts are a shop system's own. They have parts that the contract does not know (fees, store credit,
    automatic discounts), which no developer of the shop could mend: whether they add up is not judged.
    """
    violations: list[str] = []
    dates = DATES.get(event)
    if dates is not None:
        _check_dates(dates, sent, received_ms, violations)
    names = NUMBERS.get(event)
    if names is not None:
        for name in names:
            _check_sign(name, columns.get(name), violations)
        return violations
    amounts = AMOUNTS.get(event)
    if amounts is not None:
        _check_amounts(amounts, sent, columns, violations, is_judged=not is_platform)
    return violations


def is_in_future(instant_ms: int, received_ms: int) -> bool:
    return instant_ms > received_ms + FAST_CLOCK_MS


def _check_amounts(
    names: Amounts,
    sent: Mapping[str, Any],
    columns: Mapping[str, Any],
    violations: list[str],
    *,
    is_judged: bool,
) -> None:
    found = {
        "total": columns.get("total"), "subtotal": columns.get("subtotal"), "tax": columns.get("total_tax"),
        "shipping": columns.get("total_shipping"), "discount": columns.get("total_discount"),
    }  # fmt: skip
    told: dict[str, Decimal] = {}
    for part, text in found.items():
        if text is not None:
            told[part] = value = Decimal(text)
            if value < 0:
                violations.append(Violation.NEGATIVE.at(getattr(names, part)))
    if not is_judged:
        return
    discount = abs(told.get("discount", _NONE))
    if names.discount == "total_discount":
        _check_discounts(discount, "discount" in told, sent.get("discounts"), violations)
    subtotal = told.get("subtotal")
    if subtotal is None:
        return
    tax = told.get("tax", _NONE)
    unit = _unit_of(columns.get("currency", ""))
    prices: list[str] = columns.get("line_prices") or []
    lines = sent.get("line_items")
    if prices and isinstance(lines, list) and len(lines) == len(prices):
        goods, pieces = _NONE, 0
        for price, qty in zip(prices, columns["line_qtys"], strict=True):
            goods += Decimal(price) * qty
            pieces += abs(qty)
        if not _fits_goods(subtotal, goods, tax, discount, unit * (1 + pieces * _HALF)):
            violations.append(Violation.DOES_NOT_ADD_UP.at(names.subtotal))
    total = told.get("total")
    if total is None:
        return
    is_all_told = "tax" in told and "shipping" in told
    shipping = told.get("shipping", _NONE)
    slack = unit * (2 + len(prices) * _HALF)
    if not _fits_total(total, subtotal, tax, shipping, discount, slack, is_all_told):
        violations.append(Violation.DOES_NOT_ADD_UP.at(names.total))


@lru_cache(maxsize=256)
def _unit_of(currency: str) -> Decimal:
    """What amounts are rounded to: a hundredth, or a whole one of a currency that has no parts."""
    return max(_CENT, Decimal(1).scaleb(-decimals_of(currency)))


def _fits_goods(subtotal: Decimal, goods: Decimal, tax: Decimal, discount: Decimal, slack: Decimal) -> bool:
    """Whether the subtotal may be of goods that are worth so much by their lines.

    slack: half a smallest unit a piece, since a price each is often rounded, and one more.
    Either of the two may be with tax and the other without, either before the discount and the other after it.
    """
    if abs(subtotal - goods) <= slack:
        return True
    return any(
        abs(subtotal - goods + by_tax + by_discount) <= slack
        for by_tax in (_NONE, tax, -tax)
        for by_discount in (_NONE, discount, -discount)
    )


def _fits_total(
    total: Decimal, subtotal: Decimal, tax: Decimal, shipping: Decimal, discount: Decimal, slack: Decimal,
    is_all_told: bool,
) -> bool:  # fmt: skip
    """Whether the total may be that of the parts.

    slack: half a smallest unit a line, by which tax is often rounded, and two more. The subtotal may be with tax already
    and after the discount already. is_all_told: tax and shipping were sent; else the total may hold some, though less
    than all that was told.
    """
    if abs(total - subtotal - tax - shipping + discount) <= slack:
        return True
    least = subtotal + shipping - discount
    if not is_all_told and least - slack <= total and (least <= 0 or total < 2 * (subtotal + tax + shipping)):
        return True
    return any(
        abs(total - subtotal - shipping - by_tax + by_discount) <= slack
        for by_tax in (_NONE, tax)
        for by_discount in (_NONE, discount)
    )


def _check_discounts(total: Decimal, is_told: bool, sent: Any, violations: list[str]) -> None:
    """total: of all discounts. sent: the list of them, which may be of any type."""
    if total and (sent is None or sent == []):
        violations.append(Violation.MISSING.at("discounts"))
    if not is_told or not isinstance(sent, list) or not sent:
        return
    values = [_decimal(item.get("value")) if isinstance(item, dict) else None for item in sent]
    summed = sum((abs(value) for value in values if value is not None), _NONE)
    if None not in values and abs(summed - total) > _CENT * (1 + len(values) * _HALF):
        violations.append(Violation.DOES_NOT_ADD_UP.at("total_discount"))


def _check_dates(
    names: tuple[str, ...], sent: Mapping[str, Any], received_ms: int, violations: list[str]
) -> None:
    instants: dict[str, tuple[int, bool]] = {}
    for name in names:
        value = sent.get(name)
        if value is None:
            continue
        try:
            at_ms, is_date = parse_instant(value), is_day(value)
        except ValueError:
            continue
        if not is_storable(at_ms):
            continue
        instants[name] = at_ms, is_date
        if is_in_future(at_ms - EASTERNMOST_MS if is_date else at_ms, received_ms):
            violations.append(Violation.IN_THE_FUTURE.at(name))
    if "date_shipped" in instants and "date_delivered" in instants:
        _check_order(*instants["date_shipped"], *instants["date_delivered"], violations)


def _check_order(
    shipped_ms: int, is_shipped_day: bool, delivered_ms: int, is_delivered_day: bool, violations: list[str]
) -> None:
    if delivered_ms >= shipped_ms:
        return
    if is_delivered_day and not is_shipped_day and is_near_day(shipped_ms, delivered_ms):
        return
    if is_shipped_day and not is_delivered_day and is_near_day(delivered_ms, shipped_ms):
        return
    violations.append(Violation.OUT_OF_ORDER.at("date_delivered"))


def _check_sign(at: str, value: Any, violations: list[str]) -> None:
    """value: a decimal's text, a whole number, or None."""
    if value is not None and is_negative(value):
        violations.append(Violation.NEGATIVE.at(at))


def _decimal(value: Any) -> Decimal | None:
    taken = take_decimal(value, "", [])
    return None if taken is None else Decimal(taken[0])
