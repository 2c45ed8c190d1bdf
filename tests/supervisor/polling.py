from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE_SECONDS = 60


def wait_until(condition: Callable[[], object], what: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never came: {what()}")
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie that nobody has waited for."""
    try:
        os.kill(pid, 0)
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
