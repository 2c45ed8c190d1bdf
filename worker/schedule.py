"""What `rq cron -c worker.settings worker/schedule.py` loads: the jobs that run by the clock."""

from __future__ import annotations

from rq import cron

SWEEP_INTERVAL_SECONDS = 5
TIDY_INTERVAL_SECONDS = 3600
CHECK_INTERVAL_SECONDS = 300
FOLD_INTERVAL_SECONDS = 3600


def sweep() -> None:
    """Stands for `shopalytic.jobs.sweep`, which the worker runs in its place.

    rq cron wants a function where its name would do: importing the real one would keep the whole pipeline
    in the memory of a process that only looks at the clock.
    """
    raise NotImplementedError


def tidy() -> None:
    """Stands for `shopalytic.jobs.tidy`."""
    raise NotImplementedError


def fold() -> None:
    """Stands for `shopalytic.jobs.fold`."""
    raise NotImplementedError


def check_customers() -> None:
    """Stands for `shopalytic.jobs.check_customers`, which begins what is due by each project's own clock: RQ's cron strings
    go by the machine's, and a night that it slept through would not be made up.
    """
    raise NotImplementedError


sweep.__module__ = tidy.__module__ = fold.__module__ = check_customers.__module__ = "shopalytic.jobs"

cron.register(
    sweep,
    queue_name="shopalytic",
    interval=SWEEP_INTERVAL_SECONDS,
    job_timeout=60,
    # While no worker runs, sweeps pile up; those older than this are skipped unread when one comes back.
    ttl=30,
    # RQ keeps a result for 500 seconds and a failure for a year unless told otherwise.
    result_ttl=0,
    failure_ttl=3600,
)
cron.register(
    tidy,
    queue_name="shopalytic",
    interval=TIDY_INTERVAL_SECONDS,
    job_timeout=600,
    ttl=TIDY_INTERVAL_SECONDS,
    result_ttl=0,
    failure_ttl=3600,
)
cron.register(
    fold,
    queue_name="shopalytic",
    interval=FOLD_INTERVAL_SECONDS,
    job_timeout=600,
    ttl=FOLD_INTERVAL_SECONDS,
    result_ttl=0,
    failure_ttl=3600,
)
cron.register(
    check_customers,
    queue_name="shopalytic",
    interval=CHECK_INTERVAL_SECONDS,
    job_timeout=60,
    ttl=CHECK_INTERVAL_SECONDS,
    result_ttl=0,
    failure_ttl=3600,
)
