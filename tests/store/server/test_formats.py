"""Rows in and out, in every format, byte by byte."""

from __future__ import annotations

import hashlib

import pytest

from tests.store.server.conftest import StoreProcess

BOTH_WAYS = [
    "Native",
    "RowBinary",
    "RowBinaryWithNames",
    "RowBinaryWithNamesAndTypes",
    "Parquet",
    "Arrow",
    "ArrowStream",
    "ORC",
    "Avro",
    "MsgPack",
    "CSV",
    "CSVWithNames",
    "CSVWithNamesAndTypes",
    "TabSeparated",
    "TSV",
    "TabSeparatedWithNames",
    "TabSeparatedWithNamesAndTypes",
    "TSKV",
    "JSON",
    "JSONCompact",
    "JSONColumns",
    "JSONEachRow",
    "JSONCompactEachRow",
    "JSONStringsEachRow",
    "JSONCompactEachRowWithNamesAndTypes",
    "JSONObjectEachRow",
    "Values",
    "BSONEachRow",
]

COLUMNS = "id UInt64, name String, price Decimal(18, 2), at DateTime64(3, 'UTC'), tags Array(String), note Nullable(String)"
ROWS = """SELECT number AS id, concat('žluť;"\\'\\n\\t\\\\', char(10), toString(number)) AS name,
    toDecimal64(number, 2) / 4 AS price, toDateTime64('2026-01-01 00:00:00.123', 3, 'UTC') + number AS at,
    arrayMap(x -> concat(';', toString(x)), range(number % 3)) AS tags,
    if(number % 2, NULL, 'x') AS note FROM numbers(500)"""


@pytest.fixture(scope="module")
def source(store: StoreProcess) -> str:
    store.run(f"CREATE TABLE source ({COLUMNS}) ENGINE = MergeTree ORDER BY id")
    store.run("INSERT INTO source " + ROWS)
    return "source"


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_rows_written_in_a_format_are_read_back_the_same(store: StoreProcess, source: str, name: str) -> None:
    written = store.request(body=f"SELECT * FROM {source} ORDER BY id FORMAT {name}")
    assert (written.status, written.headers["X-ClickHouse-Format"]) == (200, name)
    store.run(f"CREATE OR REPLACE TABLE copy ({COLUMNS}) ENGINE = MergeTree ORDER BY id")
    answer = store.request(query=f"INSERT INTO copy FORMAT {name}", body=written.body)
    assert answer.status == 200, answer.text
    assert answer.summary["written_rows"] == 500
    difference = "SELECT count() FROM (SELECT * FROM source EXCEPT SELECT * FROM copy)"
    assert (store.run(difference), store.run("SELECT count() FROM copy")) == ("0", "500")


PIECED = [
    "Native",
    "RowBinaryWithNamesAndTypes",
    "RowBinaryWithNames",
    "TabSeparatedWithNamesAndTypes",
    "CSV",
    "JSONEachRow",
]


