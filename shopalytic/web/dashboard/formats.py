"""How values are written on a page: times in the project's zone, counts in groups, money in its currency."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from shopalytic.reports.money import round_money
from shopalytic.reports.period import parse_sql_instant

SIGNS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "INR": "₹", "PLN": "zł", "CHF": "CHF "}
NOTHING = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def money(amount: Decimal | str | None, currency: str) -> str:
    """`£93,029.47`; a currency without a well-known sign as `93,029.47 SEK`."""
    if amount is None:
        return NOTHING
    exact = round_money(Decimal(amount), currency)
    sign = SIGNS.get(currency)
    text = f"{abs(exact):,}"
    minus = "−" if exact < 0 else ""
    return f"{minus}{sign}{text}" if sign else f"{minus}{text}{NO_BREAK}{currency}"


def percent(rate: float | None) -> str:
    """A share of 0 to 1; small ones with more decimals, so that they are not shown as nothing."""
    if rate is None:
        return NOTHING
    decimals = 1 if rate >= 0.01 or rate == 0 else 2
    return f"{rate * 100:.{decimals}f}{NO_BREAK}%"


def local(value: datetime | str, time_zone: str) -> datetime:
    """An aware instant, or the store's UTC text, in a project's zone."""
    instant = parse_sql_instant(value) if isinstance(value, str) else value
    return instant.astimezone(ZoneInfo(time_zone))


def day(value: Any) -> str:
    """`22 Nov 2026`, of a date or an instant."""
    return f"{value.day}{NO_BREAK}{value:%b}{NO_BREAK}{value:%Y}"


def clock(value: datetime) -> str:
    return f"{value:%H:%M:%S}"


def moment(value: datetime) -> str:
    return f"{day(value)}, {value:%H:%M}"


def ago(value: datetime | str) -> str:
    """`3 min ago`; as of now."""
    instant = parse_sql_instant(value) if isinstance(value, str) else value
    seconds = int((datetime.now(UTC) - instant).total_seconds())
    if seconds < 5:
        return "just now"
    for length, unit in ((86400 * 365, "yr"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length}{NO_BREAK}{unit} ago"
    return f"{seconds}{NO_BREAK}s ago"


def duration(seconds: float) -> str:
    """`42 s`, `12 min`, `1 h 05 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}{NO_BREAK}s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes}{NO_BREAK}min"
    return f"{minutes // 60}{NO_BREAK}h{NO_BREAK}{minutes % 60:02}{NO_BREAK}min"


def plain(value: Any) -> str:
    """A property's value as text; lists and objects as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


FILTERS = {
    "ago": ago,
    "clock": clock,
    "count": count,
    "day": day,
    "duration": duration,
    "local": local,
    "moment": moment,
    "money": money,
    "percent": percent,
    "plain": plain,
}
