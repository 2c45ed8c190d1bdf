"""A real embedded store in a process of its own, so that pytest itself never loads the engine."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

START_DEADLINE_SECONDS = 60


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> int | None:
        code = self.headers["X-ClickHouse-Exception-Code"]
        return int(code) if code else None

    @property
    def summary(self) -> dict[str, int]:
        return {name: int(value) for name, value in json.loads(self.headers["X-ClickHouse-Summary"]).items()}


class StoreProcess:
    """One `python -m shopalytic.store.server`; `kill` and `start` again keep the folder."""

    def __init__(self, folder: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.options = options
        self.environment = environment
        self.ready_file = folder / "ready.json"
        self.process: subprocess.Popen[str] | None = None
        self.told: dict[str, Any] = {}

    def start(self) -> StoreProcess:
        self.ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "shopalytic.store.server", str(self.folder / "store")]
        command += ["--ready-file", str(self.ready_file), *self.options]
        environment = {**os.environ, **(self.environment or {})}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        deadline = time.monotonic() + START_DEADLINE_SECONDS
        while not self.ready_file.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"the store ended at its start: {self.complaint()}")
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError("the store did not start")
            time.sleep(0.01)
        self.told = json.loads(self.ready_file.read_text())
        return self

    def complaint(self) -> str:
        assert self.process is not None and self.process.stderr is not None
        return self.process.stderr.read()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._end()

    def _end(self) -> int:
        assert self.process is not None and self.process.stderr is not None
        code = self.process.wait(60)
        self.process.stderr.close()
        return code

    @property
    def port(self) -> int:
        return int(self.told["port"])

    @property
    def authorization(self) -> dict[str, str]:
        pair = f"{self.told['user']}:{self.told['password']}".encode()
        return {"Authorization": "Basic " + b64encode(pair).decode()}

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(
        self,
        method: str = "POST",
        path: str = "/",
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> Answer:
        """One request over a connection of its own; keyword arguments become URL parameters."""
        url = path + ("?" + urlencode(parameters) if parameters else "")
        data = body.encode() if isinstance(body, str) else body
        if data is None and method == "POST":
            data = b""
        connection = self.connect()
        try:
            connection.request(method, url, data, {**self.authorization, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def run(self, sql: str, **parameters: Any) -> str:
        """The answer's text without its last line break; fails the test where the store refuses."""
        answer = self.request(body=sql, **parameters)
        assert answer.status == 200, answer.text
        return answer.text.rstrip("\n")

    def client(self, **options: Any) -> Client:
        return clickhouse_connect.get_client(
            dsn=self.told["url"], **{"tz_mode": "aware", "dedicated_pool": True, **options}
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("store")).start()
    yield process
    process.stop()


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[..., StoreProcess]]:
    """Starts stores with options; all on one folder, which lasts as long as the test."""
    made: list[StoreProcess] = []

    def make(*options: str, folder: Path | None = None, **more: Any) -> StoreProcess:
        process = StoreProcess(folder or tmp_path, *options, **more)
        made.append(process)
        return process.start()

    yield make
    for process in made:
        process.kill()


@pytest.fixture
def client(store: StoreProcess) -> Iterator[Client]:
    opened = store.client()
    yield opened
    opened.close()
