"""One part's process: started, its output passed on, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

from shopalytic.supervisor.output import ESCAPE, Output
from shopalytic.supervisor.parts import Part

LEASH = Path(__file__).with_name("leash.py")
KEPT_LINES = 20
LINE_LIMIT_BYTES = 64 * 1024
NUMBERS = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


class Run:
    """From one start of a part to its end.

    muted: its lines are kept, not shown: of a part that dies at every start, one time is enough.
    """

    def __init__(self, part: Part, output: Output, *, muted: bool) -> None:
        self.part = part
        self.muted = muted
        self.is_ready = False
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._relay: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[int] | None = None

    def start(self, environment: Mapping[str, str], waiters: Executor) -> None:
        """Called once. In a session of its own, so that Ctrl-C on the terminal reaches the supervisor alone."""
        command = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *self.part.command]
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        loop = asyncio.get_running_loop()
        self._ended = asyncio.ensure_future(loop.run_in_executor(waiters, self._process.wait))
        self._relay = asyncio.create_task(self._pass_on(self._process))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._ended is not None and not self._ended.done()

    async def wait(self) -> int:
        """Its exit code, or minus the signal's number; by then its last line was passed on, and whatever
        it had started is killed: a web worker that outlives its master would keep the port."""
        assert self._ended is not None and self._relay is not None
        code = await asyncio.shield(self._ended)
        self.kill()
        # Whoever left the session lives on, and may hold the pipe open.
        await asyncio.wait({self._relay}, timeout=2)
        self._relay.cancel()
        return code

    async def stop(self) -> bool:
        """Ask it to end, and wait; False where it had to be killed."""
        # It may have ended without anybody having been told yet.
        with contextlib.suppress(ProcessLookupError):
            if self.is_alive:
                os.kill(self.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(self.wait(), self.part.grace_seconds)
        except TimeoutError:
            self.kill()
            await self.wait()
            return False
        return True

    def kill(self) -> None:
        """Kill it and all that it started. Harmless where nothing is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def unmute(self) -> None:
        """Show what was kept, and from now on each line as it comes."""
        if self.muted:
            self.muted = False
            for line in self.lines:
                self._show(line)

    def manner_of_death(self) -> str:
        """Its last lines without what differs between two deaths of the same cause: numbers and ids."""
        return NUMBERS.sub("#", "\n".join(ESCAPE.sub("", line) for line in self.lines))

    async def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), process.stdout
        )
        try:
            rest = b""
            while chunk := await reader.read(LINE_LIMIT_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self.take_line(line.decode(errors="replace"))
                if len(rest) >= LINE_LIMIT_BYTES:
                    self.take_line(rest.decode(errors="replace"))
                    rest = b""
            if rest:
                self.take_line(rest.decode(errors="replace"))
        finally:
            transport.close()

    def take_line(self, line: str) -> None:
        line = line.rstrip("\r")
        self.lines.append(line)
        if not self.muted:
            self._show(line)

    def _show(self, line: str) -> None:
        parsed = self.part.parse_line(line) if self.part.parse_line else None
        if parsed:
            self._output.say(*parsed, part=self.part.name)
        else:
            self._output.pass_on(self.part.name, line)


def describe_exit(code: int) -> str:
    """`exit code 1`, or `signal SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
