"""Many clients at once, clients that go away, and statements that are stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from select import select

import pytest

from tests.store.server.conftest import Answer, StoreProcess

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 7 SETTINGS max_threads = 1"
DEADLINE_SECONDS = 30


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be so"
        time.sleep(0.02)


def running(store: StoreProcess, text: str = "numbers(1000000000000)") -> int:
    sql = "SELECT count() FROM system.processes WHERE position(query, {t:String}) > 0 AND position(query, 'system.') = 0"
    return int(store.run(sql, param_t=text))


def test_clients_in_parallel_get_their_own_answers(store: StoreProcess) -> None:
    def ask(number: int) -> str:
        return store.run(
            "SELECT getSetting('max_result_rows'), {n:UInt32}", max_result_rows=number, param_n=number
        )

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(1, 201)))
    assert answers == [f"{number}\t{number}" for number in range(1, 201)]


def test_inserts_and_queries_in_parallel_lose_nothing(store: StoreProcess) -> None:
    store.run("CREATE OR REPLACE TABLE busy (n UInt64) ENGINE = MergeTree ORDER BY n")

    def work(number: int) -> int:
        rows = "".join(f"{number * 1000 + row}\n" for row in range(1000))
        assert store.request(query="INSERT INTO busy FORMAT TSV", body=rows).summary["written_rows"] == 1000
        return int(store.run("SELECT count() FROM busy"))

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(work, range(40)))
    assert all(count >= 1000 and count % 1000 == 0 for count in seen)
    assert store.run("SELECT count(), uniqExact(n) FROM busy") == "40000\t40000"


def test_a_client_that_goes_away_stops_its_query(store: StoreProcess) -> None:
    connection = store.connect()
    connection.request("POST", "/", ENDLESS, store.authorization)
    wait_until(lambda: running(store) == 1)
    connection.close()
    wait_until(lambda: running(store) == 0)
    assert store.run("SELECT 1") == "1"


def test_a_client_that_leaves_a_stream_stops_its_query(store: StoreProcess) -> None:
    connection = store.connect()
    connection.request("POST", "/", "SELECT number FROM numbers(1000000000000)", store.authorization)
    assert connection.getresponse().read(100).startswith(b"0\n1\n")
    connection.close()
    wait_until(lambda: running(store) == 0)
    assert store.run("SELECT 1") == "1"


def test_clients_that_go_away_free_every_thread(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store("--threads", "2")
    for _ in range(3):
        gone = [store.connect() for _ in range(4)]
        for connection in gone:
            connection.request("POST", "/", ENDLESS, store.authorization)
        for connection in gone:
            connection.close()
    assert store.run("SELECT 'free again'") == "free again"


def test_a_client_that_stops_inside_its_body_inserts_nothing(store: StoreProcess) -> None:
    store.run("CREATE OR REPLACE TABLE half (n UInt64) ENGINE = MergeTree ORDER BY n")
    connection = store.connect()
    connection.putrequest("POST", "/?query=INSERT+INTO+half+FORMAT+TSV")
    connection.putheader("Authorization", store.authorization["Authorization"])
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"1\n2\n3\n" * 80_000)
    connection.close()
    wait_until(lambda: running(store, "INSERT INTO half") == 0)
    assert store.run("SELECT count() FROM half") == "0"


def test_kill_query_stops_a_query_by_the_id_its_client_gave(store: StoreProcess) -> None:
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(store.request(body=ENDLESS, query_id="stop-me")))
    thread.start()
    wait_until(lambda: running(store) == 1)
    killed = store.run("KILL QUERY WHERE query_id = 'stop-me' SYNC")
    thread.join()
    assert killed.startswith("finished\t")
    assert (answers[0].status, answers[0].code) == (500, 394)


def test_an_id_that_runs_is_not_taken_twice(store: StoreProcess) -> None:
    connection = store.connect()
    connection.request("POST", "/?query_id=twice", ENDLESS, store.authorization)
    wait_until(lambda: running(store) == 1)
    assert store.request(body="SELECT 1", query_id="twice").code == 216
    connection.close()
    wait_until(lambda: store.request(body="SELECT 1", query_id="twice").status == 200)


def test_a_session_in_use_is_locked(store: StoreProcess) -> None:
    connection = store.connect()
    connection.request("POST", "/?session_id=locked", ENDLESS, store.authorization)
    wait_until(lambda: running(store) == 1)
    assert store.request(body="SELECT 1", session_id="locked").code == 373
    connection.close()
    wait_until(lambda: store.request(body="SELECT 1", session_id="locked").status == 200)


def test_too_many_at_once_are_refused_and_the_health_check_is_not(
    make_store: Callable[..., StoreProcess],
) -> None:
    store = make_store("--threads", "1", "--waiting-limit", "1")
    # One runs and one waits. Nothing else is asked before: it could take the place of the one that waits, for ever.
    connections = [store.connect() for _ in range(4)]
    for connection in connections:
        connection.request("POST", "/", ENDLESS, store.authorization)
    sockets = [connection.sock for connection in connections]
    wait_until(lambda: len(select(sockets, [], [], 0)[0]) == 2)
    answer = store.request(body="SELECT 1")
    assert (answer.status, answer.code) == (503, 202)
    assert "Too many simultaneous queries" in answer.text
    assert store.request("GET", "/ping").text == "Ok.\n"
    for connection in connections:
        connection.close()
    wait_until(lambda: store.request(body="SELECT 1").status == 200)


def test_a_query_that_takes_too_much_memory_fails_alone(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store("--memory-limit-mb", "512")
    answer = store.request(body="SELECT length(groupArray(toString(number))) FROM numbers(100000000)")
    assert (answer.status, answer.code) == (500, 241)
    assert store.run("SELECT 1") == "1"


def test_a_query_that_takes_too_long_is_stopped(store: StoreProcess) -> None:
    answer = store.request(body=ENDLESS, max_execution_time=1)
    assert (answer.status, answer.code) == (408, 159)


@pytest.mark.parametrize("sql", ["SELECT 1 FORMAT Native", "INSERT INTO FUNCTION null('x UInt8') VALUES (1)"])
def test_many_requests_leave_no_file_open(store: StoreProcess, sql: str) -> None:
    assert store.process is not None

    def count_open() -> int:
        from pathlib import Path

        return len(list(Path(f"/proc/{store.process.pid}/fd").iterdir()))  # type: ignore[union-attr]

    for _ in range(20):
        store.request(body=sql)
    before = count_open()
    for _ in range(200):
        store.request(body=sql)
    wait_until(lambda: count_open() <= before + 3)
