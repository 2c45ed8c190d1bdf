"""What plain HTTP sees: paths, ways to send a statement, headers, errors."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.store.server.conftest import StoreProcess


@pytest.mark.parametrize("path", ["/ping", "/", "/replicas_status"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_health_check_needs_no_password(store: StoreProcess, method: str, path: str) -> None:
    answer = store.request(method, path, headers={"Authorization": ""})
    assert (answer.status, answer.body) == (200, b"Ok.\n" if method == "GET" else b"")
    assert answer.headers["Content-Length"] == "4"


def test_a_query_comes_in_the_url(store: StoreProcess) -> None:
    assert store.request("GET", query="SELECT 1 + 1").text == "2\n"


def test_a_query_comes_in_the_body(store: StoreProcess) -> None:
    assert store.request("POST", body="SELECT 1 + 1").text == "2\n"


def test_a_query_begins_in_the_url_and_goes_on_in_the_body(store: StoreProcess) -> None:
    assert store.request("POST", query="SELECT 1", body="+ 41").text == "42\n"


def test_a_chunked_body_is_read(store: StoreProcess) -> None:
    connection = store.connect()
    pieces = iter([b"SEL", b"ECT ", b"7"])
    connection.request("POST", "/", pieces, store.authorization, encode_chunked=True)
    assert connection.getresponse().read() == b"7\n"
    connection.close()


def test_one_connection_serves_many_requests(store: StoreProcess) -> None:
    connection = store.connect()
    seen = []
    for number in range(5):
        connection.request("POST", "/", f"SELECT {number}", store.authorization)
        seen.append(connection.getresponse().read())
    connection.request("POST", "/", "SELECT nonsense", store.authorization)
    assert connection.getresponse().read().startswith(b"Code: 47.")
    connection.request("POST", "/", "SELECT 'after a failure'", store.authorization)
    assert connection.getresponse().read() == b"after a failure\n"
    assert seen == [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"]
    connection.close()


def test_the_headers_tell_about_the_answer(store: StoreProcess) -> None:
    answer = store.request(
        body="SELECT number FROM numbers(10) FORMAT JSONEachRow", query_id="my-id", wait_end_of_query=1
    )
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-id"
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"
    assert answer.headers["X-ClickHouse-Server-Display-Name"] == "shopalytic"
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=UTF-8"
    assert (answer.summary["read_rows"], answer.summary["result_rows"]) == (10, 10)


def test_a_statement_without_a_result_has_no_format(store: StoreProcess) -> None:
    answer = store.request(body="CREATE TABLE IF NOT EXISTS nothing_back (x UInt8) ENGINE = Memory")
    assert (answer.status, answer.body, answer.headers["X-ClickHouse-Format"]) == (200, b"", None)


def test_every_query_without_an_id_gets_one_of_its_own(store: StoreProcess) -> None:
    ids = {store.request(body="SELECT 1").headers["X-ClickHouse-Query-Id"] for _ in range(3)}
    assert len(ids) == 3


def test_an_empty_result_still_says_its_format(store: StoreProcess) -> None:
    answer = store.request(body="SELECT 1 WHERE 0")
    assert (answer.body, answer.headers["X-ClickHouse-Format"]) == (b"", "TabSeparated")


@pytest.mark.parametrize(
    ("parameters", "headers"),
    [({"default_format": "CSV"}, {}), ({}, {"X-ClickHouse-Format": "CSV"})],
)
def test_the_default_format_can_be_chosen(
    store: StoreProcess, parameters: dict[str, str], headers: dict[str, str]
) -> None:
    answer = store.request(body="SELECT 'a', 1", headers=headers, **parameters)
    assert (answer.text, answer.headers["X-ClickHouse-Format"]) == ('"a",1\n', "CSV")


def test_the_statement_s_own_format_wins(store: StoreProcess) -> None:
    assert store.run("SELECT 1 AS x FORMAT JSONEachRow", default_format="CSV") == '{"x":1}'


@pytest.mark.parametrize("name", ["database", "X-ClickHouse-Database"])
def test_names_are_looked_up_in_the_database_asked_for(store: StoreProcess, name: str) -> None:
    header = {name: "system"} if name.startswith("X") else {}
    parameter = {} if header else {name: "system"}
    answer = store.request(body="SELECT currentDatabase(), count() FROM one", headers=header, **parameter)
    assert answer.text == "system\t1\n"


def test_a_setting_holds_for_its_request_only(store: StoreProcess) -> None:
    assert store.run("SELECT getSetting('max_result_rows')", max_result_rows=123) == "123"
    assert store.run("SELECT getSetting('max_result_rows')") == "0"


def test_an_unknown_setting_is_refused_in_the_engine_s_words(store: StoreProcess) -> None:
    answer = store.request(body="SELECT 1", no_such_setting=1)
    assert (answer.status, answer.code) == (404, 115)
    assert "no_such_setting" in answer.text


PLACEHOLDERS = [
    ("String", "it's -- a \\\\ test; DROP TABLE x", "it\\'s -- a \\\\ test; DROP TABLE x"),
    ("Array(String)", "['a','b\\'c']", "['a','b\\'c']"),
    ("Nullable(UInt8)", "\\N", "\\N"),
    ("Decimal(10, 2)", "12.30", "12.3"),
    ("DateTime64(3, 'UTC')", "2026-01-02 03:04:05.678", "2026-01-02 03:04:05.678"),
    ("UUID", "11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-555555555555"),
    ("Map(String, UInt8)", "{'k':1}", "{'k':1}"),
    ("String", "žluťoučký 🐴", "žluťoučký 🐴"),
]


@pytest.mark.parametrize(("kind", "value", "printed"), PLACEHOLDERS)
def test_a_placeholder_takes_its_value(store: StoreProcess, kind: str, value: str, printed: str) -> None:
    assert store.run(f"SELECT {{x:{kind}}}", param_x=value) == printed


def test_a_placeholder_names_a_table(store: StoreProcess) -> None:
    assert store.run("SELECT count() FROM system.{t:Identifier}", param_t="one") == "1"


def test_a_placeholder_is_never_read_as_sql(store: StoreProcess) -> None:
    answer = store.request(body="SELECT {x:UInt8}", param_x="1; DROP TABLE t")
    assert (answer.status, answer.code) == (500, 457)


def test_a_value_of_half_a_megabyte_can_be_bound(store: StoreProcess) -> None:
    answer = store.request(
        body="SELECT length({x:Array(UInt32)})", param_x=str(list(range(80_000))).replace(" ", "")
    )
    assert answer.text == "80000\n"


ERRORS = [
    ("SELECT * FROM nowhere", 404, 60, "UNKNOWN_TABLE"),
    ("SELECT * FROM nowhere.x", 404, 81, "UNKNOWN_DATABASE"),
    ("SELECT nofunction(1)", 404, 46, "UNKNOWN_FUNCTION"),
    ("SELECT nocolumn FROM system.one", 404, 47, "UNKNOWN_IDENTIFIER"),
    ("SELECT 1 FORMAT Nope", 404, 73, "UNKNOWN_FORMAT"),
    ("SELECT FROM WHERE", 400, 62, "SYNTAX_ERROR"),
    ("nonsense", 400, 62, "SYNTAX_ERROR"),
    ("SELECT throwIf(1)", 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
    ("SELECT toUInt8('x')", 400, 6, "CANNOT_PARSE_TEXT"),
    ("SELECT 1; SELECT 2", 400, 62, "SYNTAX_ERROR"),
    ("exit", 400, 62, "SYNTAX_ERROR"),
    ("\\i /etc/passwd", 400, 62, "SYNTAX_ERROR"),
    ("", 400, 62, "SYNTAX_ERROR"),
    ("-- nothing", 400, 62, "SYNTAX_ERROR"),
    ("SELECT 1 INTO OUTFILE '/tmp/x'", 500, 358, "INTO_OUTFILE_NOT_ALLOWED"),
    ("SYSTEM SHUTDOWN", 500, 344, "SUPPORT_IS_DISABLED"),
    ("/* a */ system /* b */ kill", 500, 344, "SUPPORT_IS_DISABLED"),
]


@pytest.mark.parametrize(("sql", "status", "code", "name"), ERRORS)
def test_an_error_has_clickhouse_s_status_code_and_text(
    store: StoreProcess, sql: str, status: int, code: int, name: str
) -> None:
    answer = store.request(body=sql)
    assert (answer.status, answer.code) == (status, code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert answer.text.count(f"({name})") == 1
    assert answer.text.count("(version ") == 1
    assert answer.text.endswith(")\n")


def test_a_semicolon_in_a_literal_or_comment_is_no_second_statement(store: StoreProcess) -> None:
    assert store.run("SELECT ';' /* ; /* ; */ */, $$;$$ -- ;\n;\n") == ";\t;"


def test_get_may_only_read(store: StoreProcess) -> None:
    answer = store.request("GET", query="CREATE TABLE made_by_get (x UInt8) ENGINE = Memory")
    assert (answer.status, answer.code) == (500, 164)
    insert = store.request("GET", query="INSERT INTO FUNCTION null('x UInt8') VALUES (1)")
    assert insert.code == 164


def test_get_may_not_take_back_that_it_only_reads(store: StoreProcess) -> None:
    assert store.request("GET", query="SET readonly = 0").code == 164


def test_readonly_can_be_asked_for(store: StoreProcess) -> None:
    answer = store.request(
        body="CREATE TABLE never_made (x UInt8) ENGINE = Memory", readonly=1, max_threads=1
    )
    assert answer.code == 164


@pytest.mark.parametrize(
    ("status", "code", "headers", "parameters"),
    [
        (401, 194, {"Authorization": ""}, {}),
        (403, 516, {"Authorization": "Basic c2hvcGFseXRpYzp3cm9uZw=="}, {}),
        (403, 516, {"Authorization": "Basic %%%"}, {}),
        (403, 516, {"Authorization": "Bearer token"}, {}),
        (403, 516, {"Authorization": "", "X-ClickHouse-User": "shopalytic", "X-ClickHouse-Key": "no"}, {}),
        (403, 516, {"Authorization": ""}, {"user": "shopalytic", "password": "no"}),
        (403, 516, {"Authorization": ""}, {"user": "default"}),
        (403, 516, {"X-ClickHouse-User": "shopalytic"}, {}),
    ],
)
def test_who_does_not_know_the_password_is_refused(
    store: StoreProcess, status: int, code: int, headers: dict[str, str], parameters: dict[str, str]
) -> None:
    answer = store.request(body="SELECT 1", headers=headers, **parameters)
    assert (answer.status, answer.code) == (status, code)
    assert "WWW-Authenticate" not in answer.headers or status == 401


@pytest.mark.parametrize("way", ["headers", "url", "basic"])
def test_user_and_password_are_taken_in_three_ways(store: StoreProcess, way: str) -> None:
    told = store.told
    headers = {"X-ClickHouse-User": told["user"], "X-ClickHouse-Key": told["password"]}
    parameters = {"user": told["user"], "password": told["password"]}
    if way == "basic":
        answer = store.request(body="SELECT 1")
    else:
        answer = store.request(
            body="SELECT 1",
            headers={"Authorization": "", **(headers if way == "headers" else {})},
            **(parameters if way == "url" else {}),
        )
    assert answer.text == "1\n"


def test_head_has_the_headers_and_no_body(store: StoreProcess) -> None:
    connection = store.connect()
    connection.request("HEAD", "/?query=SELECT+1", headers=store.authorization)
    response = connection.getresponse()
    assert (response.status, response.read(), response.headers["X-ClickHouse-Format"]) == (
        200,
        b"",
        "TabSeparated",
    )
    connection.request("POST", "/", "SELECT 2", store.authorization)
    assert connection.getresponse().read() == b"2\n"
    connection.close()


def test_another_path_is_not_found(store: StoreProcess) -> None:
    assert store.request("GET", "/play").status == 404


def test_another_method_is_refused(store: StoreProcess) -> None:
    answer = store.request("DELETE", "/")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")


BROKEN = [
    (b"nonsense\r\n\r\n", b"400"),
    (b"GET / HTTP/9.9\r\n\r\n", b"505"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", b"400"),
    (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    (b"POST / HTTP/1.1\r\n\r\n", b"411"),
    (b"GET /?query=" + b"a" * 1_100_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    (b"POST / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
]


@pytest.mark.parametrize(("sent", "status"), BROKEN)
def test_what_is_no_http_gets_an_answer_and_the_connection_is_closed(
    store: StoreProcess, sent: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", store.port), timeout=30) as connection:
        connection.sendall(sent)
        # The server may have closed the connection already, as it should.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 " + status)


def test_a_broken_chunk_gets_an_answer(store: StoreProcess) -> None:
    head = f"POST / HTTP/1.1\r\nAuthorization: {store.authorization['Authorization']}\r\n"
    with socket.create_connection(("127.0.0.1", store.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nSELECT 1\r\n0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_client_of_http_1_0_gets_no_chunks(store: StoreProcess) -> None:
    head = f"GET /?query=SELECT+number+FROM+numbers(500000) HTTP/1.0\r\nAuthorization: {store.authorization['Authorization']}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", store.port), timeout=30) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head_sent, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in head_sent
    assert body == b"".join(b"%d\n" % number for number in range(500_000))


def test_a_parameter_with_a_wrong_form_is_refused(store: StoreProcess) -> None:
    assert store.request(body="SELECT 1", wait_end_of_query="perhaps").code == 36
    assert store.request(body="SELECT 1", buffer_size="much").code == 36
    assert store.request(body="SELECT 1", session_id="s", session_timeout="-1").code == 374


@pytest.fixture
def session(store: StoreProcess) -> Callable[..., str]:
    return lambda sql, **more: store.run(sql, session_id="s1", **more)


def test_a_session_keeps_settings_database_and_temporary_tables(session: Callable[..., str]) -> None:
    session("SET max_result_rows = 77")
    session("USE system")
    session("CREATE TEMPORARY TABLE kept (x UInt8)")
    session("INSERT INTO kept VALUES (1), (2)")
    seen = "SELECT sum(x), currentDatabase(), getSetting('max_result_rows') FROM kept"
    assert session(seen) == "3\tsystem\t77"
    assert session("SELECT getSetting('max_result_rows')", max_result_rows=5) == "5"
    assert session(seen) == "3\tsystem\t77"


def test_a_session_s_get_may_only_read(store: StoreProcess) -> None:
    store.run("SET max_threads = 1", session_id="s2")
    assert store.request("GET", query="SELECT 1", session_id="s2").text == "1\n"
    refused = store.request("GET", query="CREATE TABLE by_session (x UInt8) ENGINE = Memory", session_id="s2")
    assert refused.code == 164
    store.run("CREATE TEMPORARY TABLE allowed (x UInt8)", session_id="s2")


def test_a_session_that_is_checked_for_must_exist(store: StoreProcess) -> None:
    assert store.request(body="SELECT 1", session_id="never-seen", session_check=1).code == 372


def test_what_one_request_sets_is_unseen_by_the_next(store: StoreProcess) -> None:
    store.run("CREATE TEMPORARY TABLE gone (x UInt8)")
    store.run("SET max_result_rows = 5")
    assert store.request(body="SELECT * FROM gone").code == 60
    assert store.run("SELECT getSetting('max_result_rows')") == "0"


def test_the_engine_s_tables_of_itself_are_there(store: StoreProcess) -> None:
    names = json.loads(store.run("SELECT groupArray(name) FROM system.databases FORMAT JSONCompact"))["data"][
        0
    ][0]
    assert {"default", "system"} <= set(names)
