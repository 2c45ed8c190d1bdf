"""What somebody decides of a project's customers, carried out or only tried, and what moves by it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.orm import Session

from shopalytic.errors import StoreRefused, Unavailable
from shopalytic.identity.decisions import Change
from shopalytic.parts import Parts
from shopalytic.pipeline.overrides import naming_database_faults, send_overrides
from shopalytic.reports.moved import Moved, count_moved
from shopalytic.reports.project import Project

log = structlog.get_logger(__name__)

Action = Callable[[Session], Change]
"""One of `identity.decisions`, with all its arguments but the session."""


class Decided(msgspec.Struct, frozen=True):
    """decision_id: '' where it was only tried. customers: whose the ids are afterwards."""

    decision_id: str
    moves: Moved
    customers: list[UUID]


def decide(parts: Parts, project: Project, action: Action, *, is_dry_run: bool) -> Decided:
    """Carry out a decision; or only try it, which leaves everything as it was.

    It is always tried first, so that nothing is decided of which nobody could say what it moves; and not counted in between,
    so that nobody waits for the store while it is decided. Reports tell of it at once; where the store stops answering,
    as soon as it does again. Raises NotFound, Rejected, Unavailable.
    """
    with naming_database_faults(), parts.sessions() as db:
        tried = action(db)
        db.rollback()
    moves = count_moved(parts.store, project, tried.moved)
    if is_dry_run:
        return Decided("", moves, tried.customers)
    with naming_database_faults(), parts.sessions.begin() as db:
        made = action(db)
    try:
        send_overrides(parts.store, parts.sessions)
    except (Unavailable, StoreRefused) as error:
        log.warning("a decision waits to be sent to the store", why=error.message)
    return Decided(made.decision_id, moves, made.customers)
