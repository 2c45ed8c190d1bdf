"""Databases for identity tests. Examples share one and take a project each: making tables is what takes time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import make_engine, make_sessions
from shopalytic.accounts.models import Base
from tests.postgres import fresh_database, postgres_folder

__all__ = ["postgres_folder"]


@pytest.fixture(scope="session")
def sqlite_sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sessionmaker[Session]]:
    yield from _sessions(f"sqlite:///{tmp_path_factory.mktemp('identity') / 'shopalytic.db'}")


@pytest.fixture(scope="session")
def postgresql_sessions(request: pytest.FixtureRequest) -> Iterator[sessionmaker[Session]]:
    with fresh_database(request.getfixturevalue("postgres_folder")) as url:
        yield from _sessions(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def sessions(request: pytest.FixtureRequest) -> sessionmaker[Session]:
    """A test that takes this runs once on each kind of database."""
    found: sessionmaker[Session] = request.getfixturevalue(f"{request.param}_sessions")
    return found


def _sessions(url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    yield make_sessions(engine)
    engine.dispose()
