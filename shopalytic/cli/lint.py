"""`shopalytic lint`: a file of messages checked by the code of the doors and of the worker."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

import click
import msgspec

from shopalytic.accounts.plans import find_version, read_plan
from shopalytic.accounts.projects import get_project
from shopalytic.cli.database import open_database
from shopalytic.cli.lint_file import Unreadable, read_items
from shopalytic.cli.table import plain
from shopalytic.collector.native import check_message, parse_head
from shopalytic.errors import ConfigurationError, ShopalyticError
from shopalytic.events.message import Envelope
from shopalytic.events.plan import parse_plan
from shopalytic.events.planned import PlannedProject, prepare
from shopalytic.pipeline.check import Finding, Refusal, check_envelope
from shopalytic.pipeline.steps import StepContext
from shopalytic.settings import load_settings

REJECTED = "rejected"
"""The kind of a finding for which a door would refuse the message."""


class Linted(msgspec.Struct):
    """What is said about one message; event: `-` where nobody can say it. is_refused: it would be no event."""

    event: str
    findings: list[Finding]
    is_refused: bool = False


class Row(msgspec.Struct):
    """A finding as `--json` prints it."""

    file: str
    line: int
    event: str
    kind: str
    property: str
    message: str


class _Name(msgspec.Struct):
    event: str | None = None
    type: str = "track"


class _Stopped(click.ClickException):
    """1 says that the messages are wrong, not that nobody could look at them."""

    exit_code = 2


_NO_LOOK_UPS = StepContext()
_decode_name = msgspec.json.Decoder(_Name).decode


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option("--plan", "plan_file", type=click.File("rb"), help="Check against this tracking plan, too.")
@click.option(
    "--project", metavar="PROJECT", help="Check against this project's tracking plan; asks the database."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def lint(
    context: click.Context, file: BinaryIO, plan_file: BinaryIO | None, project: str | None, as_json: bool
) -> None:
    """Check the messages in FILE as the server would, without one.

    FILE is JSON Lines, a JSON array or a batch {"events": [...]}; - is the standard input. Each thing that is wrong is
    one line: FILE:LINE, the event, kind:property, and what would be right. Exit code 0: nothing is wrong; 1: something
    is; 2: FILE cannot be read.
    """
    counts: Counter[str] = Counter()
    broken: Exception | None = None
    name = getattr(file, "name", "<stdin>")
    rows = _lint_all(file, name, _message_limit_bytes(), counts, _find_plan(plan_file, project))
    if as_json:
        click.echo('{"findings":[', nl=False)
    try:
        for number, row in enumerate(rows):
            click.echo((",\n" if number else "\n") + _json(row) if as_json else _line(row), nl=not as_json)
    except (Unreadable, OSError) as error:
        broken = error
    if as_json:
        told = ("messages", "refused", "with_violations")
        click.echo("\n]," + ",".join(f'"{each}":{counts[each]}' for each in told) + "}")
    else:
        click.echo(_summary(counts), err=True)
    if broken is not None:
        raise _Stopped(f"{name}: {broken}")
    context.exit(1 if counts["refused"] or counts["with_violations"] else 0)


def lint_message(raw: bytes, limit_bytes: int, now_ms: int, plan: PlannedProject | None = None) -> Linted:
    """What the doors and the worker would say of the message. Raises nothing for anything that a file can hold."""
    try:
        if len(raw) > limit_bytes:
            return _refuse(raw, Finding("too_large", "", f"The message is larger than {limit_bytes} bytes."))
        check_message(parse_head(raw), None)
    except ShopalyticError as error:
        return _refuse(raw, Finding(REJECTED, error.at or "", error.message))
    envelope = Envelope(project_id=0, received_at=now_ms, message=msgspec.Raw(raw))
    checked = check_envelope(envelope, _NO_LOOK_UPS, now_ms, plan)
    if isinstance(checked, Refusal):
        return _refuse(raw, checked.finding)
    return Linted(checked.event.event, checked.findings)


def _find_plan(file: BinaryIO | None, project: str | None) -> PlannedProject | None:
    if file is not None and project is not None:
        raise click.UsageError("--plan and --project each name a tracking plan; give one of them.")
    try:
        if file is not None:
            return prepare(parse_plan(file.read()))
        if project is not None:
            with open_database(load_settings()) as db:
                return prepare(read_plan(find_version(db, get_project(db, project).id)))
    except ShopalyticError as error:
        raise _Stopped(error.message) from error
    return None


def _message_limit_bytes() -> int:
    try:
        return load_settings().message_limit_bytes
    except ConfigurationError as error:
        raise _Stopped(error.message) from error


def _refuse(raw: bytes, finding: Finding) -> Linted:
    try:
        head = _decode_name(raw)
        name = head.event if head.type == "track" else head.type
    except (msgspec.MsgspecError, ValueError, RecursionError):
        name = None
    return Linted(name or "-", [finding], is_refused=True)


def _lint_all(
    file: BinaryIO, name: str, limit_bytes: int, counts: Counter[str], plan: PlannedProject | None
) -> Iterator[Row]:
    """counts: how many `messages` there were, how many of them `refused`, and how many `with_violations`."""
    for line, raw in read_items(file):
        linted = lint_message(raw, limit_bytes, time.time_ns() // 1_000_000, plan)
        counts["messages"] += 1
        counts["refused"] += linted.is_refused
        counts["with_violations"] += bool(linted.findings) and not linted.is_refused
        for found in linted.findings:
            yield Row(name, line, linted.event, found.kind, found.property, found.message)


def _line(row: Row) -> str:
    what = f"{row.kind}:{row.property}" if row.property else row.kind
    return "  ".join(plain(text) for text in (f"{row.file}:{row.line}", row.event, what, row.message))


def _json(row: Row) -> str:
    return msgspec.json.encode(row).decode()


def _summary(counts: Counter[str]) -> str:
    if not counts["refused"] and not counts["with_violations"]:
        return f"{counts['messages']:,} messages, nothing wrong."
    return (
        f"{counts['messages']:,} messages: {counts['refused']:,} would be refused, "
        f"{counts['with_violations']:,} stored with violations."
    )
