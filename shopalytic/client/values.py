"""Python's values as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

Faults = list[tuple[str, str]]
"""Place and reason of each value that was left out."""

NESTING_LIMIT = 32
DIGITS_LIMIT = 40


def plain(value: Any, at: str, faults: Faults, depth: int = 0) -> Any:
    """The value made of dicts, lists, texts, numbers, booleans and None.

    Decimals become texts with all their digits, instants ISO 8601 in UTC; a naive instant is taken as UTC.
    What has no such form becomes None and a fault: one strange property must not cost the event.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value, at, faults, depth)
    if isinstance(value, str):
        # Half a surrogate pair is no text in UTF-8, and the collector would refuse the message for it.
        return str.__str__(value).encode("utf-8", "replace").decode()
    if isinstance(value, int):
        if value.bit_length() <= 63:
            return int(value)
        faults.append((at, "The number is too large."))
        return None
    if depth > NESTING_LIMIT:
        faults.append((at, f"It is nested more than {NESTING_LIMIT} levels deep."))
        return None
    if isinstance(value, Mapping):
        return _plain_mapping(value, at, faults, depth)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, f"{at}[{number}]", faults, depth + 1) for number, item in enumerate(value)]
    return _plain_scalar(value, at, faults)


def _plain_mapping(value: Mapping[Any, Any], at: str, faults: Faults, depth: int) -> dict[str, Any]:
    made = {}
    for name, item in value.items():
        text = plain(name, at, faults, depth + 1)
        if not isinstance(text, str | int) or isinstance(text, bool):
            faults.append((at, f"A name is {type(name).__name__}, not a text."))
            continue
        made[str(text)] = plain(item, f"{at}.{text}" if at else str(text), faults, depth + 1)
    return made


def _plain_scalar(value: Any, at: str, faults: Faults) -> Any:
    if isinstance(value, Decimal):
        if value.is_finite() and -DIGITS_LIMIT < value.adjusted() < DIGITS_LIMIT:
            return format(value, "f")
        faults.append((at, f"{value!s:.40} is no amount."))
        return None
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        faults.append((at, f"{value} is no number."))
        return None
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    faults.append((at, f"A {type(value).__name__} has no JSON form."))
    return None


def iso(instant: datetime) -> str:
    """`2026-01-31T12:00:00.123Z`; a naive one is taken as UTC."""
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    return aware.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
