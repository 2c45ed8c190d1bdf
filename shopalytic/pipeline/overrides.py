"""Sending to the store what the ledger changed about rows stored before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.errors import DatabaseUnavailable
from shopalytic.identity.overrides import PendingOverride, mark_overrides_sent, pending_overrides
from shopalytic.store import Store

_encoder = msgspec.json.Encoder()

OVERRIDES_AT_ONCE = 1000
"""Marked as sent by so many: after a long time without the store, each attempt gets further than the one before."""


def send_overrides(store: Store, sessions: sessionmaker[Session]) -> None:
    """Reports read them from then on. A crash in between sends them the next time. Raises Unavailable, StoreRefused."""
    with naming_database_faults(), sessions() as db:
        overrides = pending_overrides(db)
    for at in range(0, len(overrides), OVERRIDES_AT_ONCE):
        some = overrides[at : at + OVERRIDES_AT_ONCE]
        lines = [_encoder.encode(override_row(override)) for override in some]
        versions = [override.version for override in some]
        store.insert("overrides", lines, token=f"overrides-{versions[0]}-{versions[-1]}-{len(versions)}")
        store.reload_owners()
        with naming_database_faults(), sessions.begin() as db:
            mark_overrides_sent(db, versions)


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
