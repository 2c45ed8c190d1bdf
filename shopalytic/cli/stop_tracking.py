"""`shopalytic stop-tracking`: drop what is received of a customer, or take it again."""

from __future__ import annotations

import click
import msgspec

from shopalytic.accounts.db import reading
from shopalytic.accounts.projects import get_project
from shopalytic.errors import NotFound
from shopalytic.parts import open_parts
from shopalytic.privacy.record import find_subject
from shopalytic.privacy.stops import Change, resume_tracking, stop_tracking
from shopalytic.reports.project import Project
from shopalytic.settings import load_settings


@click.command("stop-tracking")
@click.argument("id")
@click.option("--project", "reference", required=True, help="The project's token, number, or name.")
@click.option("--dry-run", is_flag=True, help="Only say which ids it is about.")
@click.option("--resume", is_flag=True, help="Take what is received of the customer again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; does not ask.")
def stop(id: str, reference: str, dry_run: bool, resume: bool, yes: bool, as_json: bool) -> None:
    """Drop all that is received of a customer from a minute from now on; orders too. What is known stays.

    ID is any id of the customer: the shop's own, an e-mail address, a tracking id, a customer id.
    """
    parts = open_parts(load_settings())
    with reading(parts.sessions) as db:
        row = get_project(db, reference)
    project = Project(row.id, row.time_zone, row.currency)
    customer_id = find_subject(parts, project, id)
    if customer_id is None:
        raise NotFound(f"Nobody in the project {row.name} has the id {id!r}.")
    act = resume_tracking if resume else stop_tracking
    expected = act(parts, project, customer_id, by="command", is_dry_run=True)
    if dry_run or not expected.ids:
        return _tell(as_json, _plain(expected, resume), expected, is_dry_run=dry_run)
    if not yes and not as_json:
        click.confirm(f"{_plain(expected, resume)} Do it?", abort=True)
    change = act(parts, project, customer_id, by="command")
    return _tell(as_json, _plain(change, resume), change, is_dry_run=False)


def _plain(change: Change, is_resumption: bool) -> str:
    if not change.ids:
        return "Nothing changes: it is so already."
    named = ", ".join(f"{'browser' if kind == 'tracking_id' else kind} {value}" for kind, value in change.ids)
    since = f"{change.at:%Y-%m-%d %H:%M:%S} UTC" if change.at else "a minute from now"
    shared = f" Browsers that others use too go on: {', '.join(change.shared)}." if change.shared else ""
    return (
        f"Messages with {named} are {'taken again' if is_resumption else 'dropped'} from {since} on.{shared}"
    )


def _tell(as_json: bool, plain: str, change: Change, *, is_dry_run: bool) -> None:
    record = {
        "ids": [{"type": kind, "value": value} for kind, value in change.ids],
        "shared": change.shared,
        "effective_at": change.at,
        "stop_id": change.stop_id or None,
        "dry_run": is_dry_run,
    }
    click.echo(msgspec.json.encode(record).decode() if as_json else plain)
