"""The store's folder: who may use it, and what it says when it cannot be used."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path

from shopalytic.errors import ConfigurationError
from shopalytic.store.server.failures import StoreLocked, StoreNotOpened

_NEEDED_BYTES = 16 << 20
"""Less than this and the engine fails at its first merge, if not at its start."""


class Folder:
    """`engine/` (the engine's own), `scratch/` (emptied at each start), `lock`, `engine.xml`.

    The lock is held until `release` or the end of the process, however that comes.

    Raises StoreLocked, ConfigurationError for a folder that cannot be written, StoreNotOpened for a full disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.engine = self.path / "engine"
        self.scratch = self.path / "scratch"
        if "?" in str(self.path):
            raise ConfigurationError(f"The event store's folder must not have a ? in its name: {self.path}.")
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _failure(self.path, error) from None
        try:
            self._take()
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir()
            os.truncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
            room = os.statvfs(self.path)
        except OSError as error:
            os.close(self._lock)
            raise _failure(self.path, error) from None
        if room.f_bavail * room.f_frsize < _NEEDED_BYTES:
            os.close(self._lock)
            raise StoreNotOpened(_full(self.path))

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            raise StoreLocked(
                f"The event store in {self.path} is already open in another process (pid {holder}); "
                "only one may use it at a time."
            ) from None

    def release(self) -> None:
        with suppress(OSError):
            os.close(self._lock)


def explain(path: Path, error: Exception) -> str:
    """One sentence for an engine that does not start."""
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
        return _full(path)
    if "Cannot lock file" in str(error):
        return f"The event store in {path} is already open in another process; only one may use it at a time."
    if "initializing EmbeddedServer" in str(error):
        return (
            f"The event store in {path} cannot be opened: the engine did not start; its own message is above."
        )
    return f"The event store in {path} cannot be opened: {error}"


def _full(path: Path) -> str:
    return f"The event store in {path} cannot be opened: the disk is full; make room and start again."


def _failure(path: Path, error: OSError) -> Exception:
    if error.errno == errno.ENOSPC:
        return StoreNotOpened(_full(path))
    return ConfigurationError(f"The event store's folder {path} cannot be used: {error.strerror or error}.")
