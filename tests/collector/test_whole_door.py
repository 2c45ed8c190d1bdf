"""The doors as users reach them: under the real server, into a real queue."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.projects import create_project
from shopalytic.events.parse import Parsed, parse_envelope, parse_message
from shopalytic.settings import Settings
from shopalytic.stream import Stream
from tests.servers import running_valkey

APPLICATION = """
from flask import Flask
import shopalytic.collector
from shopalytic.parts import open_parts
from shopalytic.settings import load_settings

def create():
    parts = open_parts(load_settings())
    app = Flask("shopalytic")
    shopalytic.collector.register(app, parts)
    return shopalytic.collector.front(app.wsgi_app, parts)
"""


@dataclass
class Server:
    port: int
    token: str
    stream: Stream

    def message(self, number: int = 0) -> bytes:
        members = {"token": self.token, "event": "page_view", "tracking_id": "v", "message_id": f"m-{number}"}
        return json.dumps(members).encode()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("door")
    (folder / "door_application.py").write_text(APPLICATION)
    settings = Settings(data_dir=folder)
    upgrade(settings.relational_url)
    engine = make_engine(settings.relational_url)
    with make_sessions(engine).begin() as db:
        token = create_project(db, "Shop").token
    engine.dispose()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with running_valkey() as queue_url:
        environment = os.environ | {
            "SHOPALYTIC_DATA_DIR": str(folder),
            "SHOPALYTIC_REDIS_URL": queue_url,
            "PYTHONPATH": str(folder),
        }
        # A worker may miss the signal to end where that comes soon after its start: then it is killed.
        options = [
            "--interface",
            "wsgi",
            "--http",
            "1",
            "--blocking-threads",
            "4",
            "--workers-kill-timeout",
            "5",
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "granian", *options, "--port", str(port), "--factory", "door_application:create"],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stream = Stream(queue_url, partitions=2)
        try:
            _wait_for(port)
            yield Server(port, token, stream)
        finally:
            process.terminate()
            process.wait(timeout=30)
            stream.client.close()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("the server did not start")


def test_what_is_answered_with_a_2xx_is_in_the_queue_and_readable(server: Server) -> None:
    connection = server.connect()
    for number in range(3):
        connection.request("POST", "/track", server.message(number), {"User-Agent": "Browser/1"})
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["message_id"]) == (200, f"m-{number}")
    connection.close()
    entries = [entry for number in range(2) for entry in _entries(server.stream, number)]
    parsed = [parse_message(parse_envelope(entry), 1_800_000_000_000) for entry in entries]
    assert [item.event.message_id for item in parsed if isinstance(item, Parsed)] == ["m-0", "m-1", "m-2"]
    assert [item.user_agent for item in parsed if isinstance(item, Parsed)] == ["Browser/1"] * 3


def _entries(stream: Stream, number: int) -> list[bytes]:
    key = f"{{shopalytic:{number}}}:stream"
    return [next(iter(fields.values())) for _, fields in stream.client.xrange(key)]


def test_a_chunked_body_is_taken(server: Server) -> None:
    connection = server.connect()
    message = server.message(9)
    connection.request("POST", "/track", iter([message[:10], message[10:]]), encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_five_megabytes_are_told_that_they_are_too_much(server: Server, is_chunked: bool) -> None:
    connection = server.connect()
    body = b'{"a":"' + b"x" * 5_000_000 + b'"}'
    connection.request("POST", "/batch", iter([body]) if is_chunked else body, encode_chunked=is_chunked)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["error"]["code"]) == (413, "too_large")
    connection.close()


def test_headers_of_any_bytes_do_not_fail(server: Server) -> None:
    request = (
        b"POST /track HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: Br\xc3\xb6wser \xff\xed\xa0\xbd\r\n"
        b"Origin: https://\xff.test\r\nCookie: _sha=\xff\r\nAuthorization: Basic \xff\r\nContent-Length: %d\r\n\r\n"
    )
    message = server.message(10)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request % len(message) + message)
        status = connection.recv(1000).split(b"\r\n")[0].split()[1]
    assert status in (b"200", b"400")


def test_a_client_that_leaves_in_the_middle_leaves_the_server_well(server: Server) -> None:
    for _ in range(6):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as leaving:
            leaving.sendall(b"POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{")
    connection = server.connect()
    connection.request("POST", "/track", server.message(11))
    assert connection.getresponse().status == 200
    connection.close()
