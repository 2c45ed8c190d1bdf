"""`shopalytic user`: who may sign in to the dashboard."""

from __future__ import annotations

import click
from sqlalchemy import select

from shopalytic.accounts.models import User
from shopalytic.accounts.projects import get_project
from shopalytic.accounts.sign_in_links import LIFETIME_HOURS, make_link_text
from shopalytic.accounts.users import find_user, has_users, invite_user, projects_of
from shopalytic.cli.database import open_database
from shopalytic.cli.table import print_table
from shopalytic.cli.welcome import sign_in_url
from shopalytic.errors import ConfigurationError, NotFound
from shopalytic.settings import get_secret_key, load_settings


@click.group()
def user() -> None:
    """Who may sign in to the dashboard."""


@user.command()
@click.argument("email")
@click.option("--project", required=True, help="The project's number, name, or token.")
@click.option(
    "--role", type=click.Choice(["owner", "member"]), default="member", show_default=True,
    help="An owner may change keys and origins.",
)  # fmt: skip
def invite(email: str, project: str, role: str) -> None:
    """Let EMAIL see a project, and print a one-time link with which to set a password."""
    settings = load_settings()
    with open_database(settings) as db:
        invited = invite_user(db, email, get_project(db, project), role)
        if invited.password_hash:
            return click.echo(f"{invited.email} sees the project from now on.")
        link = make_link_text(get_secret_key(settings), invited)
    return click.echo(sign_in_url(settings, link))


@user.command("sign-in-link")
@click.argument("email", required=False)
def sign_in_link(email: str | None) -> None:
    """Print a one-time link with which EMAIL sets a new password; without EMAIL, the first user's link."""
    settings = load_settings()
    with open_database(settings) as db:
        found = find_user(db, email) if email else None
        if email and found is None:
            raise NotFound(f"There is no user {email!r}; see `shopalytic user invite`.")
        if not email and has_users(db):
            raise ConfigurationError("There is a user already; say whose link: user sign-in-link EMAIL.")
        link = make_link_text(get_secret_key(settings), found)
    click.echo(sign_in_url(settings, link))
    click.echo(f"It works once, within {LIFETIME_HOURS} hours.", err=True)


@user.command("list")
def list_command() -> None:
    """All users and what they see."""
    with open_database(load_settings()) as db:
        rows = [
            [
                found.email,
                f"{found.signed_in_at:%Y-%m-%d %H:%M}" if found.signed_in_at else "never",
                ", ".join(project.name for project in projects_of(db, found)) or "–",
            ]
            for found in db.scalars(select(User).order_by(User.id))
        ]
    print_table(["E-MAIL", "SIGNED IN", "PROJECTS"], rows)
