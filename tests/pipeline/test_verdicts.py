from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import insert, text
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import make_alembic_config, make_engine, make_sessions, upgrade
from shopalytic.accounts.models import BatchVerdict
from shopalytic.pipeline.verdicts import KEPT, ORDER_KNOWN, forget_verdicts, keep_verdicts, read_verdicts
from tests.accounts.conftest import database_url, postgres_folder, postgres_url

__all__ = ["database_url", "postgres_folder", "postgres_url"]


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    upgrade(database_url)
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


def test_what_a_batch_decided_is_forgotten_only_after_weeks(sessions: sessionmaker[Session]) -> None:
    now = datetime.now(UTC)
    with sessions.begin() as db:
        keep_verdicts(db, 1, "new", [("m1", ORDER_KNOWN, "17")])
        old = {"project_id": 1, "batch": "old", "message_id": "m2", "verdict": ORDER_KNOWN, "order_id": "18"}
        db.execute(insert(BatchVerdict), [old | {"kept_at": now - KEPT - timedelta(minutes=1)}])
    with sessions.begin() as db:
        forget_verdicts(db, now)
    with sessions() as db:
        assert [each.message_id for each in read_verdicts(db, 1, "new")] == ["m1"]
        assert read_verdicts(db, 1, "old") == []


def test_decisions_from_before_their_age_was_kept_stay_for_weeks(database_url: str) -> None:
    upgrade(database_url)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        command.downgrade(make_alembic_config(connection), "0007")
        connection.execute(text("INSERT INTO batch_verdict VALUES (1, 'waiting', 'm1', 'order_known', '17')"))
        command.upgrade(make_alembic_config(connection), "head")
    with make_sessions(engine).begin() as db:
        forget_verdicts(db, datetime.now(UTC) + timedelta(days=1))
        assert [each.message_id for each in read_verdicts(db, 1, "waiting")] == ["m1"]
    engine.dispose()
