"""The tables of SQLite and of PostgreSQL: made by the migrations, the same as the models."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import make_alembic_config, make_engine, make_sessions, reading, upgrade
from shopalytic.accounts.models import Key, Member, OrderClaim, Override, Project, User
from shopalytic.errors import ConfigurationError


def test_migrations_and_models_describe_the_same_tables(database_url: str) -> None:
    upgrade(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        command.check(make_alembic_config(connection))  # raises where autogenerate finds a difference
    engine.dispose()


def test_upgrading_twice_changes_nothing_and_keeps_what_is_there(database_url: str) -> None:
    upgrade(database_url)
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as db:
        db.add(Project(name="My shop"))
    upgrade(database_url)
    with reading(sessions) as db:
        assert db.scalars(select(Project.name)).all() == ["My shop"]
    engine.dispose()


def test_processes_that_upgrade_at_once_all_succeed(database_url: str) -> None:
    program = "import sys; from shopalytic.accounts.db import upgrade; sys.stdin.read(); upgrade(sys.argv[1])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    for process in processes:  # only now do they begin, all of them
        assert process.stdin is not None
        process.stdin.close()
    errors = [process.stderr.read().decode() for process in processes if process.stderr]
    assert [process.wait() for process in processes] == [0] * 4, errors
    for process in processes:
        assert process.stderr is not None
        process.stderr.close()


def test_downgrading_takes_every_table_away(database_url: str) -> None:
    upgrade(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        command.downgrade(make_alembic_config(connection), "base")
    with engine.begin() as connection:
        command.upgrade(make_alembic_config(connection), "head")
    engine.dispose()


def test_going_back_to_earlier_tables_keeps_what_these_have(database_url: str) -> None:
    """SQLite empties a table before it drops it, and with a project all that refers to it."""
    upgrade(database_url)
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as db:
        db.add_all((Project(id=1, name="My shop"), User(id=1, email="a@shop.example", password_hash="x")))
        db.flush()
        db.add_all(
            (Key(project_id=1, kind="token", value="x"), Member(user_id=1, project_id=1, role="owner"))
        )
        db.add(OrderClaim(project_id=1, order_id="1001", message_id="m-1", batch="b"))
    for revision in ("0001", "head"):
        with engine.begin() as connection:
            move = command.upgrade if revision == "head" else command.downgrade
            move(make_alembic_config(connection), revision)
    with reading(sessions) as db:
        kept = [len(db.scalars(select(table)).all()) for table in (Project, User, Key, Member, OrderClaim)]
    assert kept == [1, 1, 1, 1, 1]
    engine.dispose()


def test_instants_come_back_aware(sessions: sessionmaker[Session]) -> None:
    instant = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
    with sessions.begin() as db:
        db.add(Project(name="My shop", created_at=instant))
    with sessions() as db:
        assert db.scalars(select(Project.created_at)).one() == instant


def test_a_key_needs_its_project(sessions: sessionmaker[Session]) -> None:
    with pytest.raises(IntegrityError), sessions.begin() as db:
        db.add(Key(project_id=7, kind="token", value="x"))


def test_long_keys_rise_by_themselves(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        first, second = (Override(project_id=1, origin_id=_NIL, timeline=[]) for _ in range(2))
        db.add(first)
        db.flush()
        db.add(second)
        db.flush()
        assert second.version > first.version


def test_writers_that_read_first_take_turns(sessions: sessionmaker[Session]) -> None:
    """Without a lock from the start, SQLite fails the second writer at once, however long it would wait."""
    with sessions.begin() as db:
        db.add(Project(name="0"))
    failures: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with sessions.begin() as db:
                    project = db.scalars(select(Project).with_for_update()).one()
                    project.name = str(int(project.name) + 1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with sessions() as db:
        assert db.scalars(select(Project.name)).one() == "40"


def test_a_reader_waits_for_no_writer(sessions: sessionmaker[Session]) -> None:
    with sessions() as writer:
        writer.add(Project(name="not yet committed"))
        writer.flush()
        with reading(sessions) as reader:
            assert reader.scalars(select(Project)).all() == []
        writer.rollback()


def test_sqlite_writes_ahead_of_its_file(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA busy_timeout")) == 10_000
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


def test_upgrading_makes_the_folder(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'deep' / 'er' / 'shopalytic.db'}")
    assert (tmp_path / "deep" / "er" / "shopalytic.db").is_file()


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="file cannot be made: "):
        upgrade(f"sqlite:///{tmp_path / 'file' / 'shopalytic.db'}")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "shopalytic.db"
    path.write_text("not a database " * 200)
    with pytest.raises(ConfigurationError, match="file is not a database"):
        upgrade(f"sqlite:///{path}")


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        upgrade(f"postgresql://shop:hunter2@/shop?host={tmp_path}")
    assert "cannot be used" in caught.value.message
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("url", ["nonsense", "mysql://localhost/shop", "oracle+nope://x"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SHOPALYTIC_DATABASE_URL"):
        make_engine(url)


def test_a_connection_is_opened_at_first_use_only(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'missing' / 'a.db'}")
    with pytest.raises(OperationalError):
        engine.connect()


_NIL = UUID(int=0)
