"""Starts and stops the embedded store."""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopalytic.errors import ConfigurationError
from shopalytic.store.server.door import Door
from shopalytic.store.server.engine import Engine
from shopalytic.store.server.folder import Folder
from shopalytic.store.server.options import ServerOptions
from shopalytic.store.server.server import Server

log = logging.getLogger(__name__)

_STOPS = (signal.SIGTERM, signal.SIGINT)


def serve(options: ServerOptions) -> None:
    """Open the engine, answer until SIGTERM or SIGINT, finish what runs, close. Main thread only.

    Once in a process: the engine cannot be opened a second time.
    Raises ConfigurationError (StoreLocked where another process has the folder) or StoreNotOpened, each
    with one sentence; nothing was changed then.
    """
    folder = Folder(options.data_dir)
    try:
        # Before the engine's threads are made: they hold back what the one that makes them does.
        with _held_signals():
            engine = Engine(folder, memory_limit_bytes=options.memory_limit_bytes, fsync=options.fsync)
            try:
                _serve(options, engine, folder)
            finally:
                engine.close()
    finally:
        folder.release()


def _serve(options: ServerOptions, engine: Engine, folder: Folder) -> None:
    password = options.password or secrets.token_urlsafe(24)
    try:
        server = Server(Door, options, engine, folder.scratch, password)
    except OSError as error:
        raise ConfigurationError(
            f"The event store cannot listen on {options.host}:{options.port}: {error.strerror or error}."
        ) from None
    accepting = threading.Thread(target=server.serve_forever, args=(0.5,), name="accept", daemon=True)
    accepting.start()
    try:
        _announce(options, server.server_port, password)
        log.info(
            "event store ready on %s:%s, ClickHouse %s", options.host, server.server_port, engine.version
        )
        signal.sigwait(_STOPS)
    finally:
        _stop(options, server)
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)
    log.info("event store stopped")


def _stop(options: ServerOptions, server: Server) -> None:
    server.is_stopping = True
    server.shutdown()
    server.server_close()
    if not server.wait_until_idle(options.drain_seconds):
        log.warning("statements still ran when the event store stopped; they were cancelled")
        server.slots.stop_all()
        if not server.wait_until_idle(10):
            # Closing the engine under a statement crashes; what is stored is as safe as after a kill.
            log.error("a statement could not be cancelled; the event store ends without closing its engine")
            logging.shutdown()
            os._exit(1)
    server.slots.close()
    server.sessions.close()


@contextmanager
def _held_signals() -> Iterator[None]:
    """Keeps SIGTERM and SIGINT waiting until somebody asks for them.

    Handlers would not do: the engine's threads may be given the signal instead of the main one, which then
    sleeps on, and the engine has an opinion of its own about SIGINT.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        while signal.sigtimedwait(_STOPS, 0):
            # A second signal, sent while the store was stopping already, asks for nothing new.
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _announce(options: ServerOptions, port: int, password: str) -> None:
    if options.ready_file is None:
        return
    host = f"[{options.host}]" if ":" in options.host else options.host
    told = {
        "url": f"http://{options.user}:{password}@{host}:{port}",
        "host": options.host,
        "port": port,
        "user": options.user,
        "password": password,
        "pid": os.getpid(),
    }
    path = options.ready_file.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes a file that only its owner reads; the rename shows it whole or not at all.
    number, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with open(number, "w") as file:  # noqa: PTH123
        json.dump(told, file)
    Path(name).replace(path)
