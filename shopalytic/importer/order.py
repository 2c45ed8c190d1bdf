"""One order from its lines: pure, so that what is refused and why can be seen without a queue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shopalytic.identity.ids import USER_ID, sort_user_ids
from shopalytic.importer.reading import AMOUNTS, Reading
from shopalytic.importer.values import parse_amount, parse_date, parse_whole

PERSON = ("email", "first_name", "last_name")
SKU_LENGTH_MAX = 255

Line = tuple[int, dict[str, str]]
"""Its number in the file, and its texts by field."""


@dataclass(frozen=True)
class Order:
    """customer: "" for a guest. person: the message that says who the customer is, None where nothing is said."""

    customer: str
    total: Decimal
    message: dict[str, Any]
    person: dict[str, Any] | None


class BadLine(Exception):
    """A line that cannot be read (number, reason); the reason says which value and why."""


def parse_order(order_id: str, lines: list[Line], reading: Reading, doubtful: Collection[str]) -> Order:
    """The order's messages.

    doubtful: those of AMOUNTS whose column differs within some order of the file, so that it may be a line's.
    Raises BadLine.
    """
    first_line, first = lines[0]
    if not order_id:
        raise BadLine(first_line, "no order id")
    customer = _customer(lines)
    items = [item for number, fields in lines if (item := _line_item(number, fields, reading))]
    subtotal = sum((Decimal(item["price"]) * item["qty"] for item in items), Decimal(0))
    found = {name: _order_amount(name, lines, reading, name in doubtful) for name in AMOUNTS}
    amounts = {name: amount for name, amount in found.items() if amount is not None}
    total = amounts.get("total", subtotal)
    if total < 0:
        raise BadLine(first_line, f"a total of {total}: a refund, not an order")
    occurred_at = _date(first_line, first.get("order_date", ""), reading)
    properties: dict[str, Any] = {
        "order_id": order_id,
        "cart_id": order_id,
        "total": f"{total:f}",
        "subtotal": f"{amounts.get('subtotal', subtotal):f}",
        "line_items": items,
        **{name: f"{amount:f}" for name, amount in amounts.items() if name not in ("total", "subtotal")},
        **{name: first[name] for name in ("currency", "payment_type") if first.get(name)},
    }
    who = {"user_id": customer} if customer else {"tracking_id": f"guest:{order_id}"}
    message = {"event": "order", "timestamp": occurred_at, "properties": properties, **who}
    facts = {name: first[name] for name in PERSON if customer and first.get(name)}
    person = {"type": "identify", "timestamp": occurred_at, "properties": facts, **who} if facts else None
    return Order(customer, total, message, person)


def _customer(lines: list[Line]) -> str:
    """The customer's id, else the e-mail address, else "".

    Shops write `0` or `Guest` for those who have no account: sent as an id, the order would not be counted.
    """
    first_line, first = lines[0]
    customers = {_somebody(fields.get("customer_id", "")) for _, fields in lines} - {""}
    if len(customers) > 1:
        raise BadLine(first_line, f"two customers, {' and '.join(sorted(customers)[:2])}, in one order")
    return customers.pop() if customers else _somebody(first.get("email", ""))


def _somebody(text: str) -> str:
    """The id, or "" where it can be nobody's."""
    ids, _ = sort_user_ids(text)
    return ids.get(USER_ID, "")


def _order_amount(name: str, lines: list[Line], reading: Reading, doubtful: bool) -> Decimal | None:
    """The one amount that the order's lines give; None where none does."""
    found = [(line, _amount(line[0], name, line[1][name], reading)) for line in lines if line[1].get(name)]
    if not found:
        return None
    (_, first), *others = found
    hint = f"the column looks like a line's {name}; leave it out with --map {name}="
    for (number, _), amount in others:
        if amount != first:
            raise BadLine(number, f"{name}: {first} and {amount} in lines of one order: {hint}")
    if others and doubtful and all(_may_be_of_line(line, amount, reading) for line, amount in found):
        raise BadLine(
            others[0][0][0], f"{name}: {first} in each line, but other orders have one for each: {hint}"
        )
    return first


def _may_be_of_line(line: Line, amount: Decimal, reading: Reading) -> bool:
    """Whether the amount is the line's own; True where the line does not say what it costs."""
    number, fields = line
    if not fields.get("qty") or not fields.get("price"):
        return True
    item = _line_item(number, fields, reading)
    return item is None or Decimal(item["price"]) * item["qty"] == amount


def _line_item(number: int, fields: dict[str, str], reading: Reading) -> dict[str, Any] | None:
    if not fields.get("qty") and not fields.get("price"):
        return None
    name = fields.get("name", "")
    # A line without a sku is dropped later, and one whose sku is longer too: its units would be missing.
    sku = fields.get("sku") or name[:SKU_LENGTH_MAX]
    if not sku:
        raise BadLine(number, "neither a sku nor a name")
    try:
        qty = parse_whole(fields.get("qty") or "1", decimal_commas=reading.decimal_commas)
        price = parse_amount(fields.get("price") or "0", decimal_commas=reading.decimal_commas)
        cost = fields.get("cost")
        extra = {"name": name} if name else {}
        if cost:
            extra["cost"] = f"{parse_amount(cost, decimal_commas=reading.decimal_commas):f}"
    except ValueError as error:
        raise BadLine(number, str(error)) from None
    return {"sku": sku, "qty": qty, "price": f"{price:f}", **extra}


def _amount(line: int, name: str, text: str, reading: Reading) -> Decimal:
    try:
        return parse_amount(text, decimal_commas=reading.decimal_commas)
    except ValueError as error:
        raise BadLine(line, f"{name}: {error}") from None


def _date(line: int, text: str, reading: Reading) -> str:
    try:
        return parse_date(text, reading.date_format, reading.zone).isoformat()
    except (ValueError, OverflowError, OSError):
        raise BadLine(line, f"{text!r} is not a date like {reading.date_format}") from None