@pytest.mark.parametrize("name", [*PIECED, "CSVWithNames", "JSONCompactEachRowWithNames"])
def test_a_result_of_several_blocks_is_one_document(store: StoreProcess, name: str) -> None:
    written = store.request(
        body=f"SELECT number AS n, toString(number) AS s FROM numbers(300000) FORMAT {name}"
    )
    store.run("CREATE OR REPLACE TABLE big (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    answer = store.request(query=f"INSERT INTO big FORMAT {name}", body=written.body)
    assert answer.status == 200, answer.text
    assert store.run("SELECT count(), sum(n), sum(n = toUInt64(s)) FROM big") == "300000\t44999850000\t300000"
    heading = written.body[:8]
    if name in ("CSVWithNames", "TabSeparatedWithNamesAndTypes", "RowBinaryWithNamesAndTypes"):
        assert written.body.count(heading) == 1


def test_a_result_is_the_same_streamed_or_waited_for(store: StoreProcess) -> None:
    sql = "SELECT sipHash64(number) FROM numbers(3000000) FORMAT RowBinary"
    streamed, waited = store.request(body=sql), store.request(body=sql, wait_end_of_query=1)
    assert len(streamed.body) == 24_000_000
    assert hashlib.md5(streamed.body).digest() == hashlib.md5(waited.body).digest()


def test_a_large_result_that_is_made_at_once_arrives_unharmed(store: StoreProcess) -> None:
    answer = store.request(
        body="SELECT number, toString(number) AS s FROM numbers(400000) FORMAT JSONCompactColumns"
    )
    counted = store.request(
        query="SELECT sum(toUInt64(c1)), count() FROM format(JSONCompactColumns, {x:String})",
        body="",
        param_x="[[1],[2]]",
    )
    assert counted.status == 200
    numbers = answer.text.replace("[", "").replace("]", "").replace('"', "").split(",")
    assert len(numbers) == 800_000
    assert sum(int(number) for number in numbers) == 2 * sum(range(400_000))


@pytest.mark.parametrize("sql", ["WITH TOTALS", "SETTINGS extremes = 1"])
def test_totals_and_extremes_come_at_the_end(store: StoreProcess, sql: str) -> None:
    answer = store.run(
        f"SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k ORDER BY k {sql}".replace(
            "ORDER BY k WITH TOTALS", "WITH TOTALS ORDER BY k"
        )
    )
    ends = {"WITH TOTALS": "0\t5\n1\t5\n\n0\t10", "SETTINGS extremes = 1": "0\t5\n1\t5\n\n0\t5\n1\t5"}
    assert answer == ends[sql]


def test_an_array_of_rows_is_one_array(store: StoreProcess) -> None:
    answer = store.run(
        "SELECT number AS n FROM numbers(100000) FORMAT JSONEachRow", output_format_json_array_of_rows=1
    )
    assert (answer.count("["), answer.count("]"), answer.count("{")) == (1, 1, 100_000)


@pytest.fixture
def letters(store: StoreProcess) -> StoreProcess:
    store.run("CREATE OR REPLACE TABLE letters (s String) ENGINE = MergeTree ORDER BY s")
    return store


@pytest.mark.parametrize(
    "data", ["a;b\n\nSELECT 1;\nDROP TABLE letters;\n", "'; DROP TABLE letters; --\n", "/* not\nclosed\n"]
)
def test_data_that_looks_like_sql_stays_data(letters: StoreProcess, data: str) -> None:
    assert letters.request(body="INSERT INTO letters FORMAT LineAsString\n" + data).status == 200
    stored = letters.run("SELECT s FROM letters FORMAT TSVRaw").split("\n")
    assert sorted(stored) == sorted(data.rstrip("\n").split("\n"))


HEADS = [
    "INSERT INTO letters FORMAT CSV\nx",
    "insert into letters (s) format CSV x",
    "INSERT INTO letters(`s`) SETTINGS max_threads = 1 FORMAT CSV\r\nx",
    "/* FORMAT JSON */ INSERT -- VALUES\n INTO TABLE default.letters (s) /* a */ FORMAT /* b */ CSV\nx",
    "INSERT INTO letters VALUES ('x')",
    "INSERT INTO letters (s) VALUES (lower('X'))",
    "INSERT INTO letters FORMAT Values ('x')",
    "INSERT INTO letters SELECT 'x'",
    "INSERT INTO letters SELECT 'x' AS format",
    "INSERT INTO letters (SELECT 'x')",
    "INSERT INTO letters WITH 'x' AS y SELECT y",
    "INSERT INTO letters SELECT a FROM input('a String, b UInt8') FORMAT CSV\nx,1",
    "INSERT INTO letters SELECT lower(a) FROM (SELECT * FROM input('a String')) WHERE a != 'Y' FORMAT CSV\nX\nY",
    "WITH 'x' AS y INSERT INTO letters SELECT y",
]


@pytest.mark.parametrize("sql", HEADS)
def test_an_insert_may_be_written_in_many_ways(letters: StoreProcess, sql: str) -> None:
    answer = letters.request(body=sql)
    assert answer.status == 200, answer.text
    assert letters.run("SELECT groupArray(s) FROM letters") == "['x']"
    assert answer.headers["X-ClickHouse-Format"] is None
    assert answer.summary["written_rows"] == 1


def test_the_head_may_end_in_the_url_and_the_values_follow(letters: StoreProcess) -> None:
    letters.request(query="INSERT INTO letters VALUES", body="('a'), ('b')")
    assert letters.run("SELECT groupArray(s) FROM letters") == "['a','b']"


def test_a_table_and_a_column_may_be_called_like_keywords(store: StoreProcess) -> None:
    store.run("CREATE OR REPLACE TABLE format (values String, format String) ENGINE = Memory")
    assert store.request(body="INSERT INTO format (values, format) VALUES ('a', 'b')").status == 200
    assert store.request(body="INSERT INTO default.format (format) FORMAT CSV\nc").status == 200
    assert store.run("SELECT format AS values FROM format ORDER BY format") == "b\nc"


def test_binary_data_that_begins_with_blanks_is_kept(letters: StoreProcess) -> None:
    row = bytes([5]) + b"\n \t\r\n"
    letters.request(query="INSERT INTO letters FORMAT RowBinary", body=row + bytes([1]) + b"\n")
    assert letters.run("SELECT groupArray(hex(s)) FROM letters") == "['0A','0A20090D0A']"


def test_a_placeholder_may_name_the_table_of_an_insert(letters: StoreProcess) -> None:
    answer = letters.request(
        query="INSERT INTO {t:Identifier} FORMAT CSV", body="x\n", param_t="letters", database="default"
    )
    assert answer.status == 200, answer.text
    assert letters.run("SELECT count() FROM letters") == "1"


def test_a_wrong_row_inserts_nothing_and_says_where(store: StoreProcess) -> None:
    store.run("CREATE OR REPLACE TABLE whole (n UInt8) ENGINE = MergeTree ORDER BY n")
    rows = '{"n":1}\n{"n":"zz"}\n{"n":3}\n'
    answer = store.request(body="INSERT INTO whole FORMAT JSONEachRow\n" + rows)
    assert (answer.status, answer.code) == (400, 27)
    assert "row 2" in answer.text
    assert store.run("SELECT count() FROM whole") == "0"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("INSERT INTO nowhere FORMAT CSV\n1", 60),
        ("INSERT INTO letters FORMAT Nope\n1", 73),
        ("INSERT INTO letters (nocolumn) FORMAT CSV\n1", 16),
        ("INSERT INTO letters", 62),
        ("INSERT INTO letters FORMAT CSV", None),
        ("INSERT INTO letters FROM INFILE '/etc/passwd' FORMAT LineAsString", 344),
    ],
)
def test_an_insert_that_cannot_be_is_refused(letters: StoreProcess, sql: str, code: int | None) -> None:
    assert letters.request(body=sql).code == code
    assert letters.run("SELECT count() FROM letters") == "0"


