"""Orders from a table into the stream.

Lines of an order may stand apart in the file, so they are grouped in a temporary SQLite file first. A message's id
follows from project and order, so that a file imported twice, or an import gone on with, counts each order once.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shopalytic.errors import ConfigurationError, QueueUnavailable
from shopalytic.events.message import Envelope
from shopalytic.importer.table import Table
from shopalytic.importer.values import (
    find_date_formats,
    has_decimal_commas,
    parse_amount,
    parse_date,
    parse_whole,
)
from shopalytic.stream import Stream

ORDERS_AT_ONCE = 50
BACKLOG_LIMIT = 20_000
"""Messages waiting beyond which the import pauses: a large file must not fill the queue that pages need."""
AMOUNTS = ("total", "subtotal", "total_tax", "total_shipping")
PERSON = ("email", "first_name", "last_name")

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Refused:
    """An order that was not taken, since its money would be wrong without the bad line."""

    order_id: str
    line: int
    reason: str


@dataclass
class ImportReport:
    """What was sent (not yet what is stored: a repeat sends the same and stores nothing)."""

    orders: int = 0
    lines: int = 0
    customers: set[str] = field(default_factory=set)
    guests: int = 0
    total: Decimal = Decimal(0)
    refused: list[Refused] = field(default_factory=list)
    skipped: int = 0
    """Orders that an interrupted import of the same file had sent already."""


@dataclass(frozen=True)
class Reading:
    """How the texts of this file are to be read."""

    date_format: str
    zone: ZoneInfo
    decimal_commas: bool
    other_date_formats: list[str]
    """Formats that would have fitted too."""


class BadLine(Exception):
    """A line that cannot be read; the message says which value and why."""


def find_reading(table: Table, zone: ZoneInfo, date_format: str | None) -> Reading:
    """Find the form of dates and amounts from the whole file. Raises ConfigurationError where no date form fits."""
    with table.rows() as rows:
        values = [(row.get("order_date", ""), row.get("price", ""), row.get("total", "")) for _, row in rows]
    dates = [date for date, _, _ in values if date]
    commas = has_decimal_commas(text for _, price, total in values for text in (price, total))
    if date_format:
        return Reading(date_format, zone, commas, [])
    formats = find_date_formats(dates)
    if not formats:
        # A few bad lines must not hide the form of all the others.
        formats = find_date_formats(dates[:50])
    if not formats:
        sample = next(iter(dates), "")
        raise ConfigurationError(
            f"{table.path}: dates such as {sample!r} have no known form; say --date-format, e.g. '%d/%m/%Y %H:%M'."
        )
    return Reading(formats[0], zone, commas, formats[1:])


def import_orders(
    table: Table,
    reading: Reading,
    stream: Stream,
    project_id: int,
    *,
    state_file: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Send all orders of the table. Interrupted, the same call goes on behind the last one sent.

    progress: called with (orders done, orders in all). state_file: keeps how far it came; removed at the end.
    """
    report = ImportReport()
    with tempfile.TemporaryDirectory(prefix="shopalytic-import-") as folder:
        grouped = _group(table, Path(folder) / "lines.db")
        [(count,)] = grouped.execute("SELECT count(DISTINCT order_id) FROM line")
        sent = _read_state(state_file)
        pending: list[tuple[str, bytes]] = []
        for number, (order_id, lines) in enumerate(_orders(grouped), start=1):
            try:
                messages = _messages(project_id, order_id, lines, reading, report)
            except BadLine as error:
                report.refused.append(Refused(order_id, error.args[0], error.args[1]))
                messages = []
            if number <= sent:
                report.skipped += 1
            else:
                pending += messages
            if number == count or number % ORDERS_AT_ONCE == 0:
                _send(stream, project_id, pending)
                pending = []
                _write_state(state_file, max(number, sent))
                progress(number, count)
        grouped.close()
    state_file.unlink(missing_ok=True)
    return report


