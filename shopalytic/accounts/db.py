"""The relational database: SQLite in WAL mode, or PostgreSQL. The same models and migrations on both."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.errors import ConfigurationError

BUSY_TIMEOUT_SECONDS = 10
MIGRATION_LOCK = 7_468_770
FIRST_USER_LOCK = 7_468_771
"""Keys of PostgreSQL's advisory locks; any numbers that nobody else uses."""


def make_engine(url: str) -> Engine:
    """An engine with a pool, which connects at first use; one per process, made after any fork.

    SQLite: each transaction takes the write lock at its start, since one that first reads and then writes
    fails at once, without waiting, where another wrote in between. Use `reading` for look-ups, which wait
    for nobody.
    Raises ConfigurationError where the URL is not one.
    """
    parsed = parse_database_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, pool_pre_ping=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions whose objects stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)


def reading(sessions: sessionmaker[Session]) -> Session:
    """A session that only reads: on SQLite it neither waits for a writer nor keeps one waiting."""
    engine: Engine = sessions.kw["bind"]
    return sessions(bind=engine.execution_options(read_only=True))


def parse_database_url(url: str) -> URL:
    """A SQLAlchemy URL for a database that Shopalytic runs on; `postgres://…` means psycopg too."""
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        raise ConfigurationError(
            f"SHOPALYTIC_DATABASE_URL is {_without_password(url)!r}, which is no database URL such as "
            "postgresql://user:password@host/name."
        ) from None
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigurationError(
            f"SHOPALYTIC_DATABASE_URL names {backend}; Shopalytic runs on PostgreSQL and SQLite."
        )
    return parsed


def upgrade(url: str) -> None:
    """Bring the tables to the newest form; where they are, nothing changes.

    Two processes at once: the second waits for the first, then finds nothing to do. All in one transaction,
    so a failed or killed upgrade leaves the tables as they were.
    Raises ConfigurationError where the database cannot be reached or written.
    """
    parsed = parse_database_url(url)
    if parsed.get_backend_name() == "sqlite":
        _make_folder(parsed)
    try:
        engine = make_engine(url)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "PostgreSQL needs a package; run: pip install 'shopalytic[postgresql]'."
        ) from None
    try:
        with engine.begin() as connection:
            wait_turn(connection, MIGRATION_LOCK)
            command.upgrade(make_alembic_config(connection), "head")
    except DatabaseError as error:
        if type(error) not in (OperationalError, DatabaseError):
            raise  # a migration is wrong, not the database
        raise ConfigurationError(
            f"The database {_without_password(url)} cannot be used: {_first_line(error)}."
        ) from None
    finally:
        engine.dispose()


def make_alembic_config(connection: Connection) -> Config:
    """Alembic's configuration without a file; it works on `connection` and its caller's transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def wait_turn(connection: Connection, lock: int) -> None:
    """Until the transaction's end nobody else is past this. On SQLite its begin already saw to that."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


def _make_folder(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        return
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The folder {folder} cannot be made: {error.strerror}.") from None


def _set_up_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    # Without this the driver begins transactions by itself, late, and never for DDL.
    connection.isolation_level = None
    _write_ahead(connection)
    connection.execute("PRAGMA foreign_keys = ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set WAL mode, which stays with the file. SQLite does not wait for this lock by itself: two processes
    that open a new file at once would fail."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.split("@")[-1]


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0].rstrip(".")
