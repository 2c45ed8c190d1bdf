"""Deleting what closed sandboxes hold."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from shopalytic.accounts.db import reading
from shopalytic.accounts.sandboxes import (
    close_old_sandboxes,
    delete_rows,
    forget_sandbox,
    is_sandbox,
    list_closed,
)
from shopalytic.parts import Parts
from shopalytic.store import Store

log = structlog.get_logger(__name__)

LEFT_ALONE = timedelta(minutes=10)
"""A request that looked the sandbox up before it was closed has put its messages into the queue by then."""
LOCAL_TABLES = ("events", "dropped", "quarantine")
WHOLE_TABLES = ("overrides", "replayed")
"""Held by every node of a cluster, where LOCAL_TABLES are in pieces."""


def tidy_sandboxes(parts: Parts, now: datetime) -> list[int]:
    """Close the sandboxes that are too old, and delete what is left of closed ones; gives the ids of those.

    One with messages that still wait is left for the next time. A repeat after a crash in its middle does the rest.
    Raises Unavailable, StoreRefused.
    """
    with parts.sessions.begin() as db:
        close_old_sandboxes(db, now)
    with reading(parts.sessions) as db:
        closed = list_closed(db, before=now - LEFT_ALONE)
    done = [sandbox_id for sandbox_id in closed if _delete(parts, sandbox_id)]
    if done:
        _purge(parts.store)
        with parts.sessions.begin() as db:
            for sandbox_id in done:
                forget_sandbox(db, sandbox_id)
        log.info("deleted what closed sandboxes held", sandboxes=done)
    return done


def _delete(parts: Parts, sandbox_id: int) -> bool:
    assert is_sandbox(sandbox_id)
    if parts.stream.counters(sandbox_id).waiting:
        return False
    for name in _names():
        parts.store.command(f"DELETE FROM {name} {{{{on_cluster}}}} WHERE project_id = {sandbox_id:d}")
    with parts.sessions.begin() as db:
        delete_rows(db, sandbox_id)
    parts.stream.feed.clear(sandbox_id)
    parts.stream.forget_counters(sandbox_id)
    return True


def _purge(store: Store) -> None:
    """Have the files that hold deleted rows written anew; a part that is never merged would keep them for ever."""
    for name in _names():
        store.command(f"ALTER TABLE {name} {{{{on_cluster}}}} APPLY DELETED MASK")


def _names() -> list[str]:
    return [f"{{{{local('{table}')}}}}" for table in LOCAL_TABLES] + [
        f"{{{{table('{table}')}}}}" for table in WHOLE_TABLES
    ]
