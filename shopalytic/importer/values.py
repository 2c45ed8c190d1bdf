"""Reading a column's texts: which form they have is found from all of them, not from the first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

DATE_FORMATS = tuple(
    f"{day} {time}".strip()
    for day in ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y")
    for time in ("%H:%M:%S", "%H:%M", "", "%I:%M %p", "%I:%M:%S %p")
)  # fmt: skip
ISO = "ISO 8601"
UNIX_SECONDS = "UTC seconds"

_COMMA_DECIMAL = re.compile(r"-?(\d+|\d{1,3}(\.\d{3})+),\d+")
_DOT_DECIMAL = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)\.\d+")


def parse_date(text: str, date_format: str, zone: ZoneInfo) -> datetime:
    """Aware UTC; a text without an offset is in `zone`. Raises ValueError."""
    if date_format == UNIX_SECONDS:
        return datetime.fromtimestamp(float(text), UTC)
    # Without an offset in the text the zone is the project's.
    found = datetime.fromisoformat(text) if date_format == ISO else datetime.strptime(text, date_format)  # noqa: DTZ007
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def find_date_formats(texts: Iterable[str]) -> list[str]:
    """The formats that all texts have, the likeliest first; [] where none fits or there is no text.

    `12/1/2010, 12/2/2010` fits day first and month first: the one that lays the dates closer together comes first.
    """
    candidates = [ISO, UNIX_SECONDS, *DATE_FORMATS]
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            continue
        seen.add(text)
        candidates = [candidate for candidate in candidates if _fits(text, candidate)]
        if not candidates:
            return []
    if not seen:
        return []
    return sorted(candidates, key=lambda candidate: _span_seconds(seen, candidate))


def _fits(text: str, date_format: str) -> bool:
    try:
        found = parse_date(text, date_format, ZoneInfo("UTC"))
    except (ValueError, OverflowError, OSError):
        return False
    return 1990 <= found.year <= 2100


def _span_seconds(texts: set[str], date_format: str) -> float:
    dates = [parse_date(text, date_format, ZoneInfo("UTC")) for text in texts]
    return (max(dates) - min(dates)).total_seconds()


def has_decimal_commas(texts: Iterable[str]) -> bool:
    """Whether amounts are written like 1.234,50: some are, and none like 1,234.50."""
    commas = dots = False
    for text in texts:
        commas = commas or bool(_COMMA_DECIMAL.fullmatch(text))
        dots = dots or bool(_DOT_DECIMAL.fullmatch(text))
    return commas and not dots


def parse_amount(text: str, *, decimal_commas: bool) -> Decimal:
    """A decimal without currency sign. Raises ValueError that says what the text is not."""
    plain = text.replace(".", "").replace(",", ".") if decimal_commas else text.replace(",", "")
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not an amount")
    return amount


def parse_whole(text: str) -> int:
    """A whole number; `6.0` is one. Raises ValueError that says what the text is not."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a whole number") from None
    if not number.is_finite() or number != number.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number")
    return int(number)
