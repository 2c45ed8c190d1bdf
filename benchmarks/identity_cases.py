"""Who is who, against the small model of tests/identity, for as long as one likes.

    python -m benchmarks.identity_cases [--minutes 10] [--database sqlite|postgresql]

People sign in, order, share devices and sign out; the shop's owner undoes, splits and merges; batches arrive in any
order, twice, and from workers that die. Every row's owner, the customers, their orders and revenue must be what the
model says. Exits with 1 and shows the smallest case where they are not. Else it says how many cases ran.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import make_engine, make_sessions
from shopalytic.accounts.models import Base
from tests.identity.model import Saying
from tests.identity.shop_machine import ShopMachine
from tests.identity.test_model import compare, said
from tests.postgres import fresh_database, running_postgres

CASES_AT_ONCE = 100
SETTINGS = settings(
    max_examples=CASES_AT_ONCE,
    stateful_step_count=40,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.normal,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    done: Counter[str] = Counter()
    until = time.monotonic() + options.minutes * 60
    try:
        with database(options.database) as sessions:
            while time.monotonic() < until:
                run_cases(sessions, done)
                empty(sessions)
    finally:
        counts = ", ".join(f"{count:,} {what}" for what, count in done.items())
        print(f"{options.database}: {counts}", flush=True)
    print("No difference.", flush=True)


def run_cases(sessions: sessionmaker[Session], done: Counter[str]) -> None:
    """Raises AssertionError with the smallest case that shows a difference."""

    class Counted(ShopMachine):
        def __init__(self) -> None:
            super().__init__(sessions)
            done["cases"] += 1

        def teardown(self) -> None:
            super().teardown()
            done["messages"] += len(self.told)
            done["decisions"] += len(self.decisions)

    @SETTINGS
    @given(said())
    def only_the_rules(sayings: list[Saying]) -> None:
        done["cases of the rules alone"] += 1
        compare(sayings)

    run_state_machine_as_test(Counted, settings=SETTINGS)
    only_the_rules()


@contextmanager
def database(kind: str) -> Iterator[sessionmaker[Session]]:
    if kind == "postgresql":
        with running_postgres() as folder, fresh_database(folder) as url:
            yield from _made(url)
        return
    with tempfile.TemporaryDirectory(prefix="sha-cases-") as folder_name:
        yield from _made(f"sqlite:///{Path(folder_name) / 'shopalytic.db'}")


def empty(sessions: sessionmaker[Session]) -> None:
    """Else the tables of a night's cases would fill the disk, and each case would take longer than the one before."""
    with sessions.begin() as db:
        for name in ("link", "identity", "conflict", "override", "fold_round"):
            db.execute(text(f"DELETE FROM {name}"))


def _made(url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(url)
    Base.metadata.create_all(engine)
    yield make_sessions(engine)
    engine.dispose()


if __name__ == "__main__":
    main()
