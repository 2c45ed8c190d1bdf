"""`shopalytic check-identity`: are the customers what the ledger says? And mending what is not."""

from __future__ import annotations

import time

import click
import msgspec

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import IdentityCheck, Project
from shopalytic.accounts.projects import get_project, list_projects
from shopalytic.audit.record import Sample, begin, find_check, find_latest, samples_of
from shopalytic.audit.run import advance
from shopalytic.audit.sentences import SENTENCES, tell_check
from shopalytic.cli.table import plain
from shopalytic.parts import Parts, open_parts
from shopalytic.settings import load_settings

TURN_SECONDS = 60
PAUSE_SECONDS = 0.5


@click.command("check-identity")
@click.option("--project", "reference", help="The project's token, number, or name; without it all projects.")
@click.option("--last", "is_last", is_flag=True, help="Only tell what the last check found.")
@click.option("--mend", "mends", is_flag=True, help="Make what differs what the ledger says.")
@click.option("--yes", is_flag=True, help="Do not ask before mending.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; does not ask.")
@click.pass_context
def check_identity(
    context: click.Context, reference: str | None, is_last: bool, mends: bool, yes: bool, as_json: bool
) -> None:
    """Make all customers anew from the ledger, and compare.

    With the tables that say whose an id is and what was refused, and with whose each stored event is as reports read
    it. Exits with 1 where something differs and is not mended. Messages may come in meanwhile; a check that is under
    way is gone on with. The same is done every night.
    """
    if mends and is_last:
        raise click.UsageError("--last tells what was found; --mend checks anew, and mends.")
    parts = open_parts(load_settings())
    with reading(parts.sessions) as db:
        projects = [get_project(db, reference)] if reference else list_projects(db)
    if mends and not yes and not as_json:
        click.confirm("Make what differs what the ledger says?", abort=True)
    found = [(one, _last(parts, one) if is_last else _run(parts, one, mends)) for one in projects]
    if as_json:
        click.echo(msgspec.json.encode([_describe(one, check) for one, check in found]).decode())
    else:
        for one, check in found:
            _tell(one, check)
    if any(check is not None and check.differences > check.mended for _, check in found):
        context.exit(1)


def _run(parts: Parts, project: Project, mends: bool) -> IdentityCheck | None:
    begun = begin(parts.sessions, project.id, asked_by="command", mends=mends)
    turn = None if begun.is_repeat else begun.check.turn
    while (check := find_check(parts.sessions, begun.check.id)) is not None and check.done_at is None:
        # Logged, it would stand in between the answer's lines.
        turn = advance(parts, check.id, turn, seconds=TURN_SECONDS, logs=False)
        if turn is None:
            # Done, or a worker is at it, or somebody is being erased.
            time.sleep(PAUSE_SECONDS)
    return check


def _last(parts: Parts, project: Project) -> IdentityCheck | None:
    return find_latest(parts.sessions, project.id)[0]


def _tell(project: Project, check: IdentityCheck | None) -> None:
    if check is None or check.done_at is None:
        click.echo(f"{plain(project.name)}: not checked yet.")
        return
    click.echo(f"{plain(project.name)}, {check.done_at:%Y-%m-%d %H:%M} UTC: {tell_check(check)}")
    for sample in samples_of(check):
        click.echo(f"  {SENTENCES[sample.kind]} {_about(sample)}")


def _about(sample: Sample) -> str:
    named = {"origin": sample.origin_id, "customer": sample.customer_id, "kept": sample.found_id}
    told = [f"{name} {value}" for name, value in named.items() if value is not None]
    told += [f"{sample.rows:,} events"] if sample.rows else []
    return f"{sample.id_type or 'id unknown'}: {', '.join(told)}"


def _describe(project: Project, check: IdentityCheck | None) -> dict[str, object]:
    if check is None:
        return {"project_id": project.id, "check": None}
    names = (
        "id",
        "started_at",
        "done_at",
        "mends",
        "customers",
        "entries",
        "rows",
        "differences",
        "mended",
        "samples",
    )
    return {"project_id": project.id, "check": {name: getattr(check, name) for name in names}}