def _group(table: Table, path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE line (order_id TEXT, number INTEGER, fields TEXT)")
    with table.rows() as rows, database:
        database.executemany(
            "INSERT INTO line VALUES (?, ?, ?)",
            ((fields["order_id"], number, json.dumps(fields)) for number, fields in rows),
        )
    database.execute("CREATE INDEX by_order ON line (order_id, number)")
    return database


def _orders(grouped: sqlite3.Connection) -> Iterator[tuple[str, list[tuple[int, dict[str, str]]]]]:
    """(order id, its lines) in the order in which orders begin in the file."""
    for order_id, _ in grouped.execute(
        "SELECT order_id, min(number) AS first FROM line GROUP BY order_id ORDER BY first"
    ):
        lines = grouped.execute(
            "SELECT number, fields FROM line WHERE order_id = ? ORDER BY number", (order_id,)
        )
        yield order_id, [(number, json.loads(fields)) for number, fields in lines]


def _messages(
    project_id: int,
    order_id: str,
    lines: list[tuple[int, dict[str, str]]],
    reading: Reading,
    report: ImportReport,
) -> list[tuple[str, bytes]]:
    """The order's messages with their visitor key; counts them in the report. Raises BadLine(line, reason)."""
    first_line, first = lines[0]
    if not order_id:
        raise BadLine(first_line, "no order id")
    customers = {fields.get("customer_id", "") for _, fields in lines} - {""}
    if len(customers) > 1:
        raise BadLine(first_line, f"two customers, {' and '.join(sorted(customers)[:2])}, in one order")
    customer = customers.pop() if customers else first.get("email", "")
    items = [item for number, fields in lines if (item := _line_item(number, fields, reading))]
    subtotal = sum((Decimal(item["price"]) * item["qty"] for item in items), Decimal(0))
    amounts = {name: _amount(first_line, name, first[name], reading) for name in AMOUNTS if first.get(name)}
    total = amounts.get("total", subtotal)
    if total < 0:
        raise BadLine(first_line, f"a total of {total}: a refund, not an order")
    occurred_at = _date(first_line, first.get("order_date", ""), reading)
    properties: dict[str, Any] = {
        "order_id": order_id,
        "cart_id": order_id,
        "total": str(total),
        "subtotal": str(amounts.get("subtotal", subtotal)),
        "line_items": items,
        **{name: str(amount) for name, amount in amounts.items() if name not in ("total", "subtotal")},
        **{name: first[name] for name in ("currency", "payment_type") if first.get(name)},
    }
    who = {"user_id": customer} if customer else {"tracking_id": f"guest:{order_id}"}
    message = {"event": "order", "timestamp": occurred_at, "properties": properties, **who}
    person = {name: first[name] for name in PERSON if customer and first.get(name)}
    report.orders += 1
    report.lines += len(lines)
    report.total += total
    if customer:
        report.customers.add(customer)
    else:
        report.guests += 1
    key = customer or f"guest:{order_id}"
    messages = [(key, _envelope(project_id, f"order:{order_id}", message))]
    if person:
        facts = {"type": "identify", "timestamp": occurred_at, "properties": person, **who}
        messages.append((key, _envelope(project_id, f"person:{order_id}", facts)))
    return messages


def _line_item(number: int, fields: dict[str, str], reading: Reading) -> dict[str, Any] | None:
    if not fields.get("qty") and not fields.get("price"):
        return None
    try:
        qty = parse_whole(fields.get("qty") or "1")
        price = parse_amount(fields.get("price") or "0", decimal_commas=reading.decimal_commas)
        cost = fields.get("cost")
        extra = {"cost": str(parse_amount(cost, decimal_commas=reading.decimal_commas))} if cost else {}
    except ValueError as error:
        raise BadLine(number, str(error)) from None
    return {
        "sku": fields.get("sku", ""),
        "name": fields.get("name", ""),
        "qty": qty,
        "price": str(price),
        **extra,
    }


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


def _envelope(project_id: int, name: str, message: dict[str, Any]) -> bytes:
    message_id = f"import-{uuid.uuid5(uuid.NAMESPACE_OID, f'{project_id}:{name}')}"
    return _encoder.encode(
        Envelope(
            project_id=project_id,
            received_at=time.time_ns() // 1_000_000,
            door="import",
            message_id=message_id,
            message=msgspec.Raw(
                _encoder.encode({"message_id": message_id, "library": "shopalytic import", **message})
            ),
        )
    )


def _send(stream: Stream, project_id: int, entries: list[tuple[str, bytes]]) -> None:
    """Append, waiting as long as it takes while the queue is full or restarting (two minutes at most)."""
    ends_at = time.monotonic() + 120
    while True:
        try:
            if sum(stream.backlog().values()) < BACKLOG_LIMIT:
                stream.append(project_id, entries)
                return
        except QueueUnavailable:
            if time.monotonic() > ends_at:
                raise
        time.sleep(0.25)


def _read_state(state_file: Path) -> int:
    try:
        return int(json.loads(state_file.read_text())["orders"])
    except (OSError, ValueError, KeyError):
        return 0


def _write_state(state_file: Path, orders: int) -> None:
    fresh = state_file.with_suffix(".new")
    fresh.write_text(json.dumps({"orders": orders}))
    fresh.replace(state_file)
