"""`shopalytic import orders`: what the terminal shows of an import."""

from __future__ import annotations

import csv
import hashlib
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import select

from shopalytic.accounts.models import Key, Project
from shopalytic.errors import ConfigurationError
from shopalytic.importer.orders import ImportReport, import_orders
from shopalytic.importer.reading import Reading, find_reading
from shopalytic.importer.table import Table, open_table
from shopalytic.parts import Parts, open_parts
from shopalytic.settings import load_settings
from shopalytic.stream import Counters

SHOWN_REFUSALS = 10


class Mapping(click.ParamType[dict[str, str]]):
    """`field=Column,field=Column`; a column's name may hold spaces, not commas. `field=` takes no column for it."""

    name = "field=column,…"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        mapping = {}
        for pair in value.split(","):
            field, separator, column = pair.partition("=")
            if not separator or not field.strip():
                self.fail(f"{pair!r} is not field=column", param, ctx)
            mapping[field.strip()] = column.strip()
        return mapping


@click.group("import")
def import_group() -> None:
    """Bring in what happened before."""


@import_group.command("orders")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--project", "token", required=True, help="The project's token.")
@click.option(
    "--map", "mapping", type=Mapping(),
    help="order_id=InvoiceNo,sku=StockCode,… where not found by name; total= takes no column for it.",
)  # fmt: skip
@click.option("--delimiter", help="Found by itself: comma, semicolon, tab or bar.")
@click.option("--encoding", help="Found by itself: UTF-8, UTF-16 or Latin-1.")
@click.option("--date-format", help="Such as '%d/%m/%Y %H:%M'; found by itself where one fits.")
@click.option(
    "--decimal",
    type=click.Choice(["comma", "point"]),
    help="Found by itself, but where 1.234 may mean two things.",
)
@click.option(
    "--wait/--no-wait", default=True, help="Wait until the orders are stored and say how many were new."
)
def import_orders_command(
    file: Path, token: str, mapping: dict[str, str] | None, delimiter: str | None,
    encoding: str | None, date_format: str | None, decimal: str | None, wait: bool,
) -> None:  # fmt: skip
    """Import orders from a CSV FILE with one row per line item.

    Running it twice is harmless, and an interrupted import goes on where it stopped.
    """
    parts = open_parts(load_settings())
    console = Console()
    project = _get_project(parts, token)
    if delimiter == "\\t":
        delimiter = "\t"
    table = open_table(file, mapping=mapping, delimiter=delimiter, encoding=encoding)
    reading = find_reading(
        table, ZoneInfo(project.time_zone), date_format, None if decimal is None else decimal == "comma"
    )
    _show_reading(console, table, reading, project)
    before = parts.stream.counters(project.id)
    folder = parts.settings.data_dir.absolute() / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    state_file = folder / f"{_fingerprint(file, project.id, mapping)}.json"
    with Progress(
        TextColumn("Sending orders"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bar:
        task = bar.add_task("orders")
        report = import_orders(
            table, reading, parts.stream, project.id, state_file=state_file,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    _show_report(console, report, project, folder / f"{file.stem}.refused.csv")
    if wait:
        _show_outcome(console, before, _wait(parts, project.id))


def _get_project(parts: Parts, token: str) -> Project:
    with parts.sessions() as db:
        project = db.scalar(
            select(Project)
            .join(Key, Key.project_id == Project.id)
            .where(Key.value == token, Key.kind == "token", Key.revoked_at.is_(None))
        )
    if project is None:
        raise ConfigurationError(f"No project has the token {token!r}; see `shopalytic project list`.")
    return project


def _fingerprint(file: Path, project_id: int, mapping: dict[str, str] | None) -> str:
    digest = hashlib.blake2b(f"{project_id} {sorted((mapping or {}).items())}".encode(), digest_size=12)
    with file.open("rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _show_reading(console: Console, table: Table, reading: Reading, project: Project) -> None:
    columns = ", ".join(f"{field} ← {header}" for field, header in table.columns.items())
    console.print(f"Reading {table.path.name} ({table.encoding}, delimiter {table.delimiter!r}): {columns}")
    if table.unused:
        console.print(f"Not used: {', '.join(table.unused)}")
    console.print(f"Amounts are read with decimal {'commas' if reading.decimal_commas else 'points'}.")
    console.print(f"Dates are read as {reading.date_format} in {project.time_zone}.")
    if reading.other_date_formats:
        console.print(
            f"They would also fit {reading.other_date_formats[0]}: say --date-format where that is meant."
        )


def _show_report(console: Console, report: ImportReport, project: Project, refused_file: Path) -> None:
    console.print(
        f"{report.orders} orders of {len(report.customers)} customers and {report.guests} guests, "
        f"{report.lines} lines, {report.total} {project.currency} in all."
    )
    if report.skipped:
        console.print(f"{report.skipped} of them were sent before the interruption.")
    if not report.refused:
        return
    with refused_file.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("order_id", "line", "reason"))
        writer.writerows((refused.order_id, refused.line, refused.reason) for refused in report.refused)
    console.print(f"{len(report.refused)} orders were refused; all of them are listed in {refused_file}:")
    for refused in report.refused[:SHOWN_REFUSALS]:
        console.print(f"  order {refused.order_id or '(none)'}, line {refused.line}: {refused.reason}")


def _wait(parts: Parts, project_id: int) -> Counters | None:
    """The counters once nothing waits; None where nothing moved for half a minute."""
    waiting, moved_at = -1, time.monotonic()
    while time.monotonic() - moved_at < 30:
        counters = parts.stream.counters(project_id)
        if counters.waiting == 0:
            return counters
        if counters.waiting != waiting:
            waiting, moved_at = counters.waiting, time.monotonic()
        time.sleep(0.1)
    return None


def _show_outcome(console: Console, before: Counters, after: Counters | None) -> None:
    if after is None:
        console.print(
            "The orders are safe in the queue, but no worker takes them; is `shopalytic up` running?"
        )
        return
    known = after.duplicate - before.duplicate + sum(after.dropped.values()) - sum(before.dropped.values())
    console.print(
        f"Stored: {after.stored - before.stored} new; known already: {known}; "
        f"in quarantine: {after.quarantined - before.quarantined}."
    )
