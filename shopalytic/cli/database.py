"""The relational database as a command needs it: there, up to date, and closed at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.errors import Unavailable
from shopalytic.settings import Settings


@contextmanager
def open_database(settings: Settings) -> Iterator[Session]:
    """One transaction: committed at the end, rolled back by an exception. Makes the tables where missing."""
    upgrade(settings.relational_url)
    engine = make_engine(settings.relational_url)
    try:
        with make_sessions(engine).begin() as db:
            yield db
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0].rstrip(".")
        raise Unavailable(f"The database cannot be used now: {reason}.") from error
    finally:
        engine.dispose()
