"""`shopalytic check-identity`, in this process; no worker runs beside it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from shopalytic.audit.record import begin
from shopalytic.cli import cli
from tests.audit.test_check import drop_identity
from tests.privacy.conftest import Shop

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_shop: Shop, valkey_url: str) -> Run:
    parts, address = sqlite_shop.parts, sqlite_shop.parts.store._address
    environ = {
        "SHOPALYTIC_DATA_DIR": str(parts.settings.data_dir),
        "SHOPALYTIC_REDIS_URL": valkey_url,
        "SHOPALYTIC_CLICKHOUSE_URL": str(address),
        "SHOPALYTIC_CLICKHOUSE_DATABASE": parts.store.naming.database,
    }

    def run(*words: str, answer: str = "") -> Result:
        project = ["--project", str(sqlite_shop.project.project_id)]
        return CliRunner().invoke(cli, ["check-identity", *words, *project], env=environ, input=answer)

    return run


def test_it_says_what_was_compared_and_exits_with_0(run: Run) -> None:
    done = run()
    assert done.exit_code == 0, done.output
    assert "3 customers rebuilt from 6 entries, 9 events compared: all the same." in done.stdout
    assert len(done.output.splitlines()) == 1


def test_a_difference_is_told_without_the_id_and_exits_with_1(sqlite_shop: Shop, run: Run) -> None:
    drop_identity(sqlite_shop)
    done = run()
    assert done.exit_code == 1
    assert "1 difference found." in done.stdout
    assert "An id of the ledger is kept as nobody's. email: origin " in done.stdout
    assert "carl@a.example" not in done.stdout
    again = run("--last", "--json")
    (told,) = json.loads(again.stdout)
    assert again.exit_code == 1
    assert (told["check"]["differences"], told["check"]["samples"][0]["kind"]) == (1, "identity_missing")


def test_mending_asks_first_and_exits_with_0(sqlite_shop: Shop, run: Run) -> None:
    drop_identity(sqlite_shop)
    assert run("--mend", answer="n\n").exit_code == 1
    assert run("--last").stdout.endswith("not checked yet.\n")
    done = run("--mend", answer="y\n")
    assert done.exit_code == 0
    assert "1 difference found and mended." in done.stdout
    assert "all the same" in run().stdout


def test_to_mend_what_was_only_looked_up_is_bad_usage(run: Run) -> None:
    assert run("--mend", "--last").exit_code == 2


def test_mending_waits_for_a_check_that_does_not(sqlite_shop: Shop, run: Run) -> None:
    begin(sqlite_shop.parts.sessions, sqlite_shop.project.project_id, asked_by="schedule")
    done = run("--mend", "--yes")
    assert done.exit_code == 1
    assert "A check is under way; mend when it is done." in done.stderr
