"""The processes that `shopalytic up` runs, in the order of their start. They are stopped in the reverse one."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shopalytic.settings import PREFIX, Settings
from shopalytic.supervisor.probe import Probe, find_store_address, http_get, ping, reachable_host
from shopalytic.supervisor.queue import parse_valkey_line

PYTHON = (sys.executable, "-P")
"""-P: a file of the folder where `up` is typed, redis.py for example, must not be taken for the library."""


@dataclass(frozen=True)
class Part:
    """One process.

    probe: what it must answer before the next part is started; None: it counts as ready once it runs.
    grace_seconds: how long it may take to stop before it is killed.
    once: it does its work and ends, and the next part waits for that.
    parse_line: a line of its output as log level and sentence, None where the line stands for itself.
    """

    name: str
    command: tuple[str, ...]
    probe: Probe | None = None
    grace_seconds: float = 10
    once: bool = False
    parse_line: Callable[[str], tuple[int, str] | None] | None = None


def list_parts(settings: Settings, *, demo: bool = False) -> list[Part]:
    """Web is last, and so the first to stop: what was accepted is then processed by the parts behind it."""
    shopalytic = (*PYTHON, "-m", "shopalytic")
    rq = (*PYTHON, "-m", "rq.cli")
    package, folder = find_worker_package()
    config = ("-c", f"{package}.settings", "--path", str(folder))
    worker = (
        *(*rq, "worker", *config, "-w", "rq.worker.SimpleWorker", "--disable-job-desc-logging"),
        # What a killed worker left in RQ's registries is cleared by this; RQ's own default is ten minutes.
        *("--maintenance-interval", "60"),
    )
    names = (
        ["worker"]
        if settings.worker_processes == 1
        else [f"worker{number}" for number in range(1, settings.worker_processes + 1)]
    )
    parts = [
        Part(
            "queue",
            (*shopalytic, "queue"),
            probe=ping(settings.queue_socket),
            grace_seconds=30,
            parse_line=parse_valkey_line,
        ),
        Part(
            "store",
            (*shopalytic, "store"),
            probe=http_get("/ping", lambda: find_store_address(settings.store_address_file)),
            grace_seconds=30,
        ),
        Part("migrate", (*shopalytic, "migrate"), once=True),
        *(Part(name, worker, grace_seconds=60) for name in names),
        Part("schedule", (*rq, "cron", *config, f"{package}.schedule"), grace_seconds=5),
        Part(
            "web",
            (*shopalytic, "web"),
            probe=http_get("/healthz", lambda: (reachable_host(settings.host), settings.port)),
            grace_seconds=20,
        ),
    ]
    if demo:
        shop = http_get("/", lambda: (reachable_host(settings.host), settings.port + 1))
        parts.append(Part("demo", (*shopalytic, "demo"), probe=shop, grace_seconds=5))
    elsewhere = {"queue": settings.redis_url, "store": settings.clickhouse_url}
    return [part for part in parts if not elsewhere.get(part.name)]


def find_worker_package() -> tuple[str, Path]:
    """The package that rq loads, and the folder to find it in: the wheel keeps it inside `shopalytic`."""
    root = Path(__file__).resolve().parents[2]
    if importlib.util.find_spec("shopalytic.worker") is not None:
        return "shopalytic.worker", root
    return "worker", root


def child_environment(
    settings: Settings, *, colors: bool, form: str, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """This process's environment with every setting spelled out, so that a child reads the same ones.

    form: the log form; a child writes to a pipe and could not tell that a terminal is behind it.
    """
    environment = dict(os.environ if environ is None else environ)
    for name in Settings.__struct_fields__:
        value = getattr(settings, name)
        environment.pop(PREFIX + name.upper(), None)
        if value is not None and value != "":
            environment[PREFIX + name.upper()] = str(value)
    environment[f"{PREFIX}DATA_DIR"] = str(settings.data_dir.absolute())
    environment[f"{PREFIX}LOG_FORMAT"] = form
    environment["PYTHONUNBUFFERED"] = "1"
    if colors:
        environment["FORCE_COLOR"] = "1"
    package, root = find_worker_package()
    if package == "worker":
        # In a checkout that is not installed, the folder where `up` was typed is what made it importable.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), environment.get("PYTHONPATH")]))
    return environment
