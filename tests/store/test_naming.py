from __future__ import annotations

import threading
from uuid import uuid4

import msgspec
import pytest

from shopalytic.errors import StoreRefused
from shopalytic.store import Store
from shopalytic.store.migrate import migrate_store, read_migrations, split_statements
from shopalytic.store.naming import Naming


class Table(msgspec.Struct):
    name: str


def rendered(naming: Naming) -> list[str]:
    return [s for _, _, text in read_migrations() for s in split_statements(naming.render(text))]


def test_one_server_gets_plain_tables() -> None:
    statements = "\n".join(rendered(Naming("shop")))
    assert "CREATE TABLE IF NOT EXISTS shop.events " in statements
    assert "ON CLUSTER" not in statements
    assert "non_replicated_deduplication_window" in statements
    assert "{{" not in statements


def test_a_cluster_gets_replicated_tables_and_a_distributed_one_by_visitor() -> None:
    statements = rendered(Naming("shop", "main"))
    assert all("ON CLUSTER main" in statement for statement in statements)
    text = "\n".join(statements)
    assert "ReplicatedMergeTree('/clickhouse/tables/{shard}/shop/events', '{replica}')" in text
    assert "Distributed(main, shop, events_local, cityHash64(if(tracking_id = ''" in text
    assert "ReplicatedReplacingMergeTree('/clickhouse/tables/all/shop/overrides'" in text


def test_a_name_that_is_no_plain_name_is_refused() -> None:
    with pytest.raises(ValueError, match="plain name"):
        Naming("shop; DROP DATABASE shop")


def test_the_engine_parses_the_form_for_a_cluster(store: Store) -> None:
    for statement in rendered(Naming("shop", "main")):
        store.command(f"EXPLAIN AST {statement}")
    with pytest.raises(StoreRefused, match="Syntax error"):
        store.command("EXPLAIN AST CREATE TABLE shop.events ON CLUSTR main (a Int8) ENGINE = Memory")


def test_migrating_twice_and_at_once_changes_nothing(store: Store) -> None:
    name = f"twice_{uuid4().hex[:8]}"
    results: list[list[str]] = []
    stores = [Store(store._address, name) for _ in range(3)]
    threads = [
        threading.Thread(target=lambda each=each: results.append(migrate_store(each))) for each in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert migrate_store(stores[0]) == []
    tables = stores[0].rows(Table, "SELECT name FROM system.tables WHERE database = {name:String}", name=name)
    assert {table.name for table in tables} == {
        "dropped",
        "events",
        "overrides",
        "owners",
        "quarantine",
        "replayed",
        "schema_migration",
    }
    stores[0].command(f"DROP DATABASE {name}")
    for each in stores:
        each.close()
