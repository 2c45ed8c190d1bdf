"""A collector that answers as a test tells it, and clients that send to it."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from shopalytic.client import Client, Failure
from shopalytic.client import sender as sender_module

PATIENCE_SECONDS = 20


@dataclass
class Answer:
    """hangs_up: the connection is cut without a word. takes: the messages are in the queue all the same."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False
    takes: bool = False


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    items: list[dict[str, Any]]


class Collector(ThreadingHTTPServer):
    """Gives the answers of `script` in their order, then accepts all. A 413 there is not for a single message.

    held: no answer before it is set.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.script: list[Answer] = []
        self.judge: Callable[[dict[str, Any]], str | None] = lambda item: None
        self.items_limit = 500
        self.requests: list[Request] = []
        self.accepted: list[dict[str, Any]] = []
        self.held = threading.Event()
        self.held.set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def wait_for_requests(self, count: int) -> list[Request]:
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while len(self.requests) < count:
            assert time.monotonic() < ends_at, f"{len(self.requests)} of {count} requests came"
            time.sleep(0.005)
        return self.requests

    def answer(self, items: list[dict[str, Any]]) -> Answer:
        if self.script:
            answer = self.script.pop(0)
            if answer.status == 413 and len(items) == 1:
                return self.answer(items)
            if answer.takes:
                self.accepted += items
            return answer
        if len(items) > self.items_limit:
            return Answer(413, {"error": {"code": "too_large", "message": "The body is too large."}})
        results = []
        for number, item in enumerate(items):
            reason = self.judge(item)
            if reason is None:
                self.accepted.append(item)
                results.append({"status": "accepted"})
            else:
                results.append({"status": "rejected", "error": reason, "at": f"events[{number}].event"})
        return Answer(200, {"accepted": 0, "results": results})


class _Answering(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(sent) if self.headers.get("Content-Encoding") == "gzip" else sent
        items = json.loads(body)["events"]
        self.server.requests.append(Request(self.path, dict(self.headers), sent, items))
        self.server.held.wait(PATIENCE_SECONDS)
        answer = self.server.answer(items)
        if answer.hangs_up:
            self.close_connection = True
            return
        text = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        raise AssertionError("the client followed a redirect")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.held.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def failures() -> list[Failure]:
    return []


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would wait between tries; it goes on at once."""
    asked: list[float] = []

    def pause(_: Any, seconds: float, ends_at: float | None = None) -> bool:
        asked.append(seconds)
        return True

    monkeypatch.setattr(sender_module.Sender, "_pause", pause)
    return asked


Make = Callable[..., Client]


@pytest.fixture
def make(collector: Collector, failures: list[Failure]) -> Iterator[Make]:
    """Clients of this collector; sends after an hour, or when told."""
    made: list[Client] = []

    def make_client(**options: Any) -> Client:
        settings = {"flush_interval_seconds": 3600, "on_error": failures.append} | options
        key = settings.pop("key", "sha_sec_of_a_test")
        address = settings.pop("address", collector.address)
        made.append(Client(key, address, **settings))
        return made[-1]

    yield make_client
    collector.held.set()
    for client in made:
        client.close(timeout=PATIENCE_SECONDS)
