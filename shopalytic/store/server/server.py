"""Listens, and knows what is going on: requests, statements, sessions."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from shopalytic.store.server.engine import Engine
from shopalytic.store.server.options import ServerOptions
from shopalytic.store.server.running import Slots
from shopalytic.store.server.sessions import Sessions

log = logging.getLogger(__name__)

_REST_SECONDS = 3.0
"""After so long without a request the engine gives memory back to the system; it keeps it for ever otherwise."""


class Server(ThreadingHTTPServer):
    """A thread for each connection; the statements among them take turns on `slots`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(
        self,
        door: type[BaseHTTPRequestHandler],
        options: ServerOptions,
        engine: Engine,
        scratch: Path,
        password: str,
    ) -> None:
        self.options = options
        self.engine = engine
        self.scratch = scratch
        self.password = password
        self.sessions = Sessions(engine)
        self.slots = Slots(options.threads, options.waiting_limit, engine.kill)
        self.is_stopping = False
        self._idle = threading.Condition()
        self._served = 0
        self._rest_from: float | None = None
        if ":" in options.host:
            self.address_family = socket.AF_INET6
        super().__init__((options.host, options.port), door)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Around one request, from its first line to its answer's last byte: a stop waits for it."""
        with self._idle:
            self._served += 1
        try:
            yield
        finally:
            with self._idle:
                self._served -= 1
                self._rest_from = time.monotonic()
                self._idle.notify_all()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Whether no request is being served any more, within the time given."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._served, timeout_seconds)

    def service_actions(self) -> None:
        """Called about twice a second by the thread that accepts connections."""
        with self._idle:
            is_due = self._rest_from is not None and not self._served
            if not is_due or time.monotonic() - (self._rest_from or 0) < _REST_SECONDS:
                return
            self._rest_from = None
        self.engine.release_memory()

    def server_bind(self) -> None:
        # The base class asks the name service for this host's name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            log.exception("A connection to the event store failed")
