"""Projects: made with their first keys, looked up, and their settings checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.currencies import parse_currency
from shopalytic.accounts.keys import make_key
from shopalytic.accounts.models import Key, Member, Project, User
from shopalytic.accounts.origins import parse_origins
from shopalytic.errors import ConfigurationError, NotFound

NAME_LIMIT = 200


class NewProject(NamedTuple):
    """secret_key: shown now, and never again."""

    project: Project
    token: str
    secret_key: str


def create_project(
    db: Session,
    name: str,
    *,
    time_zone: str = "UTC",
    currency: str = "EUR",
    origins: Iterable[str] = (),
    owner: User | None = None,
) -> NewProject:
    """A project with one token and one secret key.

    owner: None is the first user, if there is one; who signs in first later owns what nobody owns.
    Raises ConfigurationError, with the field in `at`, for a value that is wrong or a name that is taken.
    """
    project = Project(
        name=parse_name(db, name),
        time_zone=parse_time_zone(time_zone),
        currency=parse_currency(currency),
        origins=parse_origins(origins),
    )
    db.add(project)
    db.flush()
    owner = owner or db.scalars(select(User).order_by(User.id).limit(1)).first()
    if owner is not None:
        db.add(Member(user_id=owner.id, project_id=project.id, role="owner"))
    token = make_key(db, project.id, "token")
    secret = make_key(db, project.id, "secret")
    return NewProject(project, token.text, secret.text)


def list_projects(db: Session) -> list[Project]:
    return list(db.scalars(select(Project).order_by(Project.id)))


def get_project(db: Session, reference: str | int) -> Project:
    """By its number, one of its tokens, or its name. Raises NotFound that names the known ones."""
    projects = list_projects(db)
    text = str(reference).strip()
    owner_id = db.scalar(select(Key.project_id).where(Key.kind == "token", Key.value == text))
    for project in projects:
        if text == str(project.id) or project.id == owner_id:
            return project
    for project in projects:
        if project.name.casefold() == text.casefold():
            return project
    known = ", ".join(f"{project.id} ({project.name})" for project in projects) or "none yet"
    raise NotFound(f"There is no project {text!r}; there are: {known}.")


def parse_name(db: Session, name: str, *, of: Project | None = None) -> str:
    """Trimmed, not empty, not another project's."""
    name = " ".join(name.split())
    if not name:
        raise ConfigurationError("A project needs a name.", at="name")
    if len(name) > NAME_LIMIT:
        raise ConfigurationError(f"A project's name has at most {NAME_LIMIT} characters.", at="name")
    if not name.isprintable():
        raise ConfigurationError("A project's name may not hold control characters.", at="name")
    same = db.scalars(select(Project).where(Project.name == name)).first()
    if same is not None and same is not of:
        raise ConfigurationError(f"There already is a project {name!r}.", at="name")
    return name


def parse_time_zone(text: str) -> str:
    """An IANA name. Raises ConfigurationError that names the nearest one."""
    name = text.strip()
    known = time_zones()
    if name in known:
        return name
    by_case = {zone.casefold(): zone for zone in known}
    near = by_case.get(name.casefold().replace(" ", "_")) or next(
        iter(difflib.get_close_matches(name, known, n=1)), None
    )
    hint = f" Did you mean {near}?" if near else ""
    raise ConfigurationError(
        f"{name!r} is no time zone; take an IANA name such as Europe/London.{hint}", at="time_zone"
    )


@cache
def time_zones() -> list[str]:
    """IANA names, sorted; without the aliases of single systems."""
    return sorted(zone for zone in available_timezones() if zone not in ("Factory", "localtime"))
