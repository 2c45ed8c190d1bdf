"""`shopalytic project`: make projects, and mind their keys and origins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
import msgspec

from shopalytic.accounts.keys import (
    KeyKind,
    MadeKey,
    get_key,
    list_keys,
    list_tokens,
    make_key,
    set_signing_secret,
)
from shopalytic.accounts.keys import revoke_key as revoke_this_key
from shopalytic.accounts.keys import rotate_key as rotate_this_key
from shopalytic.accounts.models import Key, Project, User
from shopalytic.accounts.origins import parse_origin, parse_origins
from shopalytic.accounts.projects import create_project, get_project, list_projects
from shopalytic.accounts.users import find_user
from shopalytic.cli.database import open_database
from shopalytic.cli.table import print_table
from shopalytic.errors import NotFound
from shopalytic.settings import load_settings

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
project_argument = click.argument("project", metavar="PROJECT")
ASKED = "-"
SHOWN_ONCE = "The secret key is shown this once. Keep it where your server reads it."


@click.group()
def project() -> None:
    """Projects (one per shop), their keys and allowed origins.

    PROJECT is a project's number, its name, or one of its tokens.
    """


@project.command()
@click.argument("name")
@click.option(
    "--timezone", "time_zone", default="UTC", show_default=True, help="IANA name; days are its days."
)
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217 code of the reports' money.")
@click.option(
    "--origin", "origins", multiple=True, help="Where its pages stand; may be repeated. None: anywhere."
)
@click.option("--owner", "owner_email", help="E-mail of the user whose it is; else the first user.")
@json_option
def create(
    name: str, time_zone: str, currency: str, origins: tuple[str, ...], owner_email: str | None, as_json: bool
) -> None:
    """Make a project NAME with a token and a secret key."""
    with open_database(load_settings()) as db:
        owner = _get_user(find_user(db, owner_email), owner_email) if owner_email else None
        made = create_project(db, name, time_zone=time_zone, currency=currency, origins=origins, owner=owner)
    keys = {"token": made.token, "secret_key": made.secret_key}
    if as_json:
        return _print_json(_describe(made.project) | keys)
    click.echo(f"Project {made.project.id} ({made.project.name}) is made.\n")
    click.echo(f"  Token       {made.token}\n  Secret key  {made.secret_key}\n\n{SHOWN_ONCE}")
    return None


@project.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """All projects with the token to use."""
    with open_database(load_settings()) as db:
        described = [
            _describe(found) | {"token": next(iter(list_tokens(db, found.id)), None)}
            for found in list_projects(db)
        ]
    if as_json:
        return _print_json(described)
    rows = [
        [str(it["project_id"]), it["name"], it["time_zone"], it["currency"], it["token"] or "none in force"]
        for it in described
    ]
    return print_table(["ID", "NAME", "TIME ZONE", "CURRENCY", "TOKEN"], rows)


@project.command()
@project_argument
@json_option
def keys(project: str, as_json: bool) -> None:
    """A project's keys. Of a secret key only its beginning is known."""
    with open_database(load_settings()) as db:
        found = list_keys(db, get_project(db, project).id)
    if as_json:
        return _print_json([_describe_key(key) for key in found])
    rows = [
        [str(key.id), key.kind, _shown(key), *(map(_at, (key.created_at, key.last_used_at, key.revoked_at)))]
        for key in found
    ]
    return print_table(["ID", "KIND", "KEY", "MADE", "LAST USED", "REVOKED"], rows)


@project.command("add-key")
@project_argument
@click.argument("kind", type=click.Choice(["token", "secret", "hook"]))
@click.option(
    "--signing-secret", help="Of a hook key: the platform's, or - to be asked for it. Else one is made."
)
@json_option
def add_key(project: str, kind: KeyKind, signing_secret: str | None, as_json: bool) -> None:
    """Make a further token, secret key, or hook key for webhooks."""
    if signing_secret is not None and kind != "hook":
        raise click.UsageError("--signing-secret belongs to a hook key.")
    with open_database(load_settings()) as db:
        made = make_key(db, get_project(db, project).id, kind, signing_secret=_ask(signing_secret))
    _print_made(made, as_json)


