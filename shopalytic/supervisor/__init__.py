"""`shopalytic up`: every part as a process of its own, under one that watches them."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from shopalytic.errors import ConfigurationError
from shopalytic.settings import Settings
from shopalytic.supervisor import preflight
from shopalytic.supervisor.output import Output
from shopalytic.supervisor.pace import Pace
from shopalytic.supervisor.parts import Part, child_environment, list_parts
from shopalytic.supervisor.supervise import Supervisor

LEFT_BEHIND_SECONDS = 30
"""How long the parts of a killed `up` may take to end before they count as somebody else's."""


def run_up(
    settings: Settings,
    *,
    demo: bool,
    announce: Callable[[], None],
    parts: Sequence[Part] | None = None,
    pace: Pace | None = None,
    stream: TextIO | None = None,
) -> int:
    """Run every part until Ctrl-C or SIGTERM, and call `announce`, in a thread, once all are ready.

    parts: None is the real ones, `list_parts`. stream: where all that is logged goes, None is stderr.
    Returns: the exit code; 1 comes with one sentence on `stream` that says what was in the way.
    """
    stream = sys.stderr if stream is None else stream
    folder = settings.data_dir.absolute()
    try:
        if parts is None:
            preflight.check_extras(settings)
            parts = list_parts(settings, demo=demo)
        preflight.open_data_folder(folder)
        lock = preflight.take_run_lock(folder)
    except ConfigurationError as error:
        stream.write(f"{error.message}\n")
        return 1
    output = Output(settings, stream, (part.name for part in parts))
    try:
        _await_free_addresses(settings, lock, output)
        supervisor = Supervisor(
            parts,
            output=output,
            environment=child_environment(settings, form=output.form, colors=output.colors),
            data_dir=folder,
            pace=pace or Pace(),
        )
        return asyncio.run(supervisor.run(announce))
    except ConfigurationError as error:
        stream.write(f"{error.message}\n")
        return 1
    except KeyboardInterrupt:
        return 1
    finally:
        lock.release()


def _await_free_addresses(settings: Settings, lock: preflight.RunLock, output: Output) -> None:
    def check() -> None:
        preflight.check_port(settings.host, settings.port)
        preflight.check_queue_socket(settings)

    try:
        check()
    except ConfigurationError:
        if not lock.left_behind:
            raise
        output.say(logging.INFO, "The last run on this folder was killed; waiting for its parts to end.")
        preflight.retry_for(LEFT_BEHIND_SECONDS, check)
