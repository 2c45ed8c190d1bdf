"""What `up` prints once everything runs: where the dashboard is, and how the first user gets in."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from shopalytic.accounts.keys import list_tokens
from shopalytic.accounts.projects import create_project, list_projects
from shopalytic.accounts.sign_in_links import LIFETIME_HOURS, make_link_text
from shopalytic.accounts.users import has_users
from shopalytic.cli.database import open_database
from shopalytic.settings import Settings, get_secret_key

FIRST_PROJECT = "My shop"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}


def print_welcome(settings: Settings, *, demo: bool) -> None:
    """Makes the first project where there is none. Called again it prints the same, with a new link."""
    with open_database(settings) as db:
        if not list_projects(db):
            create_project(db, FIRST_PROJECT)
        lines = welcome_lines(db, settings)
    if demo:
        lines.append(("Demo shop", f"http://{_reachable(settings.host)}:{settings.port + 1}/"))
    width = max(len(label) for label, _ in lines)
    click.echo("\n" + "\n".join(f"  {label:<{width}}  {value}" for label, value in lines) + "\n")


def welcome_lines(db: Session, settings: Settings) -> list[tuple[str, str]]:
    """(label, value) pairs. With one project its token is among them; the first user's link ends."""
    lines = [("Dashboard", f"{base_url(settings)}/")]
    if not has_users(db):
        link = sign_in_url(settings, make_link_text(get_secret_key(settings), None))
        lines = [("Sign in", f"{link}  (once, within {LIFETIME_HOURS} hours)"), *lines]
    projects = list_projects(db)
    if len(projects) == 1:
        lines += [("Token", token) for token in list_tokens(db, projects[0].id)[:1]]
    return lines


def base_url(settings: Settings) -> str:
    """Where a browser finds the web server, without a slash at the end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    return f"http://{_reachable(settings.host)}:{settings.port}"


def _reachable(host: str) -> str:
    """As it stands in an address that a browser on this machine can open."""
    host = EVERYWHERE.get(host, host)
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def sign_in_url(settings: Settings, link: str) -> str:
    return f"{base_url(settings)}/sign-in/link/{link}"
