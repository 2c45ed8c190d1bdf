"""What was deleted leaves the files of the database and of the queue."""

from __future__ import annotations

from typing import Any

import structlog
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.errors import QueueUnavailable
from shopalytic.stream import Stream

log = structlog.get_logger(__name__)

TABLES = ("link", "identity", "trait", "conflict", "override", "erasure")


def compact_database(sessions: sessionmaker[Session]) -> bool:
    """SQLite: write the file anew, without what was deleted from it, and empty its log. PostgreSQL: free the space, to
    be written over; only VACUUM FULL, which locks the tables, takes the bytes off the disk at once.

    False where somebody was reading or writing meanwhile: call it again.
    """
    engine: Engine = sessions.kw["bind"]
    # Outside of a transaction, which the engine would begin.
    connection: Any = engine.raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            return _compact_sqlite(connection)
        driver = connection.driver_connection
        was = driver.autocommit
        driver.autocommit = True
        try:
            for table in TABLES:
                driver.execute(f'VACUUM "{table}"')
        finally:
            driver.autocommit = was
        return True
    finally:
        connection.close()


def _compact_sqlite(connection: Any) -> bool:
    import sqlite3

    cursor = connection.cursor()
    try:
        cursor.execute("VACUUM")
        [is_busy, _, _] = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return False
        raise OperationalError("VACUUM", None, error) from error
    finally:
        cursor.close()
    return not is_busy


def start_log(stream: Stream) -> None:
    """Have the queue's append-only file written anew: what passed through the queue is in it till then."""
    try:
        if _persistence(stream).get("aof_enabled"):
            stream.client.bgrewriteaof()
    except ResponseError as error:
        # A hosted Redis may forbid it; its owner's files are not ours to write.
        log.warning("the queue's log cannot be written anew", why=str(error))
    except RedisError as error:
        raise QueueUnavailable(f"The queue does not answer: {error}") from error


def is_log_written(stream: Stream) -> bool:
    try:
        known = _persistence(stream)
    except RedisError as error:
        raise QueueUnavailable(f"The queue does not answer: {error}") from error
    return not known.get("aof_rewrite_in_progress") and not known.get("aof_rewrite_scheduled")


def _persistence(stream: Stream) -> dict[str, Any]:
    known: Any = stream.client.info("persistence")
    return dict(known)
