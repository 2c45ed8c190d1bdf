"""The whole system on this machine: sustained events, time to visibility, memory when idle, bytes an event.

    python -m benchmarks.whole [--seconds 20]

Everything, the load generator too, shares the machine's cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

import msgspec

from benchmarks.system import System, running_system
from shopalytic.store import Store
from shopalytic.store.client import read_address

LOAD = Path(__file__).with_name("load.lua")


class Disk(msgspec.Struct):
    rows: int
    bytes: int


def sustained(system: System, size: int, seconds: int) -> dict[str, float]:
    """Events a second from request to stored row, in batches of `size`: until all that was accepted is stored."""
    before = system.counters()
    started_at = time.monotonic()
    output = subprocess.run(
        ["wrk", "-t2", "-c16", f"-d{seconds}s", "-s", LOAD, system.address, "--",
         system.project["token"], str(size), uuid.uuid4().hex[:8]],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    sent_at = time.monotonic()
    counters = system.wait_until_stored()
    done_at = time.monotonic()
    accepted = counters["accepted"] - before["accepted"]
    stored = counters["stored"] - before["stored"]
    found = re.search(r"requests (\d+) errors (\d+) bad (\d+) p95_us (\d+)", output)
    assert found, output
    return {
        "batch": size,
        "accepted_per_second": round(accepted / (sent_at - started_at)),
        "stored_per_second": round(stored / (done_at - started_at)),
        "backlog_seconds": round(done_at - sent_at, 1),
        "errors": int(found[2]) + int(found[3]),
        "not_stored": accepted - stored,
    }


def visibility(system: System, per_second: int = 200, seconds: int = 15) -> dict[str, float]:
    """Seconds from the start of a request to the event's appearance in `GET /api/v1/events`."""
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    run = uuid.uuid4().hex[:8]
    total = per_second * seconds
    threads_count = 4

    def send(thread: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=30)
        begins_at = time.monotonic()
        for number in range(thread, total, threads_count):
            time.sleep(max(0.0, begins_at + number / per_second - time.monotonic()))
            message_id = f"{run}-{number}"
            body = {
                "token": system.project["token"], "event": "page_view", "message_id": message_id,
                "tracking_id": f"{run}-{number % 300}", "context": {"url": "https://shop.example/"},
            }  # fmt: skip
            sent[message_id] = time.monotonic()
            connection.request("POST", "/track", json.dumps(body), {"Content-Type": "text/plain"})
            response = connection.getresponse()
            response.read()
            assert response.status == 200, response.status

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(threads_count)]
    for thread in threads:
        thread.start()
    while len(seen) < total and (len(sent) < total or time.monotonic() - max(sent.values()) < 30):
        for event in system.get("/api/v1/events?limit=500")["events"]:
            if event["message_id"] in sent:
                seen.setdefault(event["message_id"], time.monotonic())
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    delays = sorted(seen[message_id] - sent[message_id] for message_id in seen)
    return {
        "events": total,
        "never_seen": total - len(seen),
        "p50": round(delays[len(delays) // 2], 3),
        "p95": round(delays[int(len(delays) * 0.95)], 3),
        "max": round(delays[-1], 3),
    }


def memory_mb(system: System) -> dict[str, float]:
    """Proportional set size by kind of process, and in all, in MB."""
    shares: dict[str, float] = {}
    for pid, command in system.pids().items():
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        pss = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
        if not pss:
            continue
        words = ("valkey-server", "store", "web", "worker", "cron", "up")
        name = next((word for word in words if word in command), command[:40])
        shares[name] = shares.get(name, 0) + int(pss[1]) / 1024
    shares["all"] = sum(shares.values())
    return {name: round(size) for name, size in shares.items()}


def bytes_an_event(system: System) -> float:
    """Bytes on disk of the event table's parts, once merged, by its rows."""
    store = Store(lambda: read_address(system.data_dir / "store.json"), "shopalytic")
    store.command("OPTIMIZE TABLE {{events}} FINAL")
    found = store.rows(
        Disk,
        "SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts "
        "WHERE database = 'shopalytic' AND table = 'events' AND active",
    )[0]
    return round(found.bytes / found.rows, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="The whole system on this machine.")
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="shopalytic-bench-") as folder,
        running_system(Path(folder) / "data", log=Path(folder) / "up.log") as system,
    ):
        time.sleep(20)
        print(f"memory when idle, MB (proportional set size): {memory_mb(system)}", flush=True)
        print(f"visible after, seconds, at 200 events/s: {visibility(system)}", flush=True)
        for size in (1, 10, 100):
            print(f"sustained: {sustained(system, size, arguments.seconds)}", flush=True)
        print(f"bytes on disk an event: {bytes_an_event(system)}", flush=True)
        print(f"memory after the load, MB: {memory_mb(system)}", flush=True)


if __name__ == "__main__":
    main()
