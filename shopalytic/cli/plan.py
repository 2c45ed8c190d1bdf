"""`shopalytic plan`: a project's tracking plan as a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import click

from shopalytic.accounts.models import Project
from shopalytic.accounts.plans import WouldLose, find_version, get_version, read_plan, save_plan
from shopalytic.accounts.projects import get_project
from shopalytic.cli.database import open_database
from shopalytic.cli.table import plain
from shopalytic.events.plan import Plan, format_plan, parse_plan
from shopalytic.events.plan_changes import Change, find_changes, tell_losses
from shopalytic.events.plan_learning import accept, propose
from shopalytic.reports.newest_events import newest_events
from shopalytic.reports.project import Project as ProjectValues
from shopalytic.settings import load_settings
from shopalytic.store.client import open_store

project_option = click.option(
    "--project", required=True, metavar="PROJECT", help="Its number, its name, or one of its tokens."
)


@click.group()
def plan() -> None:
    """A project's tracking plan: its own events and properties, and what becomes of others.

    docs/tracking-plan.md describes the file.
    """


@plan.command()
@project_option
@click.option("--version", type=int, help="An earlier version; else the one in force.")
def show(project: str, version: int | None) -> None:
    """Print the plan as a JSON file."""
    with open_database(load_settings()) as db:
        found = get_project(db, project)
        row = get_version(db, found.id, version) if version else find_version(db, found.id)
        text = format_plan(read_plan(row))
    told = (
        f"Version {row.version}, saved {row.saved_at:%Y-%m-%d %H:%M} UTC by {row.saved_by}."
        if row
        else "No version yet."
    )
    click.echo(text, nl=False)
    click.echo(plain(told), err=True)


@plan.command()
@click.argument("file", type=click.File("rb"), metavar="FILE")
@project_option
@click.option("--based-on", type=int, help="Refuse where another version than this one is in force by now.")
@click.option(
    "--yes", is_flag=True, help="Also where messages that are kept today would be refused or set aside."
)
def save(file: BinaryIO, project: str, based_on: int | None, yes: bool) -> None:
    """Make FILE the plan, as a new version; - is the standard input.

    What changes is printed. A plan by which messages would be lost that are kept today is saved with --yes alone.
    """
    wanted = parse_plan(file.read())
    with open_database(load_settings()) as db:
        found = get_project(db, project)
        before = find_version(db, found.id)
        old = read_plan(before)
        losses = tell_losses(old, wanted)
        if losses and not yes:
            raise WouldLose(" ".join([*losses, "Nothing was saved; say --yes to save it."]))
        row = save_plan(db, found.id, wanted, saved_by="command line", based_on=based_on)
        told = [_tell(change) for change in find_changes(old, wanted)]
    for line in told:
        click.echo(line)
    is_new = before is None or row.id != before.id
    click.echo(f"Version {row.version} is in force." if is_new else "The plan says that already.", err=True)


@plan.command()
@project_option
@click.option(
    "--days", type=click.IntRange(1, 90), default=7, show_default=True, help="How far back to look."
)
@click.option("--save", "is_saved", is_flag=True, help="Also save it as a new version.")
def learn(project: str, days: int, is_saved: bool) -> None:
    """Print the plan with what arrived and is not in it, as a JSON file.

    Looks at the newest 500 events of each of the 100 most frequent names. Nothing that is in the plan changes.
    """
    settings = load_settings()
    with open_database(settings) as db:
        found = get_project(db, project)
        row = find_version(db, found.id)
    version = row.version if row else 0
    # Apart from the database: SQLite would keep every worker waiting while the store is asked.
    learned, told = _learn(found, read_plan(row), timedelta(days=days))
    if is_saved:
        with open_database(settings) as db:
            version = save_plan(db, found.id, learned, saved_by="command line", based_on=version).version
    click.echo(format_plan(learned), nl=False)
    for line in told:
        click.echo(line, err=True)
    if is_saved:
        click.echo(f"Version {version} is in force.", err=True)


def _learn(project: Project, old: Plan, span: timedelta) -> tuple[Plan, list[str]]:
    """(the plan with what arrived, a line for each thing that is new)."""
    store = open_store(load_settings())
    values = ProjectValues(project.id, project.time_zone, project.currency)
    try:
        samples = newest_events(store, values, now=datetime.now(UTC), span=span)
    finally:
        store.close()
    learned = old
    for event in propose(samples, old):
        learned = accept(learned, event.event, {each.path: each.rule for each in event.properties})
    return learned, [_tell(change) for change in find_changes(old, learned)] or ["Nothing is new."]


def _tell(change: Change) -> str:
    if not change.before:
        return plain(f"+ {change.at}: {change.after}")
    if not change.after:
        return plain(f"- {change.at}: {change.before}")
    return plain(f"~ {change.at}: {change.before} -> {change.after}")
