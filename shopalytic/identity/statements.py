"""What the parts of identity share of SQL: chunked look-ups, inserts that skip what is there, the project's lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Insert, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

CHUNK = 500
"""Values in one IN list. SQLite takes 32,766 parameters, PostgreSQL 65,535."""
IDENTITY_LOCK = 7_468_772
"""First half of the advisory lock's key; the second is the project."""

T = TypeVar("T")


def chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    listed = list(values)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def hold_identity(db: Session, project_id: int) -> None:
    """Wait until nobody else changes the project's identities, and keep it so until the transaction ends.

    SQLite: writing transactions begin IMMEDIATE (accounts.db), so there is nothing left to do. PostgreSQL: needs
    READ COMMITTED, its default, so that statements after this one see what the former holder wrote.
    Twice in one transaction is harmless. A transaction that holds several projects takes them in rising order,
    and takes this lock before any row that another worker may want, or the two wait for each other.
    """
    if db.get_bind().dialect.name == "postgresql":
        db.execute(
            text("SELECT pg_advisory_xact_lock(:space, :project)"),
            {"space": IDENTITY_LOCK, "project": project_id},
        )


def insert_into(db: Session, model: type[DeclarativeBase]) -> Any:
    """The dialect's own INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    table: Any = model.__table__
    statement: Insert
    if db.get_bind().dialect.name == "postgresql":
        statement = postgresql.insert(table)
    else:
        statement = sqlite.insert(table)
    return statement
