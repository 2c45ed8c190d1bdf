from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.servers import running_valkey

ROOT = Path(__file__).resolve().parents[2]
RQ = (sys.executable, "-m", "rq.cli")
WORKER = (*RQ, "worker", "-c", "worker.settings", "-w", "rq.worker.SimpleWorker")
SCHEDULE = (*RQ, "cron", "-c", "worker.settings", "worker/schedule.py")


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def environ(valkey_url: str) -> dict[str, str]:
    return os.environ | {"SHOPALYTIC_REDIS_URL": valkey_url, "SHOPALYTIC_LOG_FORMAT": "json"}


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a command; what the test leaves running is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, env=environ, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
