"""From a JSON value to what a column holds.

Every `take_…` gets the value as decoded (floats are `Decimal`), the place to name in a violation, and the list that
violations go to. It gives `(column value, exact)`, or None where there is nothing for a column; exact says that the
column gives back what was sent, so that `properties` need not repeat it. A decimal may be given back as text, a
numeric id too: the contract takes both forms and promises one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from shopalytic.events.clock import is_storable, parse_instant
from shopalytic.events.violations import Violation

Taken = tuple[Any, bool]
Take = Callable[[Any, str, list[str]], Taken | None]

ID_LIMIT = 255
LABEL_LIMIT = 255
TEXT_LIMIT = 1024
URL_LIMIT = 4096

DECIMAL_LIMIT = Decimal(10**14)
"""Decimal(18, 4) has 14 digits before the point; the engine refuses the whole insert for a 15th."""
DECIMAL_PLACES = 4
_QUANTUM = Decimal(1).scaleb(-DECIMAL_PLACES)
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
"""Beyond it the engine does not refuse: it wraps around."""

_DECIMAL_TEXT = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})")
_INTEGER_TEXT = re.compile(r"[+-]?[0-9]{1,40}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_SHOPIFYS_ORDER = re.compile(r"gid://shopify/Order(?:Identity)?/([0-9]+)(?:\?.*)?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


def clean(text: str, limit: int) -> str:
    """Cut to `limit`, and without NUL, which PostgreSQL refuses in any text."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if len(text) <= limit else text[:limit]


def take_text(value: Any, at: str, violations: list[str], limit: int = LABEL_LIMIT) -> Taken | None:
    if not isinstance(value, str):
        violations.append(Violation.NOT_A_TEXT.at(at))
        return None
    if not value or value.isspace():
        violations.append(Violation.EMPTY.at(at))
        return None
    text = clean(value, limit)
    return text, text == value


def take_url(value: Any, at: str, violations: list[str]) -> Taken | None:
    """An empty one is no violation: a direct visit's referrer is one. It stays in `properties` as well."""
    return ("", False) if value == "" else take_text(value, at, violations, URL_LIMIT)


def take_long_text(value: Any, at: str, violations: list[str]) -> Taken | None:
    return None if value == "" else take_text(value, at, violations, TEXT_LIMIT)


def take_id(value: Any, at: str, violations: list[str]) -> Taken | None:
    """Trimmed text; a number is taken and made one."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        sent = text = number_text(value)
    elif isinstance(value, str):
        sent, text = value, clean(value.strip(), URL_LIMIT)
    else:
        violations.append(Violation.NOT_A_TEXT.at(at))
        return None
    if not text:
        violations.append(Violation.EMPTY.at(at))
        return None
    if len(text) > ID_LIMIT:
        # Cut short, two orders with the same beginning would be one.
        violations.append(Violation.TOO_LONG.at(at))
        return None
    return text, text == sent


def take_order_id(value: Any, at: str, violations: list[str]) -> Taken | None:
    """As `take_id`; of Shopify's global id the number, by which its webhooks know the same order."""
    taken = take_id(value, at, violations)
    found = None if taken is None else _SHOPIFYS_ORDER.fullmatch(taken[0])
    return taken if found is None else (found[1], False)


def number_text(value: int | Decimal) -> str:
    """Without an exponent, as long as that has a sane length; a whole number without a point."""
    if isinstance(value, int):
        return str(value)
    if abs(value.adjusted()) > ID_LIMIT:
        return str(value)
    return f"{value:f}" if value != value.to_integral_value() else f"{value.to_integral_value():f}"


def take_decimal(value: Any, at: str, violations: list[str]) -> Taken | None:
    """Decimal text with at most four places, rounded half up beyond them; never through a float."""
    sent = value
    if isinstance(value, str):
        value = value.strip()
        if not value:
            violations.append(Violation.EMPTY.at(at))
            return None
        if not _DECIMAL_TEXT.fullmatch(value):
            violations.append(Violation.NOT_A_DECIMAL.at(at))
            return None
        value = Decimal(value)
    elif isinstance(value, bool) or not isinstance(value, int | Decimal):
        violations.append(Violation.NOT_A_DECIMAL.at(at))
        return None
    else:
        sent = None
    if not -DECIMAL_LIMIT < value < DECIMAL_LIMIT:
        violations.append(Violation.OUT_OF_RANGE.at(at))
        return None
    if isinstance(value, int):
        return str(value), True
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # JSON has neither NaN nor infinity
    if -DECIMAL_PLACES <= exponent <= 0:
        text, rounded = f"{value:f}", value
    else:
        rounded = value.quantize(_QUANTUM, ROUND_HALF_UP)
        if abs(rounded) >= DECIMAL_LIMIT:
            violations.append(Violation.OUT_OF_RANGE.at(at))
            return None
        text = f"{rounded:f}"
    return text, rounded == value and (sent is None or sent == text)


def take_integer(value: Any, at: str, violations: list[str]) -> Taken | None:
    exact = True
    if isinstance(value, str):
        value = value.strip()
        if not value:
            violations.append(Violation.EMPTY.at(at))
            return None
        if not _INTEGER_TEXT.fullmatch(value):
            violations.append(Violation.NOT_AN_INTEGER.at(at))
            return None
        violations.append(Violation.NUMBER_AS_TEXT.at(at))
        value, exact = int(value), False
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        violations.append(Violation.NOT_AN_INTEGER.at(at))
        return None
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        violations.append(Violation.OUT_OF_RANGE.at(at))
        return None
    if value != int(value):
        violations.append(Violation.NOT_AN_INTEGER.at(at))
        return None
    return int(value), exact


def is_negative(value: str | int) -> bool:
    """value: a whole number, or a decimal's text, of which `-0.00` is not negative."""
    if isinstance(value, int):
        return value < 0
    return value[0] == "-" and Decimal(value) < 0


def take_currency(value: Any, at: str, violations: list[str]) -> Taken | None:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value.strip()):
        violations.append(Violation.NOT_A_CURRENCY.at(at))
        return None
    text = value.strip().upper()
    return text, text == value


def check_boolean(value: Any, at: str, violations: list[str]) -> None:
    if not isinstance(value, bool):
        violations.append(Violation.NOT_A_BOOLEAN.at(at))


def check_text(value: Any, at: str, violations: list[str]) -> None:
    take_text(value, at, violations)


def check_decimal(value: Any, at: str, violations: list[str]) -> None:
    take_decimal(value, at, violations)


def check_email(value: Any, at: str, violations: list[str]) -> None:
    if isinstance(value, str) and not value.strip():
        violations.append(Violation.EMPTY.at(at))
    elif not isinstance(value, str) or not _EMAIL.fullmatch(value.strip()):
        violations.append(Violation.NOT_AN_EMAIL.at(at))


def check_array(value: Any, at: str, violations: list[str]) -> None:
    if not isinstance(value, list):
        violations.append(Violation.NOT_AN_ARRAY.at(at))


def take_instant(value: Any, at: str, violations: list[str]) -> Taken | None:
    """UTC milliseconds. Never exact: an instant has no column of its own, and what was sent stays."""
    try:
        instant_ms = parse_instant(value)
    except ValueError:
        violations.append(Violation.NOT_A_TIMESTAMP.at(at))
        return None
    if not is_storable(instant_ms):
        violations.append(Violation.OUT_OF_RANGE.at(at))
        return None
    return instant_ms, False


def check_instant(value: Any, at: str, violations: list[str]) -> None:
    take_instant(value, at, violations)
