"""What was deleted leaves the files of the database and of the queue."""

from __future__ import annotations

import sqlite3
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
    """SQLite: write the file anew, without what was deleted from it. PostgreSQL: free the space, to be written over;
    only VACUUM FULL, which locks the tables, takes the bytes off the disk at once.

    False where somebody else was writing all the while: call it again.
    """
    engine: Engine = sessions.kw["bind"]
    # Outside of a transaction, which the engine would begin.
    connection: Any = engine.raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            return _run_sqlite(connection, "VACUUM") is not None
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


def empty_database_log(sessions: sessionmaker[Session]) -> bool:
    """SQLite: what its write-ahead log holds of the past goes. False where somebody was reading meanwhile."""
    engine: Engine = sessions.kw["bind"]
    if engine.dialect.name != "sqlite":
        return True
    connection: Any = engine.raw_connection()
    try:
        answer = _run_sqlite(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    return answer is not None and answer[0][0] == 0


def _run_sqlite(connection: Any, statement: str) -> list[Any] | None:
    """The rows; None where the file was busy."""
    cursor = connection.cursor()
    try:
        return list(cursor.execute(statement).fetchall())
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return None
        raise OperationalError(statement, None, error) from error
    finally:
        cursor.close()


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
