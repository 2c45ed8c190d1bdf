"""How the texts of one file are to be read."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shopalytic.errors import ConfigurationError
from shopalytic.importer.table import Table
from shopalytic.importer.values import AmbiguousAmounts, find_date_formats, find_decimal_commas

AMOUNTS = ("total", "subtotal", "total_tax", "total_shipping")
"""Amounts of a whole order, which its lines repeat or the first of them has alone."""


@dataclass(frozen=True)
class Reading:
    """How the texts of this file are to be read."""

    date_format: str
    zone: ZoneInfo
    decimal_commas: bool
    other_date_formats: list[str]
    """Formats that would have fitted too."""


def find_reading(
    table: Table, zone: ZoneInfo, date_format: str | None, decimal_commas: bool | None = None
) -> Reading:
    """Find the form of dates and amounts, where it is not given, from the whole file.

    Raises ConfigurationError where no date form fits, or where amounts may mean two things.
    """
    dates: list[str] = []
    amounts: dict[str, None] = {}
    with table.rows() as rows:
        for _, row in rows:
            dates += filter(None, [row.get("order_date")])
            amounts |= dict.fromkeys(row.get(name, "") for name in ("price", "cost", *AMOUNTS))
    if decimal_commas is None:
        try:
            decimal_commas = find_decimal_commas(amounts)
        except AmbiguousAmounts as error:
            raise ConfigurationError(
                f"{table.path}: {error}; say --decimal comma or --decimal point."
            ) from None
    if date_format:
        return Reading(date_format, zone, decimal_commas, [])
    formats = find_date_formats(dates)
    if not formats:
        # A few bad lines must not hide the form of all the others.
        formats = find_date_formats(dates[:50])
    if not formats:
        sample = next(iter(dates), "")
        raise ConfigurationError(
            f"{table.path}: dates such as {sample!r} have no known form; say --date-format, e.g. '%d/%m/%Y %H:%M'."
        )
    return Reading(formats[0], zone, decimal_commas, formats[1:])
