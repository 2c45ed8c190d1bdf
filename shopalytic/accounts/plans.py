"""Versions of a project's tracking plan: saved, read, and kept ready in memory to judge messages.

A message is judged by the version that was in force where it was received, whose id its envelope carries: a batch that
is repeated after the plan was changed judges it the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import PlanVersion, Project
from shopalytic.errors import DatabaseUnavailable, NotFound, Rejected
from shopalytic.events.plan import EMPTY, Plan, check_plan, format_plan
from shopalytic.events.planned import PlannedProject, prepare

log = structlog.get_logger(__name__)

VERSION_LIMIT = 2**31 - 1
KEPT_READY = 500
"""Versions kept in memory; an old one is needed for as long as its messages wait."""


class PlanChanged(Rejected):
    """Somebody else saved a version since the one that this change was made from."""

    status = 409
    code = "plan_changed"


class WouldLose(Rejected):
    """By the plan messages would be refused or set aside that are kept today, and nobody said yes to that."""

    status = 409
    code = "would_lose"


class Plans:
    """Versions by their ids, ready to judge. One per process; threads share it. Each is read once, since a row never
    changes. Its methods raise DatabaseUnavailable.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self._ready: dict[int, PlannedProject | None] = {}
        self._mutex = threading.Lock()

    def find(self, plan_id: int) -> PlannedProject | None:
        """None for 0, and for an id that the database does not have."""
        return self.read((plan_id,)).get(plan_id) if plan_id else None

    def read(self, plan_ids: Iterable[int]) -> dict[int, PlannedProject | None]:
        """The versions with these ids, in one query where some are not in memory."""
        wanted = {plan_id for plan_id in plan_ids if plan_id}
        ready = {plan_id: self._ready[plan_id] for plan_id in wanted if plan_id in self._ready}
        missing = wanted - ready.keys()
        if missing:
            ready |= self._load(missing)
        return ready

    def _load(self, plan_ids: set[int]) -> dict[int, PlannedProject | None]:
        found: dict[int, PlannedProject | None] = dict.fromkeys(plan_ids)
        try:
            with reading(self._sessions) as db:
                rows = list(db.scalars(select(PlanVersion).where(PlanVersion.id.in_(plan_ids))))
        except SQLAlchemyError as error:
            raise DatabaseUnavailable("The database with the tracking plans does not answer.") from error
        for row in rows:
            found[row.id] = prepare(read_plan(row))
        with self._mutex:
            while self._ready and len(self._ready) + len(found) > KEPT_READY:
                del self._ready[next(iter(self._ready))]
            # One that is not there now never will be: only what was saved is ever written into an envelope.
            self._ready |= found
        if unknown := [plan_id for plan_id, plan in found.items() if plan is None]:
            log.error("a tracking plan is not in the database; its messages are judged by none", ids=unknown)
        return found


def find_version(db: Session, project_id: int) -> PlanVersion | None:
    """The one in force; None where the project never saved any."""
    plan_id = db.scalar(select(Project.plan_id).where(Project.id == project_id))
    return db.get(PlanVersion, plan_id) if plan_id else None


def get_version(db: Session, project_id: int, version: int) -> PlanVersion:
    """Raises NotFound."""
    query = select(PlanVersion).where(PlanVersion.project_id == project_id, PlanVersion.version == version)
    # A larger number is an error in every database, and none of them has it.
    found = db.scalars(query).first() if version <= VERSION_LIMIT else None
    if found is None:
        raise NotFound(f"The tracking plan has no version {version}.", at="version")
    return found


def list_versions(db: Session, project_id: int, *, limit: int = 100) -> list[PlanVersion]:
    """The newest first."""
    query = select(PlanVersion).where(PlanVersion.project_id == project_id)
    return list(db.scalars(query.order_by(PlanVersion.version.desc()).limit(limit)))


def read_plan(row: PlanVersion | None) -> Plan:
    """The plan of a version; of none, the empty one."""
    # Not as an upload is read: what a later release refuses in new plans must not stop the batches of old ones.
    return EMPTY if row is None else msgspec.json.decode(row.plan, type=Plan)


def save_plan(
    db: Session, project_id: int, plan: Plan, *, saved_by: str, based_on: int | None = None
) -> PlanVersion:
    """Make it the version in force, as its own row; one that says the same as that in force adds none.

    based_on: the version (0: none) that the change was made from; None: whatever it replaces. Raises PlanChanged where
    another is in force by now, WrongPlan, NotFound.
    """
    check_plan(plan)
    # Two that save at once would both make the same version; the second waits here.
    project = db.scalars(select(Project).where(Project.id == project_id).with_for_update()).first()
    if project is None:
        raise NotFound(f"There is no project {project_id}.")
    current = db.get(PlanVersion, project.plan_id) if project.plan_id else None
    in_force = current.version if current else 0
    if based_on is not None and based_on != in_force:
        raise PlanChanged(
            f"Version {in_force} was saved since this change was begun from version {based_on}. Look at it, and make the "
            "change again.",
            at="version",
        )
    text = format_plan(plan)
    if current is not None and current.plan == text:
        return current
    row = PlanVersion(project_id=project_id, version=in_force + 1, saved_by=saved_by[:254], plan=text)
    db.add(row)
    try:
        db.flush()
    except IntegrityError as error:
        raise PlanChanged("Somebody else saves the plan at this moment. Try again.", at="version") from error
    project.plan_id = row.id
    return row
