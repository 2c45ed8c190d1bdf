"""What the nightly check costs: 100,000 visitors who are 40,000 customers, and a million events.

    python -m benchmarks.audit [--visitors 100000]

The check runs twice: as the command, for its memory, and piece by piece, for how long one keeps a worker.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.projects import create_project
from shopalytic.audit.record import begin, find_check
from shopalytic.audit.run import advance
from shopalytic.audit.sentences import tell_check
from shopalytic.events.event import Event
from shopalytic.identity.ids import USER_ID, VISITOR, origin_id
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.parts import Parts
from shopalytic.pipeline.overrides import send_overrides
from shopalytic.settings import load_settings
from shopalytic.store.client import open_store
from shopalytic.store.migrate import migrate_store
from shopalytic.stream import Stream
from tests.conftest import running_store

EVENTS_A_VISITOR = 10
VISITORS_A_CUSTOMER = 2.5
AT_ONCE = 1000
START = datetime(2026, 1, 1, tzinfo=UTC)

encode = msgspec.json.Encoder().encode


def sightings(visitors: int) -> Iterator[Sighting]:
    """Each visitor signs in once, with a number and an e-mail address."""
    customers = int(visitors / VISITORS_A_CUSTOMER)
    for visitor in range(visitors):
        who = visitor % customers
        yield Sighting(
            "identify", f"visitor-{visitor}", {USER_ID: f"customer-{who}", "email": f"{who}@shop.example"},
            START + timedelta(seconds=visitor * 20), f"sign-in-{visitor}",
        )  # fmt: skip


def rows(project_id: int, some: list[Sighting]) -> Iterator[bytes]:
    """Stored as they were before anybody had signed in; the last of each visitor's is the sign-in's own."""
    for sighting in some:
        visitor = str(origin_id(project_id, VISITOR, sighting.tracking_id))
        user = str(origin_id(project_id, USER_ID, sighting.user_ids[USER_ID]))
        for number in range(EVENTS_A_VISITOR):
            is_last = number == EVENTS_A_VISITOR - 1
            at = f"{sighting.occurred_at + timedelta(seconds=number - 9):%Y-%m-%d %H:%M:%S}.000"
            yield encode(
                Event(
                    project_id=project_id, event="page_view", occurred_at=at, received_at=at, stored_at=at,
                    message_id=f"{sighting.message_id}-{number}", tracking_id=sighting.tracking_id,
                    user_ids=sighting.user_ids if is_last else {}, origin_id=user if is_last else visitor,
                    customer_id=visitor,
                )
            )  # fmt: skip


def fill(parts: Parts, project_id: int, visitors: int) -> None:
    waiting: list[Sighting] = []
    for number, sighting in enumerate(sightings(visitors), 1):
        waiting.append(sighting)
        if len(waiting) < AT_ONCE and number < visitors:
            continue
        with parts.sessions.begin() as db:
            answers = resolve(db, project_id, waiting)
        lines = list(rows(project_id, waiting))
        for at, answer in enumerate(answers, 1):
            last = msgspec.json.decode(lines[at * EVENTS_A_VISITOR - 1], type=Event)
            last.customer_id = str(answer.customer_id)
            lines[at * EVENTS_A_VISITOR - 1] = encode(last)
        parts.store.insert("events", lines, token=f"audit-{number}")
        waiting = []
    send_overrides(parts.store, parts.sessions)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the nightly check costs.")
    parser.add_argument("--visitors", type=int, default=100_000)
    visitors = parser.parse_args().visitors
    with tempfile.TemporaryDirectory(prefix="shopalytic-bench-") as name, running_store(Path(name)):
        settings = load_settings({"SHOPALYTIC_DATA_DIR": name})
        upgrade(settings.relational_url)
        parts = Parts(
            settings, make_sessions(make_engine(settings.relational_url)), open_store(settings),
            Stream(settings.queue_url, settings.partitions),
        )  # fmt: skip
        migrate_store(parts.store)
        with parts.sessions.begin() as db:
            project_id = create_project(db, "Shop").project.id
        began = time.monotonic()
        fill(parts, project_id, visitors)
        print(f"made in {time.monotonic() - began:.0f} s", flush=True)

        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "shopalytic", "check-identity"],
            env=os.environ | {"SHOPALYTIC_DATA_DIR": name, "SHOPALYTIC_LOG_LEVEL": "warning"},
            check=True,
        )
        seconds = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"the command: {seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of them its processor's; at most "
            f"{used.ru_maxrss / 1024:.0f} MB resident",
            flush=True,
        )

        check_id = begin(parts.sessions, project_id, asked_by="command").check.id
        turn: int | None = 0
        pieces: list[tuple[float, float, str]] = []
        while turn is not None:
            began, worked = time.monotonic(), time.process_time()
            step = find_check(parts.sessions, check_id)
            turn = advance(parts, check_id, turn, seconds=0, logs=False)
            spent = time.monotonic() - began, time.process_time() - worked
            pieces.append((*spent, step.step if step else ""))
        check = find_check(parts.sessions, check_id)
        assert check is not None and check.differences == 0, check
        print(tell_check(check))
        for step_name in dict.fromkeys(step for *_, step in pieces):
            walls = [seconds for seconds, _, step in pieces if step == step_name]
            work = [seconds for _, seconds, step in pieces if step == step_name]
            print(
                f"{step_name}: {len(walls)} pieces, {sum(walls):.1f} s, the longest {max(walls):.2f} s; processor "
                f"{sum(work):.1f} s, at most {max(work):.2f} s"
            )


if __name__ == "__main__":
    main()
