"""Keeps one part running: starts it, waits until it is ready, starts it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

from shopalytic.supervisor.output import Output
from shopalytic.supervisor.pace import Pace
from shopalytic.supervisor.parts import Part
from shopalytic.supervisor.probe import is_answering
from shopalytic.supervisor.run import Run, describe_exit


class StartFailed(Exception):
    """A part could not be started; the reason was said already."""


class Keeper:
    """Made for one `start` and one `stop`."""

    def __init__(
        self,
        part: Part,
        *,
        output: Output,
        environment: Mapping[str, str],
        pace: Pace,
        waiters: Executor,
        after_death: Callable[[], None],
    ) -> None:
        self.part = part
        self._output = output
        self._environment = environment
        self._pace = pace
        self._waiters = waiters
        self._after_death = after_death
        self._run: Run | None = None
        self._task: asyncio.Task[None] | None = None
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = asyncio.Event()
        self._last_death = ""
        self._deaths_before_ready = 0

    async def start(self) -> None:
        """Returns once the part is ready, or has done its one work; StartFailed where that never comes."""
        self._task = asyncio.create_task(self._keep())
        await asyncio.shield(self._started)

    async def stop(self) -> None:
        """Ask the part to end, kill it when its grace is over, and do not start it again."""
        self._stopping.set()
        if self._run is not None and self._run.is_alive and not await self._run.stop():
            self._say(
                logging.WARNING,
                f"{self.part.name} did not stop within {self.part.grace_seconds:g} s and was killed.",
            )
        if self._task is not None:
            await self._task

    def kill(self) -> None:
        self._stopping.set()
        if self._run is not None:
            self._run.kill()

    @property
    def is_alive(self) -> bool:
        return self._run is not None and self._run.is_alive

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        pause_seconds = 0.0
        while not self._stopping.is_set():
            run = self._run = Run(self.part, self._output, muted=bool(self._last_death))
            started_at = loop.time()
            code = await self._run_once(run, started_at)
            if self._stopping.is_set() or self._is_finished(run, code):
                return
            pause_seconds = self._pace.next_pause_seconds(pause_seconds, loop.time() - started_at)
            self._tell_death(run, code, pause_seconds)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_seconds)

    async def _run_once(self, run: Run, started_at: float) -> int:
        try:
            run.start(self._environment, self._waiters)
        except OSError as error:  # no more processes, no more memory
            run.take_line(f"{self.part.command[0]} cannot be started: {error.strerror}")
            return 127
        watch = asyncio.create_task(self._watch(run, started_at))
        try:
            return await run.wait()
        finally:
            watch.cancel()

    async def _watch(self, run: Run, started_at: float) -> None:
        """Notice that it is ready: by its probe, or, where it has none, by its not dying."""
        name, probe = self.part.name, self.part.probe
        if self.part.once:
            return
        if probe is None:
            self._say(logging.INFO, f"{name} runs.")
            self._set_started()
            await asyncio.sleep(self._pace.shown_after_seconds)
        else:
            while not await is_answering(probe):
                await asyncio.sleep(self._pace.poll_seconds)
            seconds = asyncio.get_running_loop().time() - started_at
            self._say(logging.INFO, f"{name} is ready after {seconds:.1f} s.")
            self._set_started()
        run.is_ready = True
        run.unmute()

    def _is_finished(self, run: Run, code: int) -> bool:
        """Whether there is nothing more to start: its one work is done, or it will not start."""
        name = self.part.name
        if self.part.once and code == 0:
            self._say(logging.INFO, f"{name} is done.")
            self._set_started()
            return True
        if self._started.done():
            return False
        self._deaths_before_ready += 1
        if self._deaths_before_ready < self._pace.start_attempts:
            return False
        self._show_new_death(run)
        self._say(
            logging.ERROR,
            f"{name} could not be started: it ended {self._deaths_before_ready} times, "
            f"the last time with {describe_exit(code)}.",
        )
        self._after_death()
        self._started.set_exception(StartFailed(name))
        return True

    def _tell_death(self, run: Run, code: int, pause_seconds: float) -> None:
        again = " in the same way" if run.muted and not self._show_new_death(run) else ""
        self._say(
            logging.WARNING,
            f"{self.part.name} ended{again} with {describe_exit(code)}; next start in {pause_seconds:g} s.",
        )
        self._after_death()
        self._last_death = "" if run.is_ready else run.manner_of_death() or describe_exit(code)

    def _show_new_death(self, run: Run) -> bool:
        """Show what a muted run said, unless the one before it said the same."""
        if not run.muted or run.manner_of_death() == self._last_death:
            return False
        run.unmute()
        return True

    def _set_started(self) -> None:
        if not self._started.done():
            self._started.set_result(None)

    def _say(self, level: int, sentence: str) -> None:
        self._output.say(level, sentence)
