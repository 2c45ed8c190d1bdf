"""The statements that run: a bounded number at once, each stopped when its client has gone."""

from __future__ import annotations

import os
import select
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from shopalytic.store.server.failures import (
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    ClientGone,
    refusal,
)

_AGAIN_SECONDS = 0.2
_CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Running:
    """One statement from its arrival to its last byte; its id, unlike any other's that runs, tags it in the engine."""

    def __init__(self, query_id: str, connection: socket.socket) -> None:
        self.query_id = query_id
        self.socket = connection
        self.may_be_stopped = False
        self.is_abandoned = False

    def check(self) -> None:
        """Raises ClientGone once nobody waits for the answer."""
        if self.is_abandoned:
            raise ClientGone("The client closed the connection while its statement ran.")


class Slots:
    """Lets `threads` statements run, `waiting_limit` more wait, and refuses the next.

    kill: stops the statement of this query id in the engine; called again until the statement has ended, because it
    may be asked to stop just before it starts.
    """

    def __init__(self, threads: int, waiting_limit: int, kill: Callable[[str], None]) -> None:
        self._threads = threads
        self._limit = threads + waiting_limit
        self._free = threading.Semaphore(threads)
        self._kill = kill
        self._all: dict[str, Running] = {}
        self._lock = threading.Lock()
        self._ears, self._mouth = os.pipe()
        os.set_blocking(self._ears, False)
        os.set_blocking(self._mouth, False)
        self._is_closed = False
        self._watch = threading.Thread(target=self._watch_clients, name="client-watch", daemon=True)
        self._watch.start()

    @contextmanager
    def hold(self, query_id: str, connection: socket.socket) -> Iterator[Running]:
        """Wait for a free thread. Raises StatementFailed (202 when too many wait, 216 for an id that runs)."""
        running = self._enter(query_id, connection)
        try:
            while not self._free.acquire(timeout=_AGAIN_SECONDS):
                running.check()
            try:
                yield running
            finally:
                self._free.release()
        finally:
            with self._lock:
                del self._all[running.query_id]
            self._wake()

    def stop_all(self) -> None:
        """Cancel whatever still runs or waits."""
        with self._lock:
            for running in self._all.values():
                running.is_abandoned = running.may_be_stopped = True
        self._wake()

    def close(self) -> None:
        self._is_closed = True
        self._wake()
        self._watch.join()
        os.close(self._ears)
        os.close(self._mouth)

    def _enter(self, query_id: str, connection: socket.socket) -> Running:
        running = Running(query_id or str(uuid.uuid4()), connection)
        with self._lock:
            if running.query_id in self._all:
                raise refusal(
                    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
                    f"Query with id = {running.query_id} is already running.",
                )
            if len(self._all) >= self._limit:
                raise refusal(
                    TOO_MANY_SIMULTANEOUS_QUERIES,
                    f"Too many simultaneous queries. Maximum: {self._threads}, waiting: {self._limit - self._threads}.",
                )
            self._all[running.query_id] = running
        self._wake()
        return running

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._mouth, b"x")

    def _watch_clients(self) -> None:
        """Sees a client's hang-up while the statement's own thread is inside the engine."""
        while not self._is_closed:
            with self._lock:
                watched = [running for running in self._all.values() if not running.is_abandoned]
                abandoned = [running for running in self._all.values() if running.is_abandoned]
            for running in abandoned:
                if running.may_be_stopped:
                    self._kill(running.query_id)
            poll = select.poll()
            poll.register(self._ears, select.POLLIN)
            by_number: dict[int, Running] = {}
            for running in watched:
                number = running.socket.fileno()
                if number >= 0:
                    by_number[number] = running
                    poll.register(number, _CLOSED)
            for number, event in poll.poll(_AGAIN_SECONDS * 1000 if abandoned else None):
                if number == self._ears:
                    with suppress(BlockingIOError):
                        os.read(self._ears, 4096)
                elif event & _CLOSED:
                    by_number[number].is_abandoned = True
