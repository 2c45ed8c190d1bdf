"""A whole Shopalytic, and the clients of other makers that send to it as they were published."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.system import System, running_system

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
BUNDLE = MODULES / "@segment/analytics-next/dist/umd/index.js"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("clients") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The npm packages of package-lock.json, installed where they are not yet."""
    installed, wanted = MODULES / ".package-lock.json", FOLDER / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        if shutil.which("npm") is None:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing("no npm: install Node.js")
        subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=FOLDER, check=True, capture_output=True)
    return MODULES


SERVED = {"/analytics.js": BUNDLE, "/static/analytics.min.js": BUNDLE.with_name("standalone.js")}
"""What the shop's own server has beside its page; a test adds its own."""


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass

    def translate_path(self, path: str) -> str:
        return str(SERVED.get(path, FOLDER / "page.html"))


@pytest.fixture(scope="module")
def shop_url(node_modules: Path) -> Iterator[str]:
    """A page of a shop, at another origin than the collector's, with the browser library."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(FOLDER)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
