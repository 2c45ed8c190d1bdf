"""Reading a column's texts: which form they have is found from all of them, not from the first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

DATE_FORMATS = tuple(
    f"{day} {time}".strip()
    for day in ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y")
    for time in ("%H:%M:%S", "%H:%M", "", "%I:%M %p", "%I:%M:%S %p")
)  # fmt: skip
ISO = "ISO 8601"
UNIX_SECONDS = "UTC seconds"

# A group of three begins with no zero, so that 0,500 is a half and not five hundred.
_WITH_POINT = re.compile(r"[+-]?(([0-9]+|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]*)?|\.[0-9]+)")
_WITH_COMMA = re.compile(r"[+-]?(([0-9]+|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]*)?|,[0-9]+)")
_WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
# With decimal commas 1.000 may be a thousand.
_WHOLE_BESIDE_COMMAS = re.compile(r"[+-]?[0-9]+([.,]0{0,2})?")


class AmbiguousAmounts(ValueError):
    """The amounts may mean two things; the message says which one shows it."""


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


def find_decimal_commas(texts: Iterable[str]) -> bool:
    """Whether amounts are written like 1.234,50, as those say that have one form only; the more frequent form wins.

    `1,234` beside nothing but whole numbers is a thousand and more, as yen are written. Raises AmbiguousAmounts
    where `1.234` stands so (dinars have three decimals), or where the others are of both forms.
    """
    commas = points = 0
    either: dict[str, str] = {}
    for text in texts:
        comma, point = bool(_WITH_COMMA.fullmatch(text)), bool(_WITH_POINT.fullmatch(text))
        if comma and point:
            either.update({sign: text for sign in ",." if sign in text})
        else:
            commas += comma
            points += point
    if either and commas and points:
        raise AmbiguousAmounts(
            f"some amounts have decimal commas and some have points, so {next(iter(either.values()))!r} may mean two things"
        )
    if "." in either and not commas and not points:
        raise AmbiguousAmounts(f"amounts such as {either['.']!r} may have a decimal point or thousands")
    return commas > points


def parse_amount(text: str, *, decimal_commas: bool) -> Decimal:
    """A decimal without currency sign. Raises ValueError that says what the text is not."""
    if not (_WITH_COMMA if decimal_commas else _WITH_POINT).fullmatch(text):
        raise ValueError(f"{text!r} is not an amount with a decimal {'comma' if decimal_commas else 'point'}")
    return Decimal(text.replace(".", "").replace(",", ".") if decimal_commas else text.replace(",", ""))


def parse_whole(text: str, *, decimal_commas: bool) -> int:
    """A whole number; `6.0` is one. Raises ValueError that says what the text is not."""
    if not (_WHOLE_BESIDE_COMMAS if decimal_commas else _WHOLE).fullmatch(text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(Decimal(text.replace(",", ".")))
