from __future__ import annotations

import io
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from shopalytic.settings import Settings
from shopalytic.supervisor import run_up
from shopalytic.supervisor.pace import Pace
from shopalytic.supervisor.parts import Part
from tests.supervisor.polling import wait_until

AT_ONCE = Pace(
    first_pause_seconds=0.01, longest_pause_seconds=0.02, shown_after_seconds=0.01, poll_seconds=0.01
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Settings(data_dir=tmp_path / "data", port=port, log_format="console")


class Up:
    """`run_up` with parts of the test's own, in this process; `log` is what it printed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stream = io.StringIO()

    @property
    def log(self) -> str:
        return self.stream.getvalue()

    def run(
        self, parts: Sequence[Part], while_up: Callable[[], None] = lambda: None, pace: Pace = AT_ONCE
    ) -> int:
        """Stopped by SIGTERM as soon as `while_up`, called when all parts are ready, returns or raises."""
        errors: list[BaseException] = []

        def announce() -> None:
            try:
                while_up()
            except BaseException as error:
                errors.append(error)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        code = run_up(
            self.settings, demo=False, announce=announce, parts=parts, pace=pace, stream=self.stream
        )
        if errors:
            raise errors[0]
        return code

    def wait_for_line(self, text: str, times: int = 1) -> None:
        wait_until(lambda: self.log.count(text) >= times, lambda: f"{text!r} in:\n{self.log}")


@pytest.fixture
def up(settings: Settings) -> Up:
    return Up(settings)


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Part]:
    """A part that runs a piece of Python. It knows its name, and `note(text)` adds to the file notes.

    `wait_for(name)` returns once that part can be asked to stop: one without a probe is ready before.
    """
    notes = tmp_path / "notes"
    notes.touch()

    def make(name: str, code: str = "", **options: object) -> Part:
        lines = [
            "import os, signal, subprocess, sys, time",
            f"name, notes = {name!r}, {str(notes)!r}",
            "def note(text):",
            "    with open(notes, 'a') as file: file.write(text + '\\n')",
            "def wait_for(other):",
            "    while f'{other} ' not in open(notes).read(): time.sleep(0.01)",
            "def stop(*_):",
            "    note(name + ' stopped'); sys.exit()",
            "signal.signal(signal.SIGTERM, stop)",
            "note(f'{name} {os.getpid()}')",
            code,
            "signal.pause()",
        ]
        part = Part(name, (sys.executable, "-u", "-I", "-S", "-c", "\n".join(lines)))
        return replace(part, **options)

    return make


@pytest.fixture
def notes(tmp_path: Path, fake: Callable[..., Part]) -> Callable[[], list[str]]:
    return lambda: (tmp_path / "notes").read_text().splitlines()
