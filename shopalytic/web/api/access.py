"""Who asks: the secret key in the Authorization header, and the project that it opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from flask import Request
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.keys import hash_secret_key
from shopalytic.accounts.models import Key
from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.accounts.sandboxes import open_sandbox
from shopalytic.errors import NotAuthorized
from shopalytic.reports.project import Project

USE_NOTED_EVERY = timedelta(minutes=1)
"""A key's last use is written this often at most: reading must not wait for a writer each time."""

NO_KEY = "Send a secret key of the project, as in: Authorization: Bearer <secret key>."
WRONG_KEY = "This key opens no project: it is wrong, or it was revoked."
WRITE_ONLY = "This is a project token, which may only write. Reading needs a secret key of the project."


@dataclass(frozen=True)
class Opened:
    project: Project
    key_id: int
    last_used_at: datetime | None


def open_project(request: Request, sessions: sessionmaker[Session], now: datetime) -> Opened:
    """The request's secret key and its project. Raises NotAuthorized, saying what is missing."""
    opened = _find_project(sessions, _get_bearer(request))
    if opened.last_used_at is None or now - opened.last_used_at > USE_NOTED_EVERY:
        with sessions.begin() as db:
            db.execute(update(Key).where(Key.id == opened.key_id).values(last_used_at=now))
    return opened


def _get_bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthorized(NO_KEY, at="Authorization")
    return key.strip()


def _find_project(sessions: sessionmaker[Session], key: str) -> Opened:
    digest = hash_secret_key(key)
    with reading(sessions) as db:
        found = db.execute(
            select(Key, ProjectRow)
            .join(ProjectRow, ProjectRow.id == Key.project_id)
            .where(Key.kind == "secret", Key.value == digest, Key.revoked_at.is_(None))
        ).one_or_none()
        if found is None:
            is_token = db.scalar(select(Key.id).where(Key.kind == "token", Key.value == key[:64]))
            raise NotAuthorized(WRITE_ONLY if is_token else WRONG_KEY, at="Authorization")
    row, project = found
    return Opened(project_values(project), row.id, row.last_used_at)


def enter_sandbox(project: Project, sessions: sessionmaker[Session]) -> Project:
    """The project with its sandbox's data in place of its own."""
    return msgspec.structs.replace(project, project_id=open_sandbox(sessions, project.project_id))


def project_values(row: ProjectRow) -> Project:
    return Project(row.id, row.time_zone, row.currency)


def utc_now() -> datetime:
    return datetime.now(UTC)
