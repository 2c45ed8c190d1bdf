"""Failures that are nobody's message: the batch waits, nothing is set aside, and a repeat ends the same."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest

from shopalytic.errors import StoreRefused, StoreUnavailable
from shopalytic.store import Store
from shopalytic.store.client import UNKNOWN_COLUMN
from shopalytic.store.migrate import migrate_store
from tests.pipeline.conftest import Line
from tests.pipeline.test_run import counters_add_up


@pytest.fixture
def own_store(store: Store) -> Iterator[Store]:
    """A database of the test's own on the same server, so that it can be spoiled."""
    address = store._address
    own = Store(address, f"shopalytic_test_{uuid4().hex[:8]}")
    migrate_store(own)
    yield own
    own.command(f"DROP DATABASE {own.naming.database}")
    own.close()


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        ("ALTER TABLE {{events}} DROP COLUMN title", "ALTER TABLE {{events}} ADD COLUMN title String"),
        ("RENAME TABLE {{events}} TO {{events}}_away", "RENAME TABLE {{events}}_away TO {{events}}"),
    ],
    ids=["column", "table"],
)
def test_a_batch_waits_for_a_store_that_is_not_migrated_yet(
    line: Line, own_store: Store, spoil: str, mend: str
) -> None:
    line.store = own_store
    line.send({"message_id": "a"}, {"message_id": "b"})
    own_store.command(spoil)
    with pytest.raises(StoreUnavailable):
        line.drain()
    assert line.stream.counters(line.project_id).waiting == 2
    own_store.command(mend)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "b"]
    assert line.stream.counters(line.project_id).quarantined == 0
    assert counters_add_up(line)


@pytest.mark.parametrize(
    "fault",
    [
        {"total": "ten"},
        {"total": "x" + "é" * 300},
        {"total": "xx" + "é" * 300},
        {"total": "1" * 40},
        {"occurred_at": "never"},
        {"origin_id": "nobody"},
        {"qty": "1.5"},
        {"is_bot": "perhaps"},
        {"line_items.sku": ["a"], "line_items.qty": [1, 2]},
        {"line_items.sku": "a"},
        {"properties": {"a": f"{UNKNOWN_COLUMN} JSONEachRow format: a", "b": msgspec.Raw(b"1e999")}},
    ],
    ids=lambda fault: ",".join(fault),
)
def test_a_row_whose_own_content_is_wrong_is_refused(
    store: Store, project_id: int, fault: dict[str, object]
) -> None:
    row = {"project_id": project_id, "event": "order", **fault}
    with pytest.raises(StoreRefused):
        store.insert("events", [msgspec.json.encode(row)], token=uuid4().hex)


def test_a_query_that_is_wrong_is_refused_and_not_repeated(store: Store) -> None:
    with pytest.raises(StoreRefused) as refused:
        store.command("SELECT nothing FROM {{events}}")
    assert refused.value.number == 47
