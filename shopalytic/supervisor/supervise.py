"""Starts the parts in order, and stops them in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shopalytic.supervisor.keeper import Keeper, StartFailed
from shopalytic.supervisor.output import Output
from shopalytic.supervisor.pace import Pace
from shopalytic.supervisor.parts import Part
from shopalytic.supervisor.preflight import is_disk_full


class Supervisor:
    """Made for one `run`."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        output: Output,
        environment: Mapping[str, str],
        data_dir: Path,
        pace: Pace,
    ) -> None:
        self._parts = parts
        self._output = output
        self._environment = environment
        self._data_dir = data_dir
        self._pace = pace
        self._keepers: list[Keeper] = []

    async def run(self, announce: Callable[[], None]) -> int:
        """Start every part, call `announce` once all are ready, stop at SIGINT, SIGTERM or SIGHUP.

        Returns: 0 after a stop that was asked for, 1 where a part could not be started. A second signal
        while stopping kills what is left.
        """
        asked_to_stop, asked_to_kill = asyncio.Event(), asyncio.Event()
        # One thread waits for each process's end, and announcing takes one.
        threads = ThreadPoolExecutor(len(self._parts) + 1)
        with threads, _signals(asked_to_stop, asked_to_kill):
            starting = asyncio.create_task(self._start(announce, threads))
            asked = asyncio.create_task(asked_to_stop.wait())
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            failed = starting.done() and not starting.result()
            if not failed:
                await asked
            starting.cancel()
            asked.cancel()
            await self._stop(asked_to_kill)
        return 1 if failed else 0

    async def _start(self, announce: Callable[[], None], threads: ThreadPoolExecutor) -> bool:
        """False where a part could not be started."""
        for part in self._parts:
            keeper = Keeper(
                part,
                output=self._output,
                environment=self._environment,
                pace=self._pace,
                waiters=threads,
                after_death=self._tell_full_disk,
            )
            self._keepers.append(keeper)
            try:
                await keeper.start()
            except StartFailed:
                return False
        try:
            await asyncio.get_running_loop().run_in_executor(threads, announce)
        except Exception as error:
            self._output.say(logging.ERROR, f"All parts run, but telling so failed: {error!r}")
        return True

    async def _stop(self, asked_to_kill: asyncio.Event) -> None:
        names = [keeper.part.name for keeper in reversed(self._keepers) if keeper.is_alive]
        if names:
            self._output.say(logging.INFO, f"Stopping {', '.join(names)}; a second Ctrl-C kills them.")
        orderly = asyncio.create_task(self._stop_in_order())
        impatient = asyncio.create_task(asked_to_kill.wait())
        await asyncio.wait({orderly, impatient}, return_when=asyncio.FIRST_COMPLETED)
        if not orderly.done():
            self._output.say(logging.WARNING, "Killing what still runs.")
            for keeper in self._keepers:
                keeper.kill()
        impatient.cancel()
        await orderly
        self._output.say(logging.INFO, "Stopped.")

    async def _stop_in_order(self) -> None:
        for keeper in reversed(self._keepers):
            await keeper.stop()

    def _tell_full_disk(self) -> None:
        """The parts tell of a full disk in words of their own, or just end."""
        with contextlib.suppress(OSError):
            if is_disk_full(self._data_dir):
                self._output.say(
                    logging.ERROR, f"The disk that holds the data folder {self._data_dir} is full."
                )


@contextlib.contextmanager
def _signals(asked_to_stop: asyncio.Event, asked_to_kill: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def ask() -> None:
        (asked_to_kill if asked_to_stop.is_set() else asked_to_stop).set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    # Under nohup SIGHUP is ignored, and has to stay so.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, ask)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
