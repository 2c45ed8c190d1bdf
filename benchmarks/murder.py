"""Exactly once under murder: SIGKILL hits one process after the other while numbered events are sent.

    python -m benchmarks.murder [--events 50000] [--kills 20] [--seed 1]

Clients send with retries, as the tag does: an event is done once a 2xx has come. At the end each number must be
stored once, none other, and the counters must add up. Exits with 1 and says what is wrong where they do not.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import msgspec

from benchmarks.system import ROLES, System, running_system
from shopalytic.store import Store
from shopalytic.store.client import read_address

BATCH = 10
VISITORS = 500


class Numbered(msgspec.Struct):
    number: str
    times: int


def send_all(system: System, numbers: list[int], failures: Counter[str]) -> None:
    """Send the events of these numbers in batches; the same batch again until a 2xx comes."""
    connection: http.client.HTTPConnection | None = None
    for batch in _batched(numbers):
        body = json.dumps(
            {
                "token": system.project["token"],
                "events": [
                    {
                        "event": "numbered",
                        "message_id": f"number-{number}",
                        "tracking_id": f"visitor-{number % VISITORS}",
                        "properties": {"number": number},
                    }
                    for number in batch
                ],
            }
        )
        pause = 0.05
        while True:
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=10)
                connection.request("POST", "/batch", body, {"Content-Type": "text/plain"})
                response = connection.getresponse()
                answer = response.read()
                if response.status < 300:
                    if json.loads(answer)["accepted"] != len(batch):
                        raise AssertionError(f"not all accepted: {answer[:300]!r}")
                    break
                failures[str(response.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                failures[type(error).__name__] += 1
                if connection is not None:
                    connection.close()
                connection = None
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)


def _batched(numbers: list[int]) -> list[list[int]]:
    return [numbers[at : at + BATCH] for at in range(0, len(numbers), BATCH)]


def kill_in_turn(system: System, kills: int, chance: random.Random, sending: threading.Event) -> list[str]:
    """SIGKILL worker, store, web and queue in turn, at random moments, while events are sent."""
    killed: list[str] = []
    roles = itertools.cycle(ROLES)
    while len(killed) < kills and sending.is_set():
        time.sleep(chance.uniform(0.3, 2.5))
        role = next(roles)
        # What dies again and again is restarted after up to half a minute.
        while not (pids := system.pids_of(role)) and sending.is_set():
            time.sleep(0.05)
        os.kill(chance.choice(pids), signal.SIGKILL)
        killed.append(role)
        print(f"  killed {role} ({len(killed)} of {kills})", flush=True)
    return killed


def check(system: System, events: int) -> list[str]:
    """What is wrong at the end; [] where all is well."""
    counters = system.wait_until_stored()
    store = Store(lambda: read_address(system.data_dir / "store.json"), "shopalytic")
    rows = store.rows(
        Numbered,
        "SELECT toString(properties.number) AS number, count() AS times FROM {{events}} "
        "WHERE event = 'numbered' GROUP BY number",
    )
    print(f"  counters: {json.dumps(counters)}")
    times = {int(row.number): row.times for row in rows}
    done = counters["stored"] + counters["duplicate"] + counters["quarantined"] + counters["waiting"]
    done += sum(counters["dropped"].values())
    wrong = []
    if missing := set(range(events)) - set(times):
        wrong.append(f"{len(missing)} numbers are missing, such as {sorted(missing)[:5]}")
    if twice := [number for number, count in times.items() if count != 1]:
        wrong.append(f"{len(twice)} numbers are stored more than once, such as {sorted(twice)[:5]}")
    if set(times) - set(range(events)):
        wrong.append("numbers are stored that nobody sent")
    if counters["accepted"] != done:
        wrong.append(f"the counters do not add up: accepted {counters['accepted']}, accounted for {done}")
    if counters["stored"] != sum(times.values()):
        wrong.append(f"counted as stored: {counters['stored']}; rows: {sum(times.values())}")
    return wrong


def run(events: int, kills: int, seed: int, clients: int = 4) -> list[str]:
    """The whole play on a fresh system. Returns what is wrong; [] where all is well."""
    chance = random.Random(seed)
    failures: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="shopalytic-murder-") as folder,
        running_system(Path(folder) / "data", log=Path(folder) / "up.log") as system,
    ):
        sending = threading.Event()
        sending.set()
        shares = [list(range(client, events, clients)) for client in range(clients)]
        killed: list[str] = []
        gate = threading.Thread(target=lambda: killed.extend(kill_in_turn(system, kills, chance, sending)))
        threads = [
            threading.Thread(target=_send_slowly, args=(system, share, failures, gate)) for share in shares
        ]
        started_at = time.monotonic()
        gate.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sending.clear()
        gate.join()
        print(f"  sent {events} events in {time.monotonic() - started_at:.0f} s; {len(killed)} kills: "
              f"{dict(Counter(killed))}; answers that made a client try again: {dict(failures)}")  # fmt: skip
        wrong = check(system, events)
        if len(killed) < kills:
            wrong.append(f"only {len(killed)} of {kills} kills happened while events were sent")
        if code := system.stop():
            wrong.append(f"`shopalytic up` ended with {code}")
        return wrong


def _send_slowly(system: System, share: list[int], failures: Counter[str], gate: threading.Thread) -> None:
    """Spread the share over the killing; the last piece goes out when the killing has ended."""
    size = max(BATCH, len(share) // 200)
    pieces = [share[at : at + size] for at in range(0, len(share), size)]
    for number, piece in enumerate(pieces):
        send_all(system, piece, failures)
        if gate.is_alive():
            time.sleep(0.2)
        if number == len(pieces) - 2:
            gate.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"murder: {arguments.events} events, {arguments.kills} kills, seed {arguments.seed}")
    wrong = run(arguments.events, arguments.kills, arguments.seed)
    for sentence in wrong:
        print(f"  WRONG: {sentence}")
    if not wrong:
        print(f"  each of the {arguments.events} events is stored exactly once, and the counters add up")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
