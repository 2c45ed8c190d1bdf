"""The client in processes of its own: what they import, how they end, and how they fork."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.client.conftest import Collector

MAKE = """
import os, sys
from shopalytic.client import Client
client = Client("sha_sec_a", sys.argv[1], flush_interval_seconds=3600)
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # Later Pythons warn of any fork of a process with threads.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def events(collector: Collector) -> list[str]:
    return sorted(item["event"] for item in collector.accepted)


def test_importing_the_client_loads_nothing_of_the_server() -> None:
    # What a system's Python asks for at any start is not the client's.
    loaded = _modules_of("import shopalytic.client") - _modules_of("pass")
    assert "shopalytic.client.sender" in loaded
    foreign = {
        name.partition(".")[0]
        for name in loaded
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("_")
    }
    # The standard library asks for a module of Jython, which is not there.
    assert foreign - {"org"} == {"shopalytic"}
    ours = {name for name in loaded if name.startswith("shopalytic.")}
    assert all(name.startswith("shopalytic.client") for name in ours), ours


def test_what_waits_at_the_end_of_the_process_is_sent(collector: Collector) -> None:
    done = run(MAKE + "client.track('order', {}, user_id='77')", collector.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert events(collector) == ["order"]


def test_what_waits_when_the_program_fails_is_sent(collector: Collector) -> None:
    done = run(MAKE + "client.track('order', {}, user_id='77'); raise SystemExit(3)", collector.address)
    assert done.returncode == 3
    assert events(collector) == ["order"]


def test_an_event_told_while_the_process_ends_is_sent(collector: Collector) -> None:
    script = "import atexit\n" + MAKE + "atexit.register(client.track, 'goodbye', {}, user_id='77')"
    done = run(script, collector.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert events(collector) == ["goodbye"]


def test_a_process_ends_though_the_collector_is_away() -> None:
    script = MAKE.replace("flush_interval", "timeout_seconds=0.2, flush_interval")
    done = run(script + "client.track('order', {}, user_id='77')", "http://127.0.0.1:9")
    assert done.returncode == 0
    assert "gave_up" in done.stderr


def test_a_client_made_before_the_fork_works_in_parent_and_children(collector: Collector) -> None:
    script = (
        MAKE
        + """
client.track('before', {}, user_id='77')
children = []
for number in range(2):
    child = os.fork()
    if not child:
        client.track(f'child-{number}', {}, user_id='77')
        sys.exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
client.track('after', {}, user_id='77')
"""
    )
    done = run(script, collector.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert events(collector) == ["after", "before", "child-0", "child-1"]


def test_a_fork_while_the_client_is_locked_and_sending_harms_nobody(collector: Collector) -> None:
    script = (
        MAKE
        + """
client.track('before', {}, user_id='77')
with client._sender._changed:
    child = os.fork()
    if not child:
        client.track('child', {}, user_id='77')
        sys.exit(0 if client.flush(20) else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    )
    done = run(script, collector.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert events(collector) == ["before", "child"]


def _modules_of(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return set(re.findall(r"\|\s+([\w.]+)$", done.stderr, re.MULTILINE))
