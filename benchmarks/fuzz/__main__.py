"""Thousands of messages made from the catalogue, right and wrong ones, through all doors of a running system.

    python -m benchmarks.fuzz [--messages 10000] [--seed 1]

Checks that no call and no page is answered 5xx, that the counters add up and nothing is left waiting, that what the doors took is what
was counted and is stored as often as was counted, that a right event has no violation, and that every violation is of the
closed list, is told by a sentence and names a property that the message has or must have. Prints what it found; the exit
code is 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.fuzz.calls import ALONE_EVERY, AT_ONCE, Sender, batches
from benchmarks.fuzz.checks import check_counters, check_drops, check_events, read_back, stored_events
from benchmarks.fuzz.documents import fuzz_doors, fuzz_read_api
from benchmarks.fuzz.findings import Findings, report
from benchmarks.fuzz.made import NUMBER
from benchmarks.fuzz.messages import make_messages
from benchmarks.fuzz.pages import look_at_pages
from benchmarks.system import System, running_system
from shopalytic.settings import Settings
from shopalytic.store.client import open_store

PLAN = {
    "unplanned_events": "tell",
    "events": {"order": {"unplanned_properties": "tell", "properties": {NUMBER: {}}}},
}


def fuzz(system: System, count: int, seed: int) -> Findings:
    """Send `count` messages to a running system, wait until they are stored, and check what became of them."""
    findings = Findings()
    now = time.time()
    made = make_messages(count, seed, now)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(PLAN, file)
        file.flush()
        command = ["plan", "save", file.name, "--project", system.project["token"], "--yes"]
        subprocess.run(
            [sys.executable, "-m", "shopalytic", *command],
            env=system.environment,
            capture_output=True,
            check=True,
        )
    sender = Sender(system, findings)
    introduced = sender.introduce()
    sender.send_bodies()
    for number, (door, batch) in enumerate(batches(made)):
        sender.send(door, batch, now, is_alone=number % ALONE_EVERY == 0)
    for door in ("native", "segment", "exponea"):
        again = [each for each in made if each.is_repeated and each.door == door]
        for start in range(0, len(again), AT_ONCE):
            sender.send(door, again[start : start + AT_ONCE], now, is_alone=False)
    findings.counters = system.wait_until_stored(patience_seconds=300)
    settings = Settings(data_dir=system.data_dir)
    store = open_store(settings)
    events = stored_events(store)
    check_counters(findings, store)
    check_events(findings, made, events, introduced)
    check_drops(findings, store)
    owners = (event.customer_id for event in events if event.violations)
    findings.problems += look_at_pages(settings, owners, findings.answers)
    store.close()
    read_back(findings, system)
    return findings


def ask_by_documents(findings: Findings, system: System, examples: int, seed: int) -> None:
    """schemathesis' requests to the doors and to the read API, whose answers must be no server's errors."""
    for name, run in (("doors", fuzz_doors), ("read API", fuzz_read_api)):
        try:
            for status, count in run(system, examples=examples, number_seed=seed).items():
                findings.answers[f"{name} {status}"] += count
        except (Exception, BaseExceptionGroup) as error:  # schemathesis raises what it found as a group
            findings.problems.append(f"schemathesis, {name}: {error}")
    findings.counters = system.wait_until_stored(patience_seconds=300)
    counters = findings.counters
    done = (
        counters["stored"]
        + counters["duplicate"]
        + sum(counters["dropped"].values())
        + counters["quarantined"]
    )
    if counters["accepted"] != done:
        findings.problems.append(f"after schemathesis {counters['accepted']} accepted, {done} done")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--examples", type=int, default=20, help="schemathesis' for each call, right and wrong ones"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sha-fuzz-") as folder, running_system(Path(folder)) as system:
        began = time.monotonic()
        findings = fuzz(system, arguments.messages, arguments.seed)
        print(f"{arguments.messages:,} messages, seed {arguments.seed}, {time.monotonic() - began:.0f} s")
        if arguments.examples:
            ask_by_documents(findings, system, arguments.examples, arguments.seed)
    report(findings)
    return 1 if findings.problems or findings.unseen else 0


if __name__ == "__main__":
    sys.exit(main())
