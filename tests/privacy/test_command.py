"""`shopalytic forget` and `stop-tracking`: what they say, and that they ask first. The work of the former is in
test_with_a_system.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shopalytic.cli import cli
from shopalytic.privacy.record import list_erasures
from shopalytic.privacy.stops import StopRecord, list_stops
from tests.privacy.conftest import Shop
from tests.privacy.test_anonymise import jons_day

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_shop: Shop, valkey_url: str) -> Run:
    """Runs `shopalytic forget` for the shop, in this process. No worker runs beside it."""
    parts, address = sqlite_shop.parts, sqlite_shop.parts.store._address
    environ = {
        "SHOPALYTIC_DATA_DIR": str(parts.settings.data_dir),
        "SHOPALYTIC_REDIS_URL": valkey_url,
        "SHOPALYTIC_CLICKHOUSE_URL": str(address),
        "SHOPALYTIC_CLICKHOUSE_DATABASE": parts.store.naming.database,
    }

    def run(*words: str, answer: str = "", command: str = "forget") -> Result:
        project = ["--project", str(sqlite_shop.project.project_id)]
        return CliRunner().invoke(cli, [command, *words, *project], env=environ, input=answer)

    return run


def erasures(shop: Shop) -> list[Any]:
    return list_erasures(shop.parts.sessions, shop.project.project_id)


@pytest.mark.parametrize("id", ["4417-jon", "jon@shop.example", "jon-phone"])
def test_a_dry_run_finds_the_customer_by_any_id_and_changes_nothing(
    sqlite_shop: Shop, run: Run, id: str
) -> None:
    jons_day(sqlite_shop)
    done = run(id, "--dry-run", "--json")
    assert json.loads(done.stdout) == {
        "customer_id": str(sqlite_shop.get("4417-jon")),
        "moves": {"events": 4, "orders": 1, "revenue": "10.00"},
        "dry_run": True,
    }
    assert "4 events, 1 orders of 10.00 EUR" in run(id, "--dry-run").stdout
    assert erasures(sqlite_shop) == []


def test_without_a_yes_nothing_is_done(sqlite_shop: Shop, run: Run) -> None:
    jons_day(sqlite_shop)
    for answer in ("n\n", ""):
        done = run("4417-jon", answer=answer)
        assert done.exit_code == 1
        assert "Forget customer" in done.stdout
    assert erasures(sqlite_shop) == []


def test_whom_nobody_knows_is_an_error(sqlite_shop: Shop, run: Run) -> None:
    done = run("nobody", "--yes")
    assert done.exit_code == 1
    assert "has the id 'nobody'" in done.stderr
    assert erasures(sqlite_shop) == []


@pytest.mark.parametrize(("words", "kind"), [((), "forget"), (("--anonymise",), "anonymise")])
def test_without_a_worker_it_is_recorded_and_says_so(
    sqlite_shop: Shop, run: Run, words: tuple[str, ...], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.cli.forget.WAIT_SECONDS", 0)
    jons_day(sqlite_shop)
    done = run("4417-jon", "--yes", *words)
    assert done.exit_code == 0
    assert "Recorded as" in done.stdout
    [row] = erasures(sqlite_shop)
    assert (row.kind, row.asked_by, row.step) == (kind, "command", "waiting")


def test_a_customer_is_stopped_once_it_is_confirmed_and_resumed(sqlite_shop: Shop, run: Run) -> None:
    jons_day(sqlite_shop)

    def stops() -> list[StopRecord]:
        return list_stops(sqlite_shop.parts.sessions, sqlite_shop.project.project_id)

    asked = run("jon@shop.example", "--dry-run", command="stop-tracking")
    assert "4417-jon" in asked.stdout
    assert "dropped from a minute from now on" in asked.stdout
    assert run("4417-jon", answer="n\n", command="stop-tracking").exit_code == 1
    assert stops() == []
    done = json.loads(run("4417-jon", "--json", command="stop-tracking").stdout)
    [record] = stops()
    assert (record.stop_id, record.ids, record.asked_by) == (done["stop_id"], len(done["ids"]), "command")
    assert "it is so already" in run("4417-jon", command="stop-tracking").stdout
    assert "taken again from" in run("4417-jon", "--resume", "--yes", command="stop-tracking").stdout
    assert stops()[0].is_over
    assert run("nobody-at-all", command="stop-tracking").exit_code != 0
