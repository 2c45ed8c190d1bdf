"""`shopalytic forget`: delete a customer, or take the person out of the customer's events."""

from __future__ import annotations

import time

import click
import msgspec
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.projects import get_project
from shopalytic.errors import NotFound
from shopalytic.parts import open_parts
from shopalytic.privacy.record import DONE, Kind, ask, find_erasure, find_subject, forecast
from shopalytic.reports.money import round_money
from shopalytic.reports.project import Project
from shopalytic.settings import load_settings

WAIT_SECONDS = 30
PAUSE_SECONDS = 0.2
GONE_FROM = ("purging", "database", "database_log", "log", "logging", "disk", DONE)
"""Steps at which no answer knows the customer any more; what is left is to empty the files."""


@click.command()
@click.argument("id")
@click.option("--project", "reference", required=True, help="The project's token, number, or name.")
@click.option("--dry-run", is_flag=True, help="Only say what it is about.")
@click.option(
    "--anonymise", is_flag=True, help="Keep the events and orders, and take the person out of them."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; does not ask.")
def forget(id: str, reference: str, dry_run: bool, anonymise: bool, yes: bool, as_json: bool) -> None:
    """Delete all that is known of a customer, events and orders too; nothing brings it back.

    ID is any id of the customer: the shop's own, an e-mail address, a tracking id, a customer id. A worker does it,
    so the system has to run.
    """
    parts = open_parts(load_settings())
    kind: Kind = "anonymise" if anonymise else "forget"
    with reading(parts.sessions) as db:
        row = get_project(db, reference)
    project = Project(row.id, row.time_zone, row.currency)
    customer_id = find_subject(parts, project, id)
    expected = None if customer_id is None else forecast(parts, project, customer_id)
    if customer_id is None or expected is None:
        raise NotFound(f"Nobody in the project {row.name} has the id {id!r}.")
    revenue = round_money(expected.revenue, row.currency)
    about = f"{expected.events} events, {expected.orders} orders of {revenue} {row.currency}"
    moves = {"events": expected.events, "orders": expected.orders, "revenue": str(revenue)}
    if dry_run:
        plain = (
            f"{about}: {'anonymised, they stay and count' if anonymise else 'all of it would be deleted'}."
        )
        return _tell(as_json, plain, {"customer_id": str(customer_id), "moves": moves, "dry_run": True})
    if not yes and not as_json:
        click.confirm(
            f"{'Anonymise' if anonymise else 'Forget'} customer {customer_id} ({about})?", abort=True
        )
    asked = ask(parts, project, customer_id, kind, asked_by="command")
    step = _wait(parts.sessions, asked.erasure_id)
    record = {"erasure_id": asked.erasure_id, "kind": kind, "moves": moves, "step": step, "dry_run": False}
    if step not in GONE_FROM:
        plain = (
            f"Recorded as {asked.erasure_id}; it is done once the queue is empty. No worker has finished it yet: "
            "see that `shopalytic up` runs."
        )
    else:
        plain = (
            f"The customer is {'anonymised' if anonymise else 'forgotten'} ({asked.erasure_id}). The last files of "
            "before are removed within some minutes."
        )
    return _tell(as_json, plain, record)


def _wait(sessions: sessionmaker[Session], erasure_id: str) -> str:
    """The step at which it is, at the latest after WAIT_SECONDS."""
    ends_at = time.monotonic() + WAIT_SECONDS
    while True:
        found = find_erasure(sessions, erasure_id)
        step = found.step if found else ""
        if step in GONE_FROM or time.monotonic() > ends_at:
            return step
        time.sleep(PAUSE_SECONDS)


def _tell(as_json: bool, plain: str, record: dict[str, object]) -> None:
    click.echo(msgspec.json.encode(record).decode() if as_json else plain)
