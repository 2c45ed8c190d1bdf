"""Real orders, imported twice with nothing replaced, and read through the API to the penny."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from benchmarks.system import System, running_system
from shopalytic.settings import Settings
from shopalytic.store.client import open_store

FILE = Path(__file__).parents[1] / "data" / "online_retail.csv"


class Marked(msgspec.Struct):
    violations: list[str]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("retail")) as system:
        yield system


def run_import(system: System) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "shopalytic", "import", "orders", str(FILE), "--project", system.project["token"]],
        env=system.environment | {"COLUMNS": "200"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def violations(system: System) -> list[list[str]]:
    store = open_store(Settings(data_dir=system.data_dir))
    rows = store.rows(Marked, "SELECT violations FROM {{events}} WHERE notEmpty(violations)")
    store.close()
    return [row.violations for row in rows]


def test_orders_imported_twice_count_once_to_the_penny(system: System) -> None:
    assert "Stored: 236 new; known already: 0; in quarantine: 0." in run_import(system)
    assert violations(system) == []  # nothing is wrong with real orders
    assert "Stored: 0 new; known already: 236; in quarantine: 0." in run_import(system)

    totals = system.get("/api/v1/reports/overview?start=2010-12-01&end=2010-12-31")["totals"]
    assert totals["revenue"] == "93029.47"
    assert (totals["orders"], totals["named_customers"], totals["customers"]) == (236, 161, 171)
    assert totals["units"] == 47252
    counters = system.counters()
    assert (counters["accepted"], counters["stored"], counters["duplicate"]) == (472, 236, 236)

    customer = system.get("/api/v1/customers?id=12431")
    assert (customer["orders"], customer["revenue"]) == (1, "358.25")
    events = system.get(f"/api/v1/customers/{customer['customer_id']}/events")["events"]
    lines = events[0]["properties"]["line_items"]
    assert {"sku": "22196", "name": "SMALL HEART MEASURING SPOONS", "qty": 24, "price": "0.85"} in lines
