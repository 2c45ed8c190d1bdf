"""Commands run in this process, on a data folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shopalytic.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `shopalytic` with these words; output and stderr are kept apart in the result."""

    def run(*words: str, **settings: str) -> Result:
        env = {"SHOPALYTIC_DATA_DIR": str(tmp_path / "data"), **settings}
        return CliRunner().invoke(cli, words, env=env, prog_name="shopalytic")

    return run
