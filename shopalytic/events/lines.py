"""The nested things of an order: line items, discounts, addresses."""

from __future__ import annotations

from typing import Any

import msgspec

from shopalytic.events.countries import ALPHA_3, WITHOUT_ZIPCODES
from shopalytic.events.values import (
    Taken,
    check_decimal,
    is_negative,
    take_decimal,
    take_id,
    take_integer,
    take_text,
)
from shopalytic.events.violations import Violation

LINE_MEMBERS = frozenset({"sku", "name", "qty", "price", "cost"})


class Lines(msgspec.Struct):
    """Line items as the store's parallel arrays, all of one length."""

    skus: list[str] = []
    names: list[str] = []
    qtys: list[int] = []
    prices: list[str] = []
    costs: list[str | None] = []


def take_lines(value: Any, at: str, violations: list[str]) -> Taken | None:
    """The good lines as Lines; a bad one is left out, with a violation that names its index."""
    if not isinstance(value, list):
        violations.append(Violation.NOT_AN_ARRAY.at(at))
        return None
    if not value:
        violations.append(Violation.EMPTY.at(at))
        return None
    lines, exact = Lines(), True
    for index, item in enumerate(value):
        if not _take_line(lines, item, f"{at}[{index}]", violations):
            exact = False
    return (lines, exact) if lines.skus else None


def _take_line(lines: Lines, item: Any, at: str, violations: list[str]) -> bool:
    """Append the line; returns whether the columns give back all of it. False too where it was left out."""
    if not isinstance(item, dict):
        violations.append(Violation.NOT_AN_OBJECT.at(at))
        return False
    sku = _required(item, "sku", take_id, at, violations)
    price = _required(item, "price", take_decimal, at, violations)
    qty = _required(item, "qty", take_integer, at, violations)
    name = take_text(item["name"], f"{at}.name", violations) if item.get("name") is not None else None
    cost = take_decimal(item["cost"], f"{at}.cost", violations) if item.get("cost") is not None else None
    if sku is None or price is None or qty is None:
        return False
    for member, taken in (("price", price), ("qty", qty), ("cost", cost)):
        if taken is not None and is_negative(taken[0]):
            violations.append(Violation.NEGATIVE.at(f"{at}.{member}"))
    lines.skus.append(sku[0])
    lines.prices.append(price[0])
    lines.qtys.append(qty[0])
    lines.names.append(name[0] if name else "")
    lines.costs.append(cost[0] if cost else None)
    return (
        sku[1]
        and price[1]
        and qty[1]
        and item.keys() <= LINE_MEMBERS
        and (name[1] if name else "name" not in item)
        and (cost[1] if cost else "cost" not in item)
    )


def _required(item: dict[str, Any], name: str, take: Any, at: str, violations: list[str]) -> Taken | None:
    value = item.get(name)
    if value is None:
        violations.append(Violation.MISSING.at(f"{at}.{name}"))
        return None
    return take(value, f"{at}.{name}", violations)  # type: ignore[no-any-return]


def line_objects(
    skus: list[str], names: list[str], qtys: list[int], prices: list[str], costs: list[str | None]
) -> list[dict[str, Any]]:
    """The line items as a client sends them, from the columns."""
    lines = []
    for sku, name, qty, price, cost in zip(skus, names, qtys, prices, costs, strict=True):
        line: dict[str, Any] = {"sku": sku, "price": price, "qty": qty}
        if name:
            line["name"] = name
        if cost is not None:
            line["cost"] = cost
        lines.append(line)
    return lines


def check_address(value: Any, at: str, violations: list[str]) -> None:
    """`billing` and `shipping`: an object with a city, a zip code where the country has them, and a country, which is one of
    ISO 3166's three-letter codes.
    """
    if not isinstance(value, dict):
        violations.append(Violation.NOT_AN_OBJECT.at(at))
        return
    if not value:
        violations.append(Violation.EMPTY.at(at))
        return
    country = value.get("country")
    for name in ("city", "zipcode", "state"):
        member = value.get(name)
        is_needed = name == "city" or (name == "zipcode" and country not in WITHOUT_ZIPCODES)
        if member is None:
            if is_needed:
                violations.append(Violation.MISSING.at(f"{at}.{name}"))
        elif isinstance(member, bool) or not isinstance(member, str | int):
            violations.append(Violation.NOT_A_TEXT.at(f"{at}.{name}"))
        elif is_needed and isinstance(member, str) and not member.strip():
            violations.append(Violation.EMPTY.at(f"{at}.{name}"))
    if country is None:
        violations.append(Violation.MISSING.at(f"{at}.country"))
    elif not isinstance(country, str) or country not in ALPHA_3:
        violations.append(Violation.NOT_A_COUNTRY.at(f"{at}.country"))


def check_discounts(value: Any, at: str, violations: list[str]) -> None:
    """A list of objects with a code and a decimal value."""
    if not isinstance(value, list):
        violations.append(Violation.NOT_AN_ARRAY.at(at))
        return
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            violations.append(Violation.NOT_AN_OBJECT.at(f"{at}[{index}]"))
            continue
        if item.get("code") is None:
            violations.append(Violation.MISSING.at(f"{at}[{index}].code"))
        if item.get("value") is None:
            violations.append(Violation.MISSING.at(f"{at}[{index}].value"))
        else:
            check_decimal(item["value"], f"{at}[{index}].value", violations)
