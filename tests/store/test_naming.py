from __future__ import annotations

import pytest

from shopalytic.store.migrate import read_migrations, split_statements
from shopalytic.store.naming import Naming


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
