"""Requests a second of `POST /track`, beside a bare WSGI callable (benchmarks/bare.py) under the same server.

    python -m benchmarks.collector [--rounds 4] [--seconds 4]

Both run at once on one queue, and are loaded in turn; whoever is not asked does nothing. Once with the queue's
log written to the disk every second, once before each answer, as it is by default.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from benchmarks.system import free_port
from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.projects import create_project
from shopalytic.settings import Settings, load_settings

LOAD = Path(__file__).with_name("track.lua")
TARGET = 0.6
WORKERS, THREADS, CONNECTIONS = 2, 8, 16
SERVER = ["granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--workers-kill-timeout", "15",
          "--workers", str(WORKERS), "--blocking-threads", str(THREADS)]  # fmt: skip


@contextmanager
def running(command: list[str], environment: dict[str, str], is_up: Callable[[], bool]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ends_at = time.monotonic() + 60
        while not is_up():
            if process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"{' '.join(command)} did not start")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def answers_http(port: int) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return ask


def answers_redis(url: str) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            with redis.Redis.from_url(url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    return ask


def load(port: int, token: str, seconds: int) -> int:
    """Requests a second. Raises RuntimeError where one of them was not answered with a 2xx."""
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", LOAD, f"http://127.0.0.1:{port}", "--", token],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = re.search(r"per_second (\d+) bad (\d+)", output)
    if not found or int(found[2]):
        raise RuntimeError(output)
    return int(found[1])


def make_token(settings: Settings) -> str:
    upgrade(settings.relational_url)
    engine = make_engine(settings.relational_url)
    with make_sessions(engine).begin() as db:
        token = create_project(db, "Benchmark").token
    engine.dispose()
    return token


def compare(application: str, fsync: str, rounds: int, seconds: int) -> float:
    """Medians of both, and their ratio, printed; the ratio is returned."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="shopalytic-bench-"))
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("SHOPALYTIC_")
        }
        environment |= {
            "SHOPALYTIC_DATA_DIR": folder, "SHOPALYTIC_QUEUE_FSYNC": fsync, "SHOPALYTIC_QUEUE_MEMORY_MB": "2048",
                    }  # fmt: skip
        settings = load_settings(environment)
        environment["BENCHMARK_REDIS_URL"] = settings.queue_url
        # As `shopalytic web` does: its counters are shared by the worker processes.
        environment["PROMETHEUS_MULTIPROC_DIR"] = folder
        token = make_token(settings)
        ports = {"bare": free_port(), "collector": free_port()}
        targets = {"bare": ["benchmarks.bare:app"], "collector": ["--factory", application]}
        stack.enter_context(running(["shopalytic", "queue"], environment, answers_redis(settings.queue_url)))
        for name, target in targets.items():
            command = [*SERVER, "--port", str(ports[name]), *target]
            stack.enter_context(running(command, environment, answers_http(ports[name])))
        client = stack.enter_context(redis.Redis.from_url(settings.queue_url))
        rates: dict[str, list[int]] = {name: [] for name in ports}
        for port in ports.values():
            load(port, token, 1)
        for number in range(rounds):
            for name, port in ports.items():
                client.flushall()
                rates[name].append(load(port, token, seconds))
            print(
                f"  round {number + 1}: " + ", ".join(f"{name} {rates[name][-1]}/s" for name in ports),
                flush=True,
            )
    bare_rate, our_rate = statistics.median(rates["bare"]), statistics.median(rates["collector"])
    ratio = our_rate / bare_rate
    print(
        f"  fsync {fsync}: bare {bare_rate:.0f}/s, collector {our_rate:.0f}/s, ratio {ratio:.2f}", flush=True
    )
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description="POST /track beside a bare WSGI callable.")
    parser.add_argument("--application", default="shopalytic.app:create_wsgi", help="module:factory")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()
    ratios = {}
    for fsync in ("everysec", "always"):
        print(f"POST /track, the queue's log to the disk: {fsync}", flush=True)
        ratios[fsync] = compare(arguments.application, fsync, arguments.rounds, arguments.seconds)
    if min(ratios.values()) < TARGET:
        sys.exit(f"A ratio is below {TARGET}: {ratios}")


if __name__ == "__main__":
    main()
