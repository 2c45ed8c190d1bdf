"""The official Python client, as any program would use it."""

from __future__ import annotations

import gc
import logging
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.store.server.conftest import StoreProcess

CREATE = """CREATE OR REPLACE TABLE kinds (
    id UInt32, price Decimal(18, 4), key UUID, at DateTime64(3, 'UTC'), day Date, ok Bool,
    kind LowCardinality(String), maybe Nullable(Int64), `items.sku` Array(String), `items.price` Array(Decimal(18, 2)),
    properties JSON, labels Map(String, String), pair Tuple(String, UInt8), level Enum8('low' = 1, 'high' = 2),
    address IPv4
) ENGINE = MergeTree ORDER BY id"""


def make_row(number: int) -> list[Any]:
    return [
        number,
        Decimal("19.9900") + number,
        uuid.UUID(int=number),
        datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        date(2026, 1, 2),
        number % 2 == 0,
        f"kind{number % 3}",
        None if number % 2 else -number,
        ["a", "žluť"][: number % 3],
        [Decimal("1.50"), Decimal("2.25")][: number % 3],
        {"page": {"title": f"Page {number}"}, "n": number},
        {"k": str(number)},
        ("x", number % 256),
        "high" if number % 2 else "low",
        "127.0.0.1",
    ]


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip", "br", "deflate", True])
def test_every_type_comes_back_as_it_was_inserted(store: StoreProcess, compress: bool | str) -> None:
    # The client compresses no inserts with deflate.
    with store.client(compress="gzip" if compress == "deflate" else compress) as client:
        client.command(CREATE)
        rows = [make_row(number) for number in range(1000)]
        summary = client.insert("kinds", rows)
        assert summary.written_rows == 1000
        with store.client(compress=compress) as reader:
            found = reader.query("SELECT * FROM kinds ORDER BY id").result_rows
    assert [list(row[:10]) for row in found] == [row[:10] for row in rows]
    assert [row[10]["page"] for row in found] == [row[10]["page"] for row in rows]
    assert [(row[11], tuple(row[12]), row[13], str(row[14])) for row in found] == [
        (row[11], row[12], row[13], row[14]) for row in rows
    ]


def test_parameters_are_bound_by_the_server(client: Client) -> None:
    sql = "SELECT {n:UInt32} + 1, {s:String}, {a:Array(String)}, {d:DateTime64(3, 'UTC')}, {u:UUID}, {x:Decimal(10, 2)}"
    values = {
        "n": 41,
        "s": "it's \\ \n 'quoted'; --",
        "a": ["x'y", "z\\"],
        "d": datetime(2026, 5, 6, 7, 8, 9, 123000, tzinfo=UTC),
        "u": uuid.UUID(int=7),
        "x": Decimal("1.25"),
    }
    row = client.query(sql, parameters=values).result_rows[0]
    assert row == (42, values["s"], values["a"], values["d"], values["u"], values["x"])


def test_a_query_can_be_sent_as_a_form(store: StoreProcess) -> None:
    with store.client(form_encode_query_params=True) as client:
        found = client.query(
            "SELECT {x:String}, length({a:Array(UInt32)})", {"x": "a'b\r\n--", "a": list(range(9000))}
        )
    assert found.result_rows == [("a'b\r\n--", 9000)]


def test_rows_can_be_streamed(client: Client) -> None:
    with client.query_rows_stream("SELECT number, toString(number) FROM numbers(500000)") as stream:
        assert sum(number for number, _ in stream) == sum(range(500_000))


def test_blocks_can_be_streamed_and_left_early(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(5000000)") as stream:
        first = next(iter(stream))
    assert len(first) > 0
    assert client.query("SELECT 1").result_rows == [(1,)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("compress", [False, "lz4", "zstd"])
def test_a_failure_in_the_middle_of_a_stream_is_raised_with_its_text(
    store: StoreProcess, caplog: pytest.LogCaptureFixture, compress: bool | str
) -> None:
    caplog.set_level(logging.CRITICAL)
    sql = "SELECT throwIf(number = 4000000, 'too far') FROM numbers(5000000)"
    with (
        store.client(compress=compress) as client,
        pytest.raises(StreamFailureError, match="too far") as raised,
        client.query_rows_stream(sql) as stream,
    ):
        for _ in stream:
            pass
    assert raised.value.code == 395
    # The client leaves the broken connection to the garbage collector, which warns of it; not in a later test.
    del raised
    gc.collect()


def test_an_error_has_its_number_and_name(client: Client) -> None:
    with pytest.raises(DatabaseError) as raised:
        client.query("SELECT * FROM nowhere")
    assert (raised.value.code, raised.value.name) == (60, "UNKNOWN_TABLE")


def test_an_insert_of_a_wrong_type_is_refused(client: Client) -> None:
    client.command("CREATE OR REPLACE TABLE small (n UInt8) ENGINE = Memory")
    with pytest.raises(DatabaseError) as raised:
        client.raw_insert("small", insert_block='{"n": "no"}', fmt="JSONEachRow")
    assert raised.value.code == 27


def test_columns_without_rows_are_known(client: Client) -> None:
    found = client.query("SELECT 1 AS a, 'x' AS b LIMIT 0")
    assert (found.column_names, found.result_rows) == (("a", "b"), [])


def test_settings_go_with_a_call(client: Client) -> None:
    sql = "SELECT getSetting('max_result_rows')"
    assert client.query(sql, settings={"max_result_rows": 321}).result_rows == [(321,)]
    assert client.query(sql).result_rows == [(0,)]


def test_a_generator_can_be_inserted_in_chunks(client: Client) -> None:
    client.command("CREATE OR REPLACE TABLE generated (n UInt64) ENGINE = MergeTree ORDER BY n")
    lines = (b"%d\n" % number for number in range(20_000))
    client.raw_insert("generated", insert_block=lines, fmt="TSV")
    assert client.command("SELECT count() FROM generated") == 20_000


def test_an_external_table_comes_with_its_query(client: Client) -> None:
    data = ExternalData(
        file_name="prices.csv", data=b"a,1.5\nb,2.5\n", fmt="CSV", structure="sku String, price Float64"
    )
    data.add_file(file_name="more", data=b"1\n2\n", fmt="TSV", types="UInt8")
    sql = "SELECT sum(price), (SELECT sum(_1) FROM more), {x:String} FROM prices"
    assert client.query(sql, {"x": "y"}, external_data=data).result_rows == [(4.0, 3, "y")]


def test_a_client_s_session_keeps_a_temporary_table(store: StoreProcess) -> None:
    with store.client(autogenerate_session_id=True) as client:
        client.command("CREATE TEMPORARY TABLE mine (n UInt8)")
        client.insert("mine", [[1], [2]], column_names=["n"], column_type_names=["UInt8"])
        assert client.command("SELECT sum(n) FROM mine") == 3


def test_a_dictionary_answers_after_a_reload(client: Client) -> None:
    client.command("CREATE DATABASE IF NOT EXISTS shop")
    client.command("CREATE OR REPLACE TABLE shop.names (k UInt64, v String) ENGINE = MergeTree ORDER BY k")
    client.command(
        "CREATE OR REPLACE DICTIONARY shop.names_by_key (k UInt64, v String) PRIMARY KEY k "
        "SOURCE(CLICKHOUSE(DB 'shop' TABLE 'names')) LAYOUT(HASHED()) LIFETIME(0)"
    )
    client.insert("shop.names", [[1, "one"]])
    client.command("SYSTEM RELOAD DICTIONARY shop.names_by_key")
    assert client.command("SELECT dictGet('shop.names_by_key', 'v', 1)") == "one"
