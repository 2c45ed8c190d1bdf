"""Sending to the store what the ledger changed about rows stored before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import msgspec
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.errors import DatabaseUnavailable
from shopalytic.identity.overrides import (
    PendingOverride,
    forget_overrides,
    mark_overrides_sent,
    pending_overrides,
    pending_projects,
)
from shopalytic.identity.statements import hold_identity
from shopalytic.store import Store

_encoder = msgspec.json.Encoder()

OVERRIDES_AT_ONCE = 1000
"""Marked as sent by so many: after a long time without the store, each attempt gets further than the one before."""
PROJECTS_AT_ONCE = 100


def send_overrides_as_holder(store: Store, sessions: sessionmaker[Session]) -> None:
    """Reports read them from then on. A crash in between sends them the next time. Raises Unavailable, StoreRefused.

    For who holds a partition of the stream. All others take `send_overrides`.
    """
    with naming_database_faults(), reading(sessions) as db:
        overrides = pending_overrides(db)
    for at in range(0, len(overrides), OVERRIDES_AT_ONCE):
        some = overrides[at : at + OVERRIDES_AT_ONCE]
        _put(store, some)
        with naming_database_faults(), sessions.begin() as db:
            _mark(db, some)


def send_overrides(store: Store, sessions: sessionmaker[Session]) -> int:
    """The same, beside those who hold partitions: what a decision made, or a dead process left. Gives how many were sent.

    Whoever erases a person holds all partitions while its overrides are deleted. Nothing here knows of that: so the
    projects' locks are held, lest an erased person's override arrive in the store afterwards.
    """
    sent = 0
    while True:
        with naming_database_faults(), reading(sessions) as db:
            projects = pending_projects(db, PROJECTS_AT_ONCE)
        if not projects:
            return sent
        with naming_database_faults(), sessions.begin() as db:
            for project_id in projects:
                hold_identity(db, project_id)
            some = pending_overrides(db, projects, OVERRIDES_AT_ONCE)
            if some:
                _put(store, some)
                _mark(db, some)
        sent += len(some)


def _put(store: Store, some: list[PendingOverride]) -> None:
    lines = [_encoder.encode(override_row(override)) for override in some]
    versions = ",".join(str(override.version) for override in some)
    # All of them: others may become visible later between the same first and last.
    token = blake2b(versions.encode(), digest_size=16).hexdigest()
    store.insert("overrides", lines, token=f"overrides-{token}")
    store.reload_owners()


def _mark(db: Session, some: list[PendingOverride]) -> None:
    mark_overrides_sent(db, [override.version for override in some if override.timeline])
    forget_overrides(db, [override.version for override in some if not override.timeline])


def override_row(override: PendingOverride) -> dict[str, object]:
    return {
        "project_id": override.project_id,
        "origin_id": override.origin_id,
        "timeline": override.timeline,
        "version": override.version,
    }


@contextmanager
def naming_database_faults() -> Iterator[None]:
    """Raises DatabaseUnavailable for what no message can cause: a lost connection, a standby that is read-only
    after a failover, a table that is not migrated yet. What a message's values can cause passes as it is.
    """
    try:
        yield
    except (DataError, IntegrityError):
        raise
    except DBAPIError as error:
        raise DatabaseUnavailable(f"The database did not answer: {error.orig}") from error
    except PoolTimeout as error:
        raise DatabaseUnavailable(f"No connection to the database was free: {error}") from error
