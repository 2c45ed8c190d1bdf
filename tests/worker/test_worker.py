"""`rq worker -c worker.settings` and `rq cron … worker/schedule.py`, as the Procfile runs them."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import redis
from rq import Queue
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry

from tests.supervisor.polling import wait_until
from tests.worker.conftest import ROOT, SCHEDULE, WORKER

Start = Callable[[tuple[str, ...]], subprocess.Popen[bytes]]


def run_all_jobs(environ: dict[str, str]) -> str:
    done = subprocess.run([*WORKER, "--burst"], env=environ, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_reading_the_settings_connects_to_nothing(environ: dict[str, str]) -> None:
    script = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('connected')\n"
        "socket.socket.connect = refuse\n"
        "import worker.settings as settings\n"
        "print(settings.REDIS_URL, settings.QUEUES)"
    )
    nowhere = environ | {"SHOPALYTIC_REDIS_URL": "redis://192.0.2.1:6379"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=nowhere, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "redis://192.0.2.1:6379 ['shopalytic']\n"


def test_a_misspelled_variable_ends_the_worker_with_one_sentence(environ: dict[str, str]) -> None:
    wrong = environ | {"SHOPALYTIC_REDIS_URI": "redis://x"}
    done = subprocess.run(WORKER, env=wrong, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "There is no setting SHOPALYTIC_REDIS_URI; did you mean SHOPALYTIC_REDIS_URL?\n"


def test_a_worker_runs_what_is_queued_and_leaves_nothing_of_it_behind(
    client: redis.Redis, environ: dict[str, str]
) -> None:
    queue = Queue("shopalytic", connection=client)
    run_all_jobs(environ)
    before = set(client.keys())
    for _ in range(20):
        queue.enqueue("time.time", result_ttl=0, failure_ttl=60)
    run_all_jobs(environ)
    grown = {re.sub(rb"[0-9a-f]{32}", b"#", key) for key in set(client.keys()) - before}
    # The worker's own entry, which expires a minute after it ended.
    assert grown <= {b"rq:worker:#", b"rq:queues"}
    assert queue.count == 0 and client.llen("rq:queue:shopalytic:intermediate") == 0


def test_a_failing_job_is_logged_and_forgotten_in_time(client: redis.Redis, environ: dict[str, str]) -> None:
    job = Queue("shopalytic", connection=client).enqueue(
        "json.loads", "no json", result_ttl=0, failure_ttl=60, description="loads"
    )
    (failure,) = [json.loads(line) for line in run_all_jobs(environ).splitlines()]
    assert (failure["level"], failure["logger"]) == ("error", "rq.worker")
    assert "JSONDecodeError" in failure["event"]
    assert FailedJobRegistry("shopalytic", connection=client).get_job_ids() == [job.id]
    assert all(0 < client.ttl(key) <= 60 for key in client.keys(f"rq:*{job.id}*"))


def test_the_job_of_a_killed_worker_is_set_aside_and_forgotten_in_time(
    client: redis.Redis, start: Start
) -> None:
    queue = Queue("shopalytic", connection=client)
    job = queue.enqueue("time.sleep", 3600, job_timeout=7200, result_ttl=0, failure_ttl=60)
    worker = start(WORKER)
    wait_until(lambda: job.get_status() == "started")
    worker.kill()
    worker.wait()
    # RQ believes in the worker until the job's time is over; its maintenance runs with the clock set then.
    StartedJobRegistry("shopalytic", connection=client).cleanup(timestamp=time.time() + 8000)
    assert job.get_status() == "failed"
    assert 0 < client.ttl(Job.key_for(job.id)) <= 60
    assert StartedJobRegistry("shopalytic", connection=client).get_job_ids() == []


def test_two_workers_on_one_queue_run_each_job_once(
    client: redis.Redis, environ: dict[str, str], start: Start
) -> None:
    queue = Queue("shopalytic", connection=client)
    for _ in range(40):
        queue.enqueue("tests.worker.jobs.count", environ["SHOPALYTIC_REDIS_URL"], result_ttl=0)
    workers = [start((*WORKER, "--burst")) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert client.get("count") == b"40"


def test_a_worker_that_is_asked_to_stop_finishes_its_job(
    client: redis.Redis, environ: dict[str, str], start: Start
) -> None:
    job = Queue("shopalytic", connection=client).enqueue(
        "tests.worker.jobs.wait_for_go", environ["SHOPALYTIC_REDIS_URL"], result_ttl=60
    )
    worker = start(WORKER)
    wait_until(lambda: client.get("waiting"))
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: any(client.hget(key, "shutdown_requested_date") for key in _worker_hashes(client)))
    client.set("go", 1)
    assert worker.wait() == 0
    assert job.get_status() == "finished"


def test_the_schedule_queues_the_sweep_and_lets_it_expire_unread(client: redis.Redis, start: Start) -> None:
    schedule = start(SCHEDULE)
    wait_until(lambda: client.llen("rq:queue:shopalytic") >= 2)
    schedule.terminate()
    assert schedule.wait() == 0
    job, tidy = Queue("shopalytic", connection=client).jobs[:2]
    assert (tidy.func_name, tidy.result_ttl, tidy.failure_ttl) == ("shopalytic.jobs.tidy", 0, 3600)
    assert (job.func_name, job.args, job.timeout) == ("shopalytic.jobs.sweep", (), 60)
    assert 0 < client.ttl(job.key) <= 30
    assert (job.result_ttl, job.failure_ttl) == (0, 3600)


@pytest.mark.parametrize("name", ["sweep", "tidy", "fold", "check_customers"])
def test_the_scheduled_function_is_one_that_the_worker_has(name: str) -> None:
    from rq.utils import import_attribute

    import worker.schedule

    stand_in = getattr(worker.schedule, name)
    real = import_attribute(f"{stand_in.__module__}.{stand_in.__qualname__}")
    assert real is not stand_in and real.__code__.co_argcount == 0


def test_the_schedule_does_not_load_the_pipeline() -> None:
    script = (
        "import worker.schedule, sys; print({'sqlalchemy', 'clickhouse_connect', 'flask'} & set(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "set()\n"


@pytest.mark.parametrize("name", ["web", "worker", "schedule", "queue", "store"])
def test_the_procfile_names_each_process_of_up(name: str) -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    command = shlex.split(lines[name])
    assert command[0] in {"shopalytic", "rq"}
    if command[0] == "shopalytic":
        assert command[1:] == [name]


def _worker_hashes(client: redis.Redis) -> list[bytes]:
    return [key for key in client.keys("rq:worker:*") if client.type(key) == b"hash"]
