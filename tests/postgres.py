"""A real PostgreSQL for tests: `running_postgres` starts one, `fresh_database` makes an empty database in it.

It listens on a Unix socket in a temporary folder, nowhere else.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

MISSING = "PostgreSQL's server programs (Debian's package `postgresql`) are not installed"
START_DEADLINE_SECONDS = 60


def find_programs() -> Path | None:
    """Folder of `initdb` and `postgres`: the newest of Debian's, or the one on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running_postgres() -> Iterator[Path]:
    """Start a server; gives the folder of its socket. Without the programs the test is skipped, in CI it fails."""
    programs = find_programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    user = _unprivileged_user()
    # Not pytest's tmp_path: it is closed to other users, and too long for a socket's path.
    with tempfile.TemporaryDirectory(prefix="sha-pg-") as folder:
        if user is not None:
            shutil.chown(folder, user=user)
        data = Path(folder) / "data"
        # `--no-sync` and `fsync=off`: nothing of it outlives the tests.
        arguments = ["-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        _run([str(programs / "initdb"), *arguments], user, folder)
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", f"unix_socket_directories={folder}"]
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                stdout=log, stderr=log, cwd=folder, user=user, extra_groups=_no_groups(user),
            )  # fmt: skip
        try:
            _wait_until_answers(Path(folder), server)
            yield Path(folder)
        finally:
            server.terminate()
            server.wait()


@contextmanager
def fresh_database(socket_folder: Path) -> Iterator[str]:
    """SQLAlchemy URL of a new, empty database, removed afterwards."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(host=str(socket_folder), user="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        try:
            yield f"postgresql://postgres@/{name}?host={socket_folder}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    with running_postgres() as folder:
        yield folder


@pytest.fixture
def postgres_url(postgres_folder: Path) -> Iterator[str]:
    with fresh_database(postgres_folder) as url:
        yield url


def _unprivileged_user() -> str | None:
    """Whom to become; None where we are nobody special already. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _no_groups(user: str | None) -> list[str] | None:
    """root's further groups must not go along; only root may lay them down."""
    return None if user is None else []


def _run(command: list[str], user: str | None, folder: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, user=user, extra_groups=_no_groups(user)
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")


def _wait_until_answers(folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(host=str(folder), user="postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise TimeoutError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}")
