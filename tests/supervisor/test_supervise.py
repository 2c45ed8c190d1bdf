from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from shopalytic.supervisor import run_up
from shopalytic.supervisor.pace import Pace
from shopalytic.supervisor.parts import Part
from shopalytic.supervisor.probe import Probe, http_get
from tests.supervisor.conftest import AT_ONCE, Up
from tests.supervisor.polling import is_running, wait_until

NEVER = Probe(lambda: None, b"", re.compile(b""))
Fake = Callable[..., Part]
Notes = Callable[[], list[str]]


def pids(notes: Notes, name: str) -> list[int]:
    return [int(line.split()[1]) for line in notes() if line.startswith(f"{name} ") and line[-1].isdigit()]


def test_parts_start_in_order_and_stop_in_the_reverse_one(up: Up, fake: Fake, notes: Notes) -> None:
    parts = [fake("queue"), fake("worker"), fake("web")]
    assert up.run(parts, lambda: wait_until(lambda: len(notes()) == 3)) == 0
    assert up.log.index("queue runs.") < up.log.index("worker runs.") < up.log.index("web runs.")
    assert notes()[3:] == ["web stopped", "worker stopped", "queue stopped"]


def test_the_next_part_waits_until_the_probe_is_answered(
    up: Up, fake: Fake, notes: Notes, tmp_path: Path
) -> None:
    serve = (
        "import socket; listener = socket.create_server(('127.0.0.1', 0)); note('open')\n"
        f"open({str(tmp_path / 'port')!r}, 'w').write(str(listener.getsockname()[1]))\n"
        "refused = 2\n"
        "while True:\n"
        "    connection, _ = listener.accept(); connection.recv(1000)\n"
        "    note('asked'); refused -= 1\n"
        "    status = b'503 Not yet' if refused >= 0 else b'200 OK'\n"
        "    connection.sendall(b'HTTP/1.1 ' + status + b'\\r\\n\\r\\n'); connection.close()\n"
    )

    def find_address() -> tuple[str, int] | None:
        try:
            return "127.0.0.1", int((tmp_path / "port").read_text())
        except (OSError, ValueError):
            return None

    parts = [fake("store", serve, probe=http_get("/ping", find_address)), fake("web")]
    up.run(parts, lambda: wait_until(lambda: pids(notes, "web")))
    assert [line.split()[0] for line in notes()[1:6]] == ["open", "asked", "asked", "asked", "web"]
    assert "store is ready" in up.log


def test_a_part_that_dies_is_started_again_and_one_line_says_how_it_ended(
    up: Up, fake: Fake, notes: Notes
) -> None:
    def kill() -> None:
        wait_until(lambda: pids(notes, "worker"))
        os.kill(pids(notes, "worker")[0], signal.SIGKILL)
        wait_until(lambda: len(pids(notes, "worker")) == 2)

    assert up.run([fake("worker")], kill) == 0
    assert up.log.count("worker ended with signal SIGKILL; next start in 0.01 s.") == 1
    assert notes()[-1] == "worker stopped"


def test_the_death_of_one_part_leaves_the_others_alone(up: Up, fake: Fake, notes: Notes) -> None:
    def kill() -> None:
        wait_until(lambda: pids(notes, "web") and pids(notes, "worker"))
        os.kill(pids(notes, "worker")[0], signal.SIGKILL)
        wait_until(lambda: len(pids(notes, "worker")) == 2)

    up.run([fake("worker"), fake("web")], kill)
    assert len(pids(notes, "web")) == 1


@pytest.mark.parametrize(
    ("last_pause_seconds", "ran_seconds", "pause_seconds"),
    [(0, 0, 1), (1, 5, 2), (2, 5, 4), (16, 5, 30), (30, 5, 30), (30, 60, 1), (30, 59, 30)],
)
def test_pauses_double_up_to_half_a_minute_and_start_over_after_a_minute_of_running(
    last_pause_seconds: float, ran_seconds: float, pause_seconds: float
) -> None:
    assert Pace().next_pause_seconds(last_pause_seconds, ran_seconds) == pause_seconds


def test_a_part_that_dies_at_every_start_is_given_up_and_its_last_lines_are_shown_once(
    up: Up, fake: Fake, notes: Notes
) -> None:
    broken = fake(
        "store",
        "print('the disk of', os.getpid(), 'is odd'); sys.exit(3)",
        probe=NEVER,
    )
    assert up.run([fake("queue"), broken, fake("web")]) == 1
    assert len(pids(notes, "store")) == 3
    assert up.log.count("is odd") == 1
    assert "store ended in the same way with exit code 3" in up.log
    assert "store could not be started: it ended 3 times, the last time with exit code 3." in up.log
    assert not pids(notes, "web")


def test_a_part_that_dies_in_a_new_way_shows_its_last_lines_again(up: Up, fake: Fake, notes: Notes) -> None:
    code = (
        "attempt = sum(line.startswith('store ') for line in open(notes))\n"
        "print(['', 'no memory', 'no rights', 'no rights'][attempt]); sys.exit(1)"
    )
    assert up.run([fake("store", code, probe=NEVER)]) == 1
    assert (up.log.count("no memory"), up.log.count("no rights")) == (1, 1)


def test_a_part_that_was_ready_once_is_started_again_for_ever(up: Up, fake: Fake, notes: Notes) -> None:
    up.run(
        [fake("worker", "sys.exit(1)")],
        lambda: wait_until(lambda: len(pids(notes, "worker")) > Pace().start_attempts + 2),
    )
    assert "could not be started" not in up.log


