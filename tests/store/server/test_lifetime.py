"""Starting, stopping, being killed: what is told, and what is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.server.conftest import Answer, StoreProcess
from tests.store.server.test_running import ENDLESS, running, wait_until

MODULES = "import sys, shopalytic.store.server; print([m for m in {names} if m in sys.modules])"


def test_the_ready_file_tells_how_to_connect_and_only_its_owner(
    make_store: Callable[..., StoreProcess],
) -> None:
    store = make_store("--user", "somebody")
    assert set(store.told) == {"url", "host", "port", "user", "password", "pid"}
    assert store.told["url"] == f"http://somebody:{store.told['password']}@127.0.0.1:{store.port}"
    assert len(store.told["password"]) >= 32
    assert store.ready_file.stat().st_mode & 0o777 == 0o600
    assert store.stop() == 0
    assert not store.ready_file.exists()


def test_each_start_has_a_new_password_unless_one_is_given(make_store: Callable[..., StoreProcess]) -> None:
    first = make_store()
    first.stop()
    passwords = {first.told["password"], make_store().told["password"]}
    assert len(passwords) == 2


def test_a_given_password_is_kept(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store("--password-variable", "STORE_TEST_WORD", environment={"STORE_TEST_WORD": "given"})
    assert store.told["password"] == "given"
    assert store.run("SELECT 1") == "1"


def test_what_was_stored_is_there_after_a_restart(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store()
    store.run("CREATE DATABASE shop")
    store.run("CREATE TABLE shop.kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    store.run("INSERT INTO shop.kept SELECT number FROM numbers(1000)")
    assert store.stop() == 0
    assert make_store().run("SELECT count(), sum(n) FROM shop.kept") == "1000\t499500"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_what_runs(make_store: Callable[..., StoreProcess], number: signal.Signals) -> None:
    store = make_store()
    answers: list[Answer] = []
    sql = (
        "SELECT sum(sleepEachRow(0.5)), count() FROM numbers(4) SETTINGS max_block_size = 1, max_threads = 1"
    )
    thread = threading.Thread(target=lambda: answers.append(store.request(body=sql)))
    thread.start()
    wait_until(lambda: running(store, "sleepEachRow") == 1)
    assert store.process is not None
    store.process.send_signal(number)
    thread.join()
    assert answers[0].text == "0\t4\n"
    assert store.process.wait(30) == 0


def test_a_stop_cancels_what_runs_on_and_on(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store("--drain-seconds", "0.5")
    connection = store.connect()
    connection.request("POST", "/", ENDLESS, store.authorization)
    wait_until(lambda: running(store) == 1)
    assert store.stop() == 0
    connection.close()


def test_a_stop_does_not_wait_for_idle_connections(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store()
    idle = store.connect()
    idle.request("GET", "/ping")
    assert idle.getresponse().read() == b"Ok.\n"
    assert store.stop() == 0
    idle.close()


def test_a_second_process_on_the_folder_is_told_who_has_it(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store()
    command = [sys.executable, "-m", "shopalytic.store.server", str(store.folder / "store")]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert second.stderr.strip().split("\n") == [
        f"The event store in {store.folder / 'store'} is already open in another process "
        f"(pid {store.told['pid']}); only one may use it at a time."
    ]
    assert store.run("SELECT 1") == "1"


def test_a_taken_port_is_told_in_one_sentence(
    make_store: Callable[..., StoreProcess], tmp_path: Path
) -> None:
    store = make_store()
    command = [
        sys.executable,
        "-m",
        "shopalytic.store.server",
        str(tmp_path / "other"),
        "--port",
        str(store.port),
    ]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert (
        second.stderr.strip()
        == f"The event store cannot listen on 127.0.0.1:{store.port}: Address already in use."
    )


@pytest.mark.parametrize("kind", ["file", "question mark"])
def test_a_folder_that_cannot_be_is_told_in_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / ("file" if kind == "file" else "what?")
    command = [sys.executable, "-m", "shopalytic.store.server", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(folder) in done.stderr


TOKENS = """CREATE TABLE shop.events (n UInt64, s String) ENGINE = MergeTree ORDER BY n
SETTINGS non_replicated_deduplication_window = 10000"""


def test_the_same_token_inserts_once_also_after_a_kill(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store()
    store.run("CREATE DATABASE shop")
    store.run(TOKENS)
    rows = "".join(json.dumps({"n": n, "s": "x"}) + "\n" for n in range(1000))

    def insert(into: StoreProcess, token: str) -> None:
        answer = into.request(
            query="INSERT INTO shop.events FORMAT JSONEachRow", body=rows, insert_deduplication_token=token
        )
        assert answer.status == 200, answer.text

    for token in ("a", "a", "b"):
        insert(store, token)
    assert store.run("SELECT count() FROM shop.events") == "2000"
    store.kill()
    again = make_store()
    for token in ("a", "b", "c"):
        insert(again, token)
    assert again.run("SELECT count() FROM shop.events") == "3000"


@pytest.mark.parametrize("options", [[], ["--no-fsync"]])
def test_a_kill_during_inserts_loses_no_acknowledged_row(
    make_store: Callable[..., StoreProcess], options: list[str]
) -> None:
    store = make_store(*options)
    store.run("CREATE DATABASE shop")
    store.run(TOKENS)
    acknowledged = 0
    for kill in range(3):
        stop_at = acknowledged + 15 + kill
        killer = threading.Timer(0.2 + kill / 10, store.kill)
        killer.start()
        tried = acknowledged
        while True:
            rows = "".join(f"{tried * 100 + row}\tx\n" for row in range(100))
            try:
                answer = store.request(
                    query="INSERT INTO shop.events FORMAT TSV",
                    body=rows,
                    insert_deduplication_token=str(tried),
                )
            except OSError:
                break
            if answer.status != 200:
                break
            tried += 1
            acknowledged = tried
        killer.join()
        assert stop_at > 0
        store = make_store(*options)
        stored = int(store.run(f"SELECT uniqExact(n) FROM shop.events WHERE n < {acknowledged * 100}"))
        assert stored == acknowledged * 100
    assert store.run("SELECT count() = uniqExact(n) FROM shop.events") == "1"


def test_settings_of_the_operator_s_environment_do_not_move_times(
    make_store: Callable[..., StoreProcess],
) -> None:
    store = make_store(environment={"TZ": "America/New_York"})
    assert store.run("SELECT timezone(), toDateTime('2026-01-01 00:00:00')") == "UTC\t2026-01-01 00:00:00"


def test_the_store_process_loads_no_data_frames() -> None:
    code = MODULES.format(names=("pandas", "numpy", "pyarrow", "chdb"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_idle_store_keeps_little_memory(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store()
    for _ in range(50):
        store.run("SELECT count() FROM numbers(1000)")
    lines = Path(f"/proc/{store.told['pid']}/smaps_rollup").read_text().splitlines()
    private_kb = next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
    assert private_kb < 120 * 1024


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small disk")
def test_a_full_disk_is_told_and_what_was_stored_is_kept(
    make_store: Callable[..., StoreProcess], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine lets no small disk be mounted")
    try:
        store = make_store(folder=disk)
        store.run("CREATE TABLE kept (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
        store.run("INSERT INTO kept SELECT number, 'x' FROM numbers(1000)")
        answer = store.request(body="INSERT INTO kept SELECT number, randomString(1000) FROM numbers(200000)")
        assert (answer.status, answer.code) == (507, 243)
        assert store.run("SELECT count() FROM kept") == "1000"
        (disk / "filler").write_bytes(b"x" * 1)
        with (disk / "filler").open("ab") as filler:
            try:
                while True:
                    filler.write(b"x" * 65536)
                    filler.flush()
            except OSError:
                pass
        assert store.run("SELECT count() FROM kept") == "1000"
        assert store.request(body="INSERT INTO kept SELECT number, 'y' FROM numbers(100000)").status == 507
        store.stop()
        command = [sys.executable, "-m", "shopalytic.store.server", str(disk / "store")]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert second.stderr.strip() == (
            f"The event store in {disk / 'store'} cannot be opened: the disk is full; make room and start again."
        )
        (disk / "filler").unlink()
        again = make_store(folder=disk)
        assert again.run("SELECT count() FROM kept") == "1000"
        again.stop()
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_memory_that_is_not_needed_any_more_is_given_back(make_store: Callable[..., StoreProcess]) -> None:
    store = make_store()

    def private_mb() -> int:
        lines = Path(f"/proc/{store.told['pid']}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) // 1024

    store.run("CREATE TABLE wide (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    store.run("INSERT INTO wide SELECT number, repeat('x', 100) FROM numbers(2000000)")
    assert store.run("SELECT length(groupArray(s)) FROM wide") == "2000000"
    wait_until(lambda: private_mb() < 120)
