"""A real HTTP server for browser tests: it serves pages and `static/`, and records what it is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

STATIC = Path(__file__).parents[2] / "static"
DEADLINE_SECONDS = 15


@dataclass
class Request:
    """One request as it came in; `body` is the parsed JSON where there was any."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes
    arrived: float


@dataclass
class Answer:
    """What the collector says to one POST; status 0 closes the connection without a word."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0


@dataclass
class PageFile:
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/html; charset=utf-8"


class Collector:
    """Serves pages and `static/`, records every POST and OPTIONS, answers 200 unless `answers` says otherwise."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.pages: dict[str, PageFile] = {}
        self.sets_cookie_again = False
        """As a collector on the shop's own host does: the answer sets the cookie that the request carried."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str = "", host: str = "collect.test") -> str:
        return f"http://{host}:{self.port}{path}"

    def add_page(self, path: str, html: str, **headers: str) -> None:
        self.pages[path] = PageFile(html, {name.replace("_", "-"): value for name, value in headers.items()})

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Every message of every POST, in order of arrival; one that was sent twice stands there twice."""
        return [
            message
            for request in self.posts
            if isinstance(request.body, dict)
            for message in request.body.get("events", [request.body])
        ]

    def named(self, event: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("event", message.get("type")) == event]

    def wait_for(self, condition: Callable[[], Any], page: Page | None = None) -> Any:
        """Until the condition holds, at most 15 s; the page, where given, keeps its events flowing."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (value := condition()):
            if time.monotonic() > deadline:
                told = [(request.method, request.path, request.body) for request in self.requests]
                raise AssertionError(f"not within {DEADLINE_SECONDS} s; the collector got {told}")
            if page is not None and not page.is_closed():
                page.wait_for_timeout(20)
            else:
                time.sleep(0.02)
        return value

    def wait_for_event(self, event: str, count: int = 1, page: Page | None = None) -> list[dict[str, Any]]:
        self.wait_for(lambda: len(self.named(event)) >= count, page)
        return self.named(event)

    def answer_to(self, request: Request) -> Answer:
        with self._lock:
            return self.answers.pop(0) if self.answers else Answer()

    def _handler(collector) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _record(self) -> Request:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    body = json.loads(raw)
                except ValueError:
                    body = raw
                request = Request(
                    self.command, self.path, dict(self.headers.items()), body, raw, time.monotonic()
                )
                with collector._lock:
                    collector.requests.append(request)
                return request

            def do_OPTIONS(self) -> None:
                self._record()
                self._send(
                    204, b"", {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
                )

            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                page = collector.pages.get(path)
                file = STATIC / path.lstrip("/")
                if page is not None:
                    self._send(200, page.html.encode(), {"Content-Type": page.content_type, **page.headers})
                elif path.count("/") == 1 and file.is_file():
                    headers = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}
                    self._send(200, file.read_bytes(), headers)
                else:
                    self._send(404, b"", {})

            def do_POST(self) -> None:
                request = self._record()
                answer = collector.answer_to(request)
                if answer.delay_seconds:
                    time.sleep(answer.delay_seconds)
                if not answer.status:
                    self.close_connection = True
                    return
                body = answer.body
                if body is None:
                    body = {"status": "accepted"}
                    if isinstance(request.body, dict) and "events" in request.body:
                        results = [body for _ in request.body["events"]]
                        body = {"accepted": len(results), "results": results}
                headers = {
                    "Content-Type": "application/json",
                    "Access-Control-Allow-Origin": "*",
                    "Access-Control-Expose-Headers": "Retry-After",
                    **answer.headers,
                }
                if collector.sets_cookie_again and "Cookie" in request.headers:
                    domain = parse_qs(urlsplit(request.path).query, keep_blank_values=True)["d"][0]
                    cookie = request.headers["Cookie"] + "; Path=/; Max-Age=9999999"
                    headers["Set-Cookie"] = cookie + (f"; Domain={domain}" if domain else "")
                self._send(answer.status, json.dumps(body).encode(), headers)

        return Handler
