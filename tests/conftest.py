"""What tests of several parts share: a real event store, migrated, and a project of each test's own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from shopalytic.store import Store
from shopalytic.store.migrate import migrate_store

STORE_START_SECONDS = 60

_project_ids = itertools.count(1_000_000)  # apart from those that a test's database numbers from 1


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    with new_store() as made:
        yield made


@contextmanager
def new_store() -> Iterator[Store]:
    """The embedded store in a process of its own; with TEST_CLICKHOUSE_URL set, a database of that server instead."""
    address = os.environ.get("TEST_CLICKHOUSE_URL")
    if address:
        yield _migrated(address)
        return
    with tempfile.TemporaryDirectory(prefix="sha-store-") as folder, running_store(Path(folder)) as url:
        yield _migrated(url)


@pytest.fixture
def project_id() -> int:
    """One that no other test uses, so that tests share the store without seeing each other's rows."""
    return next(_project_ids)


def _migrated(address: str) -> Store:
    store = Store(address, f"shopalytic_test_{uuid4().hex[:8]}")
    migrate_store(store)
    return store


@contextmanager
def running_store(folder: Path) -> Iterator[str]:
    """`shopalytic store` on a data folder; gives its URL and stops it at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOPALYTIC_")}
    environment["SHOPALYTIC_DATA_DIR"] = str(folder)
    log = folder / "store.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "shopalytic", "store"], env=environment, stdout=output, stderr=output
        )
    try:
        yield _wait_for_address(process, folder / "store.json", log)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for_address(process: subprocess.Popen[bytes], file: Path, log: Path) -> str:
    deadline = time.monotonic() + STORE_START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            url = str(json.loads(file.read_text())["url"])
        except (OSError, ValueError, KeyError):
            time.sleep(0.02)
            continue
        store = Store(url, "default")
        if store.ping():
            store.close()
            return url
        time.sleep(0.02)
    raise RuntimeError(f"the store did not start: {log.read_text(errors='replace')[-2000:]}")
