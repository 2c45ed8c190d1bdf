"""What a database of before is told of its refused links when it is upgraded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from alembic import command
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.db import make_alembic_config, make_engine, make_sessions, reading, upgrade
from shopalytic.accounts.models import Conflict
from shopalytic.identity.ledger import Sighting, resolve

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def said(kind: Any, visitor: str, minute: int, previous: str = "", **ids: str) -> Sighting:
    at = NOON + timedelta(minutes=minute)
    return Sighting(kind, visitor, ids, at, f"m{minute}", previous_id=previous)


def parties(db: Session) -> list[tuple[Any, ...]]:
    columns = ("message_id", "other_type", "other_value", "owner_id", "asked_id")
    rows = db.scalars(select(Conflict).order_by(Conflict.message_id))
    return [tuple(getattr(row, name) for name in columns) for row in rows]


def test_refused_links_of_before_are_about_the_same_two_after_an_upgrade(database_url: str) -> None:
    upgrade(database_url)
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as db:
        resolve(
            db,
            1,
            [
                said("identify", "t1", 1, user_id="ann"),
                said("identify", "t2", 2, user_id="ben"),
                said("identify", "t3", 3, email="cid@shop.example"),
                said("alias", "t2", 20, user_id="ann"),
                said("identify", "t2", 25, user_id="ann"),
                said("alias", "t2", 30, user_id="ben"),
                said("track", "", 40, user_id="ann", email="cid@shop.example"),
                said("alias", "", 50, previous="ben", user_id="ann"),
                said("alias", "t1", 60, previous="t1", user_id="ben"),
            ],
        )
        before = parties(db)
    assert len({(owner, asked) for *_, owner, asked in before}) == 3
    assert len(before) == 5
    for revision, move in (("0013", command.downgrade), ("head", command.upgrade)):
        with engine.begin() as connection:
            move(make_alembic_config(connection), revision)
    with reading(sessions) as db:
        assert parties(db) == before
    engine.dispose()