def test_an_insert_with_a_bad_setting_is_refused(letters: StoreProcess) -> None:
    assert letters.request(body="INSERT INTO letters FORMAT CSV\n1", no_such_setting=1).code == 115
    assert letters.run("SELECT count() FROM letters") == "0"


def test_a_million_rows_in_one_body(store: StoreProcess) -> None:
    store.run("CREATE OR REPLACE TABLE many (n UInt64) ENGINE = MergeTree ORDER BY n")
    body = b"".join(b"%d\n" % number for number in range(1_500_000))
    assert store.request(query="INSERT INTO many FORMAT TSV", body=body).summary["written_rows"] == 1_500_000
    assert store.run("SELECT count(), sum(n) FROM many") == f"1500000\t{sum(range(1_500_000))}"


def test_a_statement_of_a_megabyte_is_refused_and_may_be_allowed(store: StoreProcess) -> None:
    sql = "SELECT length(" + "'" + "x" * 1_000_000 + "')"
    assert (store.request(body=sql).status, store.request(body=sql).code) == (400, 62)
    assert store.run(sql, max_query_size=2_000_000) == "1000000"


def test_text_that_is_not_utf_8_passes_both_ways(store: StoreProcess) -> None:
    answer = store.request(body=b"SELECT '\xff\xfe' FORMAT RawBLOB")
    assert answer.body == b"\xff\xfe"