def test_a_one_time_part_ends_before_the_next_one_starts(up: Up, fake: Fake, notes: Notes) -> None:
    migrate = fake("migrate", "note('tables made'); sys.exit()", once=True)
    assert up.run([migrate, fake("web")], lambda: wait_until(lambda: pids(notes, "web"))) == 0
    assert [line.split()[0] for line in notes()][:3] == ["migrate", "tables", "web"]
    assert len(pids(notes, "migrate")) == 1


def test_a_one_time_part_that_fails_ends_everything_with_exit_code_one(
    up: Up, fake: Fake, notes: Notes
) -> None:
    migrate = fake("migrate", "print('no such column'); sys.exit(1)", once=True)
    assert up.run([fake("queue"), migrate, fake("web")]) == 1
    assert up.log.count("no such column") == 1
    assert "Stopping queue" in up.log and not pids(notes, "web")


def test_a_part_that_ignores_the_request_to_stop_is_killed_after_its_grace(
    up: Up, fake: Fake, notes: Notes
) -> None:
    ignore = "wait_for('queue'); signal.signal(signal.SIGTERM, signal.SIG_IGN); note('deaf')"
    deaf = fake("web", ignore, grace_seconds=0.1)
    assert up.run([fake("queue"), deaf], lambda: wait_until(lambda: "deaf" in notes())) == 0
    assert "web did not stop within 0.1 s and was killed." in up.log
    assert notes()[-1] == "queue stopped"
    assert not is_running(pids(notes, "web")[0])


def test_a_second_signal_kills_at_once(up: Up, fake: Fake, notes: Notes) -> None:
    deaf = fake("web", "signal.signal(signal.SIGTERM, signal.SIG_IGN); note('deaf')", grace_seconds=3600)

    def ask_twice() -> None:
        wait_until(lambda: "deaf" in notes())
        os.kill(os.getpid(), signal.SIGINT)
        up.wait_for_line("Stopping web")
        # The second one comes from the fixture, when this function returns.

    assert up.run([fake("queue"), deaf], ask_twice) == 0
    assert "Killing what still runs." in up.log
    assert not any(is_running(pid) for pid in [*pids(notes, "web"), *pids(notes, "queue")])


def test_a_signal_during_the_start_stops_what_runs_already(up: Up, fake: Fake, notes: Notes) -> None:
    never = fake(
        "store",
        f"wait_for('queue'); os.kill({os.getpid()}, signal.SIGTERM); note('asked')",
        probe=NEVER,
    )
    assert up.run([fake("queue"), never, fake("web")]) == 0
    assert notes()[-1] == "queue stopped"
    assert not pids(notes, "web")


def test_what_a_killed_part_had_started_dies_with_it(up: Up, fake: Fake, notes: Notes) -> None:
    code = "child = subprocess.Popen(['sleep', '3600']); note(f'child {child.pid}')"

    def kill() -> None:
        wait_until(lambda: pids(notes, "child"))
        os.kill(pids(notes, "web")[0], signal.SIGKILL)
        wait_until(lambda: not is_running(pids(notes, "child")[0]))
        wait_until(lambda: len(pids(notes, "child")) == 2)

    up.run([fake("web", code)], kill)
    assert not is_running(pids(notes, "child")[1])


def test_parts_stop_when_the_supervisor_is_killed(up: Up, fake: Fake, notes: Notes, tmp_path: Path) -> None:
    part = fake("worker")
    script = (
        "import sys; from pathlib import Path\n"
        "from shopalytic.settings import Settings\n"
        "from shopalytic.supervisor import run_up\n"
        "from shopalytic.supervisor.parts import Part\n"
        f"settings = Settings(data_dir=Path({str(tmp_path / 'other')!r}), port={up.settings.port})\n"
        f"run_up(settings, demo=False, announce=print, parts=[Part('worker', {part.command!r})])\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    wait_until(lambda: pids(notes, "worker"))
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not is_running(pids(notes, "worker")[0]))
    assert notes()[-1] == "worker stopped"


def test_every_line_of_a_part_carries_its_name(up: Up, fake: Fake) -> None:
    code = "print('one\\ntwo', file=sys.stderr); print('x' * 100_000); os.write(1, b'\\xff no line end')"
    up.run([fake("web", code + "; sys.exit()")], lambda: up.wait_for_line("no line end"))
    assert "web | one\nweb | two\n" in up.log
    assert max(map(len, up.log.splitlines())) > 64 * 1024
    assert all(line.startswith(("web | ", "up  | ")) for line in up.log.splitlines())


def test_as_json_every_line_is_an_object_with_its_part(up: Up, fake: Fake) -> None:
    up.settings = msgspec.structs.replace(up.settings, log_format="json")
    code = 'print(\'{"event": "hit", "n": 1}\'); print("plain"); print("{}"); print("{broken")'
    up.run([fake("web", code)], lambda: up.wait_for_line("broken"))
    lines = [json.loads(line) for line in up.log.splitlines()]
    assert {"part": "web", "event": "hit", "n": 1} in lines
    assert {"part": "web", "level": "info", "event": "plain"} in lines
    assert {"part": "web", "level": "info", "event": "{broken"} in lines
    assert any(line["part"] == "up" and line["event"] == "web runs." for line in lines)


def test_a_failing_announcement_is_told_and_stops_nothing(up: Up, fake: Fake, notes: Notes) -> None:
    def announce() -> None:
        raise OSError("no terminal")

    def stop_when_told() -> None:
        up.wait_for_line("All parts run, but telling so failed: OSError('no terminal')")
        wait_until(lambda: pids(notes, "web"))
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop_when_told)
    stopper.start()
    parts = [fake("web")]
    code = run_up(up.settings, demo=False, announce=announce, parts=parts, pace=AT_ONCE, stream=up.stream)
    stopper.join()
    assert (code, notes()[-1]) == (0, "web stopped")
