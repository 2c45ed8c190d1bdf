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

import msgspec

from shopalytic.errors import QueueUnavailable
from shopalytic.events.message import Envelope
from shopalytic.importer.order import BadLine, Order, parse_order
from shopalytic.importer.reading import AMOUNTS, Reading
from shopalytic.importer.table import Table
from shopalytic.stream import Stream

ORDERS_AT_ONCE = 50
BACKLOG_LIMIT = 20_000
"""Messages waiting beyond which the import pauses: a large file must not fill the queue that pages need."""

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

    def add(self, order: Order, lines: int) -> None:
        self.orders += 1
        self.lines += lines
        self.total += order.total
        if order.customer:
            self.customers.add(order.customer)
        else:
            self.guests += 1


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
        doubtful = _find_doubtful(grouped, [name for name in AMOUNTS if name in table.columns])
        sent = _read_state(state_file)
        pending: list[tuple[str, bytes]] = []
        for number, (order_id, lines) in enumerate(_orders(grouped), start=1):
            try:
                order = parse_order(order_id, lines, reading, doubtful)
                report.add(order, len(lines))
                messages = _messages(project_id, order_id, order)
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


def _find_doubtful(grouped: sqlite3.Connection, names: list[str]) -> set[str]:
    """Those of the amounts that are not the same in all lines of some order.

    Two lines of 10 each repeat a line's total as they would the order's: only the other orders tell which it is.
    """
    differs = """
        SELECT 1 FROM line WHERE order_id != '' AND json_extract(fields, :at) != ''
        GROUP BY order_id HAVING count(DISTINCT json_extract(fields, :at)) > 1 LIMIT 1
    """
    return {name for name in names if grouped.execute(differs, {"at": f"$.{name}"}).fetchone()}


def _orders(grouped: sqlite3.Connection) -> Iterator[tuple[str, list[tuple[int, dict[str, str]]]]]:
    """(order id, its lines) in the order in which orders begin in the file."""
    for order_id, _ in grouped.execute(
        "SELECT order_id, min(number) AS first FROM line GROUP BY order_id ORDER BY first"
    ):
        lines = grouped.execute(
            "SELECT number, fields FROM line WHERE order_id = ? ORDER BY number", (order_id,)
        )
        yield order_id, [(number, json.loads(fields)) for number, fields in lines]


def _messages(project_id: int, order_id: str, order: Order) -> list[tuple[str, bytes]]:
    """The order's messages with their visitor key."""
    key = order.customer or f"guest:{order_id}"
    messages = [(key, _envelope(project_id, f"order:{order_id}", order.message))]
    if order.person:
        messages.append((key, _envelope(project_id, f"person:{order_id}", order.person)))
    return messages


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
