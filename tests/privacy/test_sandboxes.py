"""What is left of a sandbox once it was emptied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select

from shopalytic.accounts.models import Base, Sandbox
from shopalytic.accounts.sandboxes import KEPT, SANDBOX_IDS_FROM, close_sandbox, find_sandbox
from shopalytic.privacy.sandboxes import LEFT_ALONE, tidy_sandboxes
from shopalytic.reports.project import Project
from tests.privacy.conftest import Shop

ORDER = {
    "order_id": "o1", "cart_id": "c1", "total": "12.00", "subtotal": "12.00",
    "line_items": [{"sku": "s1", "price": "6.00", "qty": 2}],
}  # fmt: skip
TABLES = ("events", "dropped", "quarantine", "overrides")


class Number(msgspec.Struct):
    number: int


def held(shop: Shop, project_id: int) -> dict[str, int]:
    """Rows by table, of the store and of the database; what has none is left out."""
    counted = {}
    for table in TABLES:
        query = f"SELECT count() AS number FROM {{{{{table}}}}} WHERE project_id = {{project:UInt32}}"
        counted[table] = shop.parts.store.rows(Number, query, project=project_id)[0].number
    with shop.parts.sessions() as db:
        for table in Base.metadata.sorted_tables:
            if "project_id" in table.columns and table.name != "sandbox":
                found = db.execute(select(table).where(table.columns.project_id == project_id)).all()
                counted[table.name] = len(found)
    return {name: number for name, number in counted.items() if number}


def fill(shop: Shop) -> None:
    """Rows in as many tables as a few messages reach."""
    shop.send({"event": "early", "tracking_id": "anna"})
    shop.drain()
    shop.send(
        {"type": "identify", "tracking_id": "anna", "user_id": "jon", "properties": {"first_name": "Jon"}},
        {"event": "order", "tracking_id": "anna", "properties": ORDER},
        {"event": "late", "tracking_id": "bert", "timestamp": "yesterday"},
        {"type": "identify", "tracking_id": "bert", "user_id": "jon"},
    )
    shop.drain()


@pytest.fixture
def sandboxed(sqlite_shop: Shop) -> Shop:
    """The shop's sandbox as a shop of its own, filled; so is the real one."""
    fill(sqlite_shop)
    with sqlite_shop.parts.sessions.begin() as db:
        db.add(Sandbox(id=sqlite_shop.project.project_id * 10, project_id=sqlite_shop.project.project_id))
    sandboxed = Shop(sqlite_shop.parts, sqlite_shop.project.project_id)
    sandboxed.project = Project(SANDBOX_IDS_FROM + sqlite_shop.project.project_id * 10)
    fill(sandboxed)
    return sandboxed


def close(shop: Shop) -> datetime:
    """When what it holds may go."""
    with shop.parts.sessions.begin() as db:
        close_sandbox(db, (shop.project.project_id - SANDBOX_IDS_FROM) // 10)
    return datetime.now(UTC) + LEFT_ALONE + timedelta(seconds=1)


def test_nothing_of_an_emptied_sandbox_is_left_and_all_of_the_real_data(sandboxed: Shop) -> None:
    sandbox_id = sandboxed.project.project_id
    real_id = (sandbox_id - SANDBOX_IDS_FROM) // 10
    real = held(sandboxed, real_id)
    assert {"events", "quarantine", "link", "identity", "trait", "order_claim"} <= set(
        held(sandboxed, sandbox_id)
    )
    later = close(sandboxed)
    assert tidy_sandboxes(sandboxed.parts, later) == [sandbox_id]
    assert held(sandboxed, sandbox_id) == {}
    assert sandboxed.counters().accepted == 0
    assert held(sandboxed, real_id) == real
    assert sandboxed.parts.stream.counters(real_id).accepted == 5
    assert tidy_sandboxes(sandboxed.parts, later) == []


def test_a_sandbox_is_left_alone_while_it_is_open_just_closed_or_has_messages_waiting(
    sandboxed: Shop,
) -> None:
    before = held(sandboxed, sandboxed.project.project_id)
    assert tidy_sandboxes(sandboxed.parts, datetime.now(UTC) + KEPT - timedelta(minutes=1)) == []
    later = close(sandboxed)
    assert tidy_sandboxes(sandboxed.parts, datetime.now(UTC)) == []
    sandboxed.send({"event": "waiting", "tracking_id": "anna"})
    assert tidy_sandboxes(sandboxed.parts, later) == []
    assert held(sandboxed, sandboxed.project.project_id) == before
    sandboxed.drain()
    assert tidy_sandboxes(sandboxed.parts, later) == [sandboxed.project.project_id]


def test_a_deletion_that_was_cut_short_is_finished_the_next_time(
    sandboxed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(project_id: int) -> None:
        raise RuntimeError("killed")

    later = close(sandboxed)
    with monkeypatch.context() as patched:
        patched.setattr(sandboxed.parts.stream, "forget_counters", fail)
        with pytest.raises(RuntimeError, match="killed"):
            tidy_sandboxes(sandboxed.parts, later)
    assert tidy_sandboxes(sandboxed.parts, later) == [sandboxed.project.project_id]
    assert held(sandboxed, sandboxed.project.project_id) == {}
    assert sandboxed.counters().accepted == 0


def test_a_sandbox_is_emptied_after_a_week(sandboxed: Shop) -> None:
    project_id = (sandboxed.project.project_id - SANDBOX_IDS_FROM) // 10
    a_week_later = datetime.now(UTC) + KEPT + timedelta(minutes=1)
    assert tidy_sandboxes(sandboxed.parts, a_week_later) == []
    with sandboxed.parts.sessions() as db:
        assert find_sandbox(db, project_id) is None
    assert tidy_sandboxes(sandboxed.parts, a_week_later + LEFT_ALONE + timedelta(seconds=1)) == [
        sandboxed.project.project_id
    ]
