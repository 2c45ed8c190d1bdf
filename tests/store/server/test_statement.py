"""Where statements end and data begins, without a store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.store.server.failures import StatementFailed, parse_failure
from shopalytic.store.server.statement import find_insert_with_data, parse_statement, point_kill_at

HEAD = b"INSERT INTO shop.events (a, `b c`) FORMAT JSONEachRow\n"


@given(st.binary(max_size=300))
def test_no_data_moves_the_end_of_the_head(data: bytes) -> None:
    insert = find_insert_with_data(HEAD + data)
    assert insert is not None
    assert (insert.head, insert.format, insert.data_start) == (
        b"INSERT INTO shop.events (a, `b c`)",
        "JSONEachRow",
        len(HEAD),
    )


@given(st.binary(max_size=200) | st.text(alphabet="'\"`\\/*-#$;() \nab").map(str.encode))
def test_any_bytes_are_a_statement_or_refused(text: bytes) -> None:
    try:
        statement = parse_statement(text)
    except StatementFailed as failure:
        assert failure.code in (62, 344, 358)
    else:
        assert statement.text


@given(st.text(alphabet="'a\\", max_size=12).map(str.encode))
def test_what_a_literal_holds_is_no_statement(inner: bytes) -> None:
    literal = b"'" + inner.replace(b"\\", b"\\\\").replace(b"'", b"''") + b";'"
    assert parse_statement(b"SELECT " + literal).text == b"SELECT " + literal


def test_an_unclosed_quote_is_left_to_the_engine() -> None:
    assert parse_statement(b"SELECT " + b"'" * 200_001).reads_only


@pytest.mark.parametrize(
    ("sql", "format_name"),
    [
        (b"SELECT 1", None),
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format `JSON` ;", "JSON"),
        (b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1, x = 'FORMAT CSV'", "JSON"),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT JSON -- FORMAT CSV", "JSON"),
        (b"SELECT format('{}', x) AS format FROM t", None),
        (b"SELECT 1 AS format", None),
        (b"SELECT t.format x FROM t", None),
        (b"SELECT (SELECT 1 FORMAT CSV)", None),
        (b"SHOW TABLES FORMAT TSVRaw", "TSVRaw"),
    ],
)
def test_the_format_is_the_one_at_the_end(sql: bytes, format_name: str | None) -> None:
    assert parse_statement(sql).format == format_name


def test_only_a_kill_is_pointed_at_the_tag() -> None:
    assert (
        point_kill_at(b"KILL QUERY WHERE query_id = 'query_id'", b"tag")
        == b"KILL QUERY WHERE tag = 'query_id'"
    )
    assert (
        point_kill_at(b"SELECT query_id FROM system.processes", b"tag")
        == b"SELECT query_id FROM system.processes"
    )


def test_a_failure_that_went_through_three_layers_is_told_once() -> None:
    raised = (
        "Code: 73. DB::Exception: Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format Nope. "
        "Maybe you meant: ['One','Npy']. (UNKNOWN_FORMAT) (version 26.9.2.1). (UNKNOWN_FORMAT) "
        "(version 26.9.2.1). (UNKNOWN_FORMAT)"
    )
    failure = parse_failure(raised)
    assert (failure.code, failure.status) == (73, 404)
    assert failure.text == (
        "Code: 73. DB::Exception: Unknown format Nope. Maybe you meant: ['One','Npy']. (UNKNOWN_FORMAT)"
    )