@project.command("hook-secret")
@project_argument
@click.argument("key")
@click.option(
    "--signing-secret", default=ASKED, help="What the platform signs with; - (or nothing) asks for it."
)
def hook_secret(project: str, key: str, signing_secret: str) -> None:
    """Change what the webhooks at hook KEY are signed with: Shopify shows its own only once a webhook is there."""
    with open_database(load_settings()) as db:
        found = get_key(db, get_project(db, project).id, key)
        set_signing_secret(found, _ask(signing_secret) or "")
    click.echo(f"Key {found.id} ({_shown(found)}) has a new signing secret.")


@project.command()
@project_argument
@click.argument("key")
@json_option
def rotate(project: str, key: str, as_json: bool) -> None:
    """Make a new key in the place of KEY, which is refused from now on.

    KEY is its number, the key itself or its beginning. To change a key without a gap, use `add-key`, put the new one
    in place, then `revoke` the old one.
    """
    with open_database(load_settings()) as db:
        made = rotate_this_key(db, get_key(db, get_project(db, project).id, key))
    _print_made(made, as_json)


@project.command()
@project_argument
@click.argument("key")
def revoke(project: str, key: str) -> None:
    """Refuse KEY from now on: its number, the key itself or its beginning."""
    with open_database(load_settings()) as db:
        found = get_key(db, get_project(db, project).id, key)
        revoke_this_key(found)
    click.echo(f"Key {found.id} ({_shown(found)}) is revoked.")


@project.command()
@project_argument
@click.option("--add", multiple=True, help="Allow an origin such as https://shop.example; may be repeated.")
@click.option("--remove", multiple=True, help="No longer allow it; may be repeated.")
@click.option("--any", "allow_any", is_flag=True, help="Allow every origin.")
@json_option
def origins(
    project: str, add: tuple[str, ...], remove: tuple[str, ...], allow_any: bool, as_json: bool
) -> None:
    """Show or change where pages may stand that send with the project's tokens."""
    with open_database(load_settings()) as db:
        found = get_project(db, project)
        allowed = [] if allow_any else list(found.origins)
        for origin in parse_origins(remove):
            if origin not in allowed:
                raise NotFound(f"{origin} is not among the project's origins.")
            allowed.remove(origin)
        found.origins = list(dict.fromkeys([*allowed, *map(parse_origin, add)]))
        allowed = found.origins
    if as_json:
        return _print_json(allowed)
    return click.echo("\n".join(allowed) or "Any origin may send.")


def _get_user(user: User | None, email: str) -> User:
    if user is None:
        raise NotFound(f"There is no user {email!r}.")
    return user


def _print_made(made: MadeKey, as_json: bool) -> None:
    name = {"token": "token", "secret": "secret_key", "hook": "hook_key"}[made.key.kind]
    signing = {"signing_secret": made.key.signing_secret} if made.key.kind == "hook" else {}
    if as_json:
        _print_json({"key_id": made.key.id, name: made.text} | signing)
    else:
        click.echo(made.text)
        if signing:
            click.echo(f"Signing secret: {made.key.signing_secret}")
        if made.key.kind == "secret":
            click.echo(SHOWN_ONCE, err=True)


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def _describe(project: Project) -> dict[str, Any]:
    return {
        "project_id": project.id,
        "name": project.name,
        "time_zone": project.time_zone,
        "currency": project.currency,
        "origins": project.origins,
    }


def _describe_key(key: Key) -> dict[str, Any]:
    return {
        "key_id": key.id,
        "kind": key.kind,
        "key": _shown(key),
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }


def _shown(key: Key) -> str:
    return f"{key.hint}…" if key.kind == "secret" else key.value


def _ask(signing_secret: str | None) -> str | None:
    """What is typed stays out of the shell's history."""
    if signing_secret != ASKED:
        return signing_secret
    return str(click.prompt("Signing secret", hide_input=True))


def _at(instant: datetime | None) -> str:
    return "–" if instant is None else f"{instant:%Y-%m-%d %H:%M}"
