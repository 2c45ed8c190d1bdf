"""Rows that can be read but not written: the answer must say so, since the sender forgets what was acknowledged."""

from __future__ import annotations

import pytest

from tests.store.server.conftest import StoreProcess

LITTLE = {"max_memory_usage": "1000", "max_untracked_memory": "1"}
ROWS = b"\n".join(b'{"a": %d}' % number for number in range(1000))


@pytest.fixture
def table(store: StoreProcess) -> str:
    store.run(
        "CREATE OR REPLACE TABLE failing (a UInt32, CONSTRAINT small CHECK a < 5000) ENGINE = MergeTree ORDER BY a"
    )
    return "failing"


def insert(store: StoreProcess, rows: bytes = ROWS, **settings: str) -> tuple[int, int | None]:
    answer = store.request("POST", "/", rows, query="INSERT INTO failing FORMAT JSONEachRow", **settings)
    return answer.status, answer.code


def test_a_broken_constraint_is_told_and_nothing_is_stored(store: StoreProcess, table: str) -> None:
    status, code = insert(store, ROWS + b'\n{"a": 9000}')
    assert status >= 400 and code == 469
    assert store.run(f"SELECT count() FROM {table}") == "0"


def test_too_little_memory_is_told(store: StoreProcess, table: str) -> None:
    status, code = insert(store, **LITTLE)
    assert status >= 400 and code == 241
    assert store.run(f"SELECT count() FROM {table}") == "0"


def test_a_view_that_fails_is_told(store: StoreProcess, table: str) -> None:
    store.run(
        "CREATE MATERIALIZED VIEW failing_view ENGINE = MergeTree ORDER BY a AS "
        "SELECT throwIf(a = 7, 'no sevens') AS a FROM failing"
    )
    try:
        status, code = insert(store)
    finally:
        store.run("DROP VIEW failing_view")
    assert status >= 400 and code == 395


def test_too_many_months_in_one_insert_are_told(store: StoreProcess) -> None:
    store.run("CREATE OR REPLACE TABLE failing (a UInt32) ENGINE = MergeTree PARTITION BY a ORDER BY a")
    status, code = insert(store, max_partitions_per_insert_block="10")
    assert status >= 400 and code == 252


def test_a_repeat_after_a_failure_stores_the_rows_once(store: StoreProcess) -> None:
    store.run(
        "CREATE OR REPLACE TABLE failing (a UInt32) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    assert insert(store, insert_deduplication_token="t", **LITTLE)[0] >= 400
    for _ in range(2):
        assert insert(store, insert_deduplication_token="t") == (200, None)
    assert store.run("SELECT count() FROM failing") == "1000"


def test_settings_within_an_insert_are_followed(store: StoreProcess, table: str) -> None:
    query = "INSERT INTO failing (a) SETTINGS max_memory_usage = 1000, max_untracked_memory = 1 FORMAT JSONEachRow"
    assert store.request("POST", "/", ROWS, query=query).code == 241
    query = "INSERT INTO failing (a) SETTINGS max_threads = 1 FORMAT JSONEachRow"
    assert store.request("POST", "/", ROWS, query=query).status == 200
    assert store.run(f"SELECT count() FROM {table}") == "1000"


def test_a_large_insert_is_stored_whole(store: StoreProcess) -> None:
    store.run("CREATE OR REPLACE TABLE failing (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
    rows = b"\n".join(b'{"a": %d, "b": "%b"}' % (number, b"x" * 1000) for number in range(40_000))
    assert insert(store, rows) == (200, None)
    assert store.run("SELECT count(), sum(length(b)) FROM failing") == "40000\t40000000"
