"""A shop whose messages go the real way, on each kind of database, and a check of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.models import IdentityCheck
from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.audit.record import begin, find_check, samples_of
from shopalytic.audit.run import advance
from shopalytic.identity.ids import origin_id
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.postgres import fresh_database, postgres_folder
from tests.privacy.conftest import DAY, Shop, valkey_url

__all__ = ["postgres_folder", "valkey_url"]


@dataclass
class Checked:
    """What a check found: the row itself, and what it told as (kind, type of the id, origin)."""

    row: IdentityCheck
    told: set[tuple[str, str, str]]


@pytest.fixture(scope="session")
def sqlite_parts(valkey_url: str, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("audit")
    yield from make_parts(valkey_url, store, f"sqlite:///{folder / 'shopalytic.db'}", folder)


@pytest.fixture(scope="session")
def postgresql_parts(
    request: pytest.FixtureRequest, valkey_url: str, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Parts]:
    with fresh_database(request.getfixturevalue("postgres_folder")) as url:
        yield from make_parts(valkey_url, store, url, tmp_path_factory.mktemp("audit"))


def make_parts(valkey_url: str, store: Store, database_url: str, folder: Path) -> Iterator[Parts]:
    """Tests share it, and take a project each: making tables is what takes time."""
    upgrade(database_url)
    engine = make_engine(database_url)
    stream = Stream(valkey_url, partitions=1)
    yield Parts(Settings(data_dir=folder), make_sessions(engine), store, stream)
    stream.close()
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def shop(request: pytest.FixtureRequest, project_id: int) -> Shop:
    """Once on each kind of database."""
    return make_shop(request.getfixturevalue(f"{request.param}_parts"), project_id)


@pytest.fixture
def sqlite_shop(sqlite_parts: Parts, project_id: int) -> Shop:
    return make_shop(sqlite_parts, project_id)


def make_shop(parts: Parts, project_id: int) -> Shop:
    with parts.sessions.begin() as db:
        db.add(ProjectRow(id=project_id, name=f"Shop {project_id}"))
    shop = Shop(parts, project_id)
    fill(shop)
    return shop


def fill(shop: Shop) -> None:
    """anna has a phone, which bert uses later, and a laptop; carl has two ids; somebody never says who he is. Of anna's
    laptop and carl's till a message says that they are one person's, in vain.
    """
    shop.visit(at(1, tracking_id="phone"), at(2, tracking_id="laptop"), at(3, tracking_id="stranger"))
    shop.visit(
        at(10, type="identify", tracking_id="phone", user_id="anna"),
        at(11, type="identify", tracking_id="laptop", user_id="anna"),
        at(20, type="identify", tracking_id="phone", user_id="bert"),
        at(21, tracking_id="phone"),
        at(22, type="identify", tracking_id="till", user_id={"user_id": "carl", "email": "carl@a.example"}),
        at(30, type="alias", tracking_id="till", user_id="anna"),
    )


def at(minute: int, **message: Any) -> dict[str, Any]:
    return {"timestamp": f"{DAY}T10:{minute:02}:00Z"} | message


def instant(minute: int) -> datetime:
    return datetime.fromisoformat(at(minute)["timestamp"])


def check(shop: Shop, *, mends: bool = False) -> Checked:
    """From its beginning to its end, a piece a turn."""
    begun = begin(shop.parts.sessions, shop.project.project_id, asked_by="command", mends=mends)
    work_off(shop.parts, begun.check.id)
    return read(shop, begun.check.id)


def work_off(parts: Parts, check_id: int) -> None:
    turn: int | None = 0
    while turn is not None:
        turn = advance(parts, check_id, turn, seconds=0)


def read(shop: Shop, check_id: int) -> Checked:
    row = find_check(shop.parts.sessions, check_id)
    assert row is not None
    return Checked(row, {(one.kind, one.id_type, str(one.origin_id)) for one in samples_of(row)})


def told(shop: Shop, kind: str, id_type: str, id_value: str) -> set[tuple[str, str, str]]:
    return {(kind, id_type, str(origin_id(shop.project.project_id, id_type, id_value)))}
