"""A whole Shopalytic on a folder of its own, started as users start it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROLES = {
    "queue": "valkey-server",
    "store": "shopalytic store",
    "web": "shopalytic web",
    "worker": "rq.cli worker",
}


@dataclass
class System:
    """process: the supervisor's. token, secret_key: of the one project."""

    data_dir: Path
    port: int
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    project: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> Any:
        """The JSON that a `shopalytic` command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "shopalytic", *arguments],
            env=self.environment, capture_output=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    def get(self, path: str, secret_key: str | None = None) -> Any:
        key = secret_key or self.project["secret_key"]
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
            raise

    def counters(self) -> dict[str, Any]:
        return dict(self.get("/api/v1/counters"))

    def wait_until_stored(self, *, patience_seconds: float = 600) -> dict[str, Any]:
        """Wait until nothing waits. Gives the counters."""
        ends_at = time.monotonic() + patience_seconds
        while time.monotonic() < ends_at:
            try:
                counters = self.counters()
            except OSError:
                counters = {"waiting": 1}
            if counters["waiting"] == 0:
                return counters
            time.sleep(0.05)
        raise TimeoutError(f"still waiting: {counters}")

    def pids(self) -> dict[int, str]:
        """Process id → command line, of everything that the supervisor started, however deep."""
        parents: dict[int, int] = {}
        commands: dict[int, str] = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                status = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            parents[int(folder.name)] = int(status[1])
            commands[int(folder.name)] = command.strip()
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid: commands[pid] for pid in found if commands.get(pid)}

    def pids_of(self, role: str) -> list[int]:
        return [pid for pid, command in self.pids().items() if ROLES[role] in command]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_system(
    data_dir: Path, *options: str, log: Path | None = None, **settings: str
) -> Iterator[System]:
    """Start `shopalytic up` with these options, make a project, and stop all at the end."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOPALYTIC_")}
    environment |= {"SHOPALYTIC_DATA_DIR": str(data_dir)}
    environment |= {f"SHOPALYTIC_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "shopalytic"]
    data_dir.mkdir(parents=True, exist_ok=True)
    with (log or data_dir / "up.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, "up", "--port", str(port), *options],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    system = System(data_dir, port, process, environment)
    try:
        _wait_until_ready(system)
        system.project = system.run("project", "create", "Another shop", "--json")
        yield system
    finally:
        if process.poll() is None:
            system.stop()


def _wait_until_ready(system: System) -> None:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(system.address + "/readyz", timeout=5):
                return
        except (OSError, urllib.error.HTTPError):
            if system.process.poll() is not None:
                raise RuntimeError(f"shopalytic up ended with {system.process.returncode}") from None
            time.sleep(0.1)
    raise TimeoutError("the system did not become ready in two minutes")
