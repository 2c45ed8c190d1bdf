"""What every command has in common."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shopalytic import __version__
from shopalytic.cli import COMMANDS
from tests.cli.conftest import Run


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_help_page(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0, done.output
    assert f"Usage: shopalytic {name}" in done.output


def test_bad_usage_is_exit_code_2(run: Run) -> None:
    for words in (["projet"], ["project", "create"], ["up", "--port", "many"]):
        done = run(*words)
        assert done.exit_code == 2
        assert "Usage: " in done.stderr


def test_an_error_is_one_sentence_and_exit_code_1(run: Run) -> None:
    done = run("project", "create", "My shop", "--currency", "EURO")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == (
        "Error: 'EURO' is no currency; take a code of ISO 4217 such as EUR. Did you mean EUR?\n"
    )


def test_a_misspelled_setting_is_named(run: Run) -> None:
    done = run("project", "list", SHOPALYTIC_POTR="1")
    assert done.exit_code == 1
    assert done.stderr == "Error: There is no setting SHOPALYTIC_POTR; did you mean SHOPALYTIC_PORT?\n"


def test_a_data_folder_that_is_a_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("project", "list", SHOPALYTIC_DATA_DIR=str(tmp_path / "file"))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: The folder {tmp_path / 'file'} cannot be made: ")


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shopalytic", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{__version__}\n"


def test_the_queues_process_loads_neither_web_nor_database() -> None:
    program = (
        "import sys; from shopalytic.cli import cli; cli.get_command(None, 'queue');"
        "print([name for name in ('flask', 'sqlalchemy', 'chdb', 'clickhouse_connect', 'granian', 'rq')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
