"""What RQ runs."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from functools import cache

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shopalytic.audit import record as checks
from shopalytic.audit.run import advance as advance_check
from shopalytic.errors import ConfigurationError, StoreRefused, Unavailable
from shopalytic.parts import Parts, open_parts
from shopalytic.pipeline import fold as folding
from shopalytic.pipeline.overrides import send_overrides
from shopalytic.pipeline.place import open_place
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.pipeline.told import Teller
from shopalytic.pipeline.verdicts import forget_verdicts
from shopalytic.privacy.record import unfinished
from shopalytic.privacy.retention import delete_expired
from shopalytic.privacy.run import advance
from shopalytic.privacy.sandboxes import tidy_sandboxes
from shopalytic.settings import Settings, get_secret_key, load_settings
from shopalytic.stream import LeaseLost

log = structlog.get_logger(__name__)

TURN_SECONDS = 0.5
"""How long one job may stay with a full partition before the others have their turn."""
PAUSE_SECONDS = 1.0
CHECK_TURN_SECONDS = 1.0
"""The same for a check of the customers, which has all night."""


@cache
def _parts() -> tuple[Parts, Runner]:
    """Made at the first job of the process, after any fork."""
    settings = load_settings()
    parts = open_parts(settings)
    context = StepContext(place=open_place(settings.geoip_file))
    runner = Runner(
        parts.store,
        parts.sessions,
        context,
        session_timeout_minutes=settings.session_timeout_minutes,
        tell=Teller(parts.stream.feed).tell,
        secret_key=_find_secret_key(settings),
    )
    return parts, runner


def _find_secret_key(settings: Settings) -> str:
    """A worker beside other machines' parts may have no folder to keep one in; messages must not wait for that."""
    try:
        return get_secret_key(settings)
    except ConfigurationError as error:
        log.warning("ids of erased persons that mean nobody are not known again", why=error.message)
        return ""


def drain(partition: int) -> int:
    """Store what waits in one partition; returns how many messages. Queued once per partition.

    A repeat, or two at once, changes nothing: the lease keeps the second away.
    """
    parts, runner = _parts()
    stream = parts.stream
    view = stream.partition(partition)
    if not view.lease():
        return 0
    done = 0
    ends_at = time.monotonic() + TURN_SECONDS
    try:
        while (batch := view.claim(parts.settings.batch_size)) and time.monotonic() < ends_at:
            is_full = len(batch.entries) >= parts.settings.batch_size
            runner.run(view, batch, more_wait=is_full)
            done += len(batch.entries)
            if not is_full:
                break
        if batch is None:
            runner.send_overrides()
    except LeaseLost:
        log.warning("another worker took the partition over", partition=partition)
        return done
    except (Unavailable, StoreRefused) as error:
        # Left to RQ, a refusal would end the job with the lease still taken: nobody could repeat the batch till then.
        log.warning("a batch waits", partition=partition, why=error.message)
        time.sleep(PAUSE_SECONDS)
    job_id = f"drain-{partition}-{uuid.uuid4().hex}"
    if view.release(job_id):
        stream.enqueue_drain(partition, job_id)
    return done


def erase(erasure_id: str) -> bool:
    """Go on with anonymising or forgetting a customer; True once it is done. Queued again by the sweep till then.

    A repeat, or two at once, changes nothing.
    """
    parts, runner = _parts()
    try:
        return advance(parts, runner, erasure_id)
    except (Unavailable, StoreRefused) as error:
        log.warning("an erasure waits", erasure=erasure_id, why=error.message)
        return False


def tidy() -> None:
    """Delete what emptied sandboxes and old batches held, and what projects do not keep any more. Run by rq cron every
    hour; a repeat, or two at once, changes nothing.
    """
    parts, _ = _parts()
    now = datetime.now(UTC)
    try:
        tidy_sandboxes(parts, now)
        with parts.sessions.begin() as db:
            forget_verdicts(db, now)
        delete_expired(parts, now)
    except (Unavailable, StoreRefused, SQLAlchemyError) as error:
        log.warning("what is old waits to be deleted", why=str(error))


def fold() -> None:
    """Write overrides that have come to rest into the rows. Run by rq cron every hour, then by the sweep until it is
    done; a repeat, or two at once, changes nothing.
    """
    parts, _ = _parts()
    now = datetime.now(UTC)
    try:
        folding.begin(parts.sessions, now, least=folding.WORTH_A_ROUND, longest=folding.LONGEST)
        folding.go_on(parts.store, parts.sessions, parts.stream, now)
    except (Unavailable, StoreRefused) as error:
        log.warning("overrides wait to be folded", why=error.message)


def check_customers() -> None:
    """Begin the nightly checks that are due. Run by rq cron every few minutes; a repeat, or two at once, begins none twice."""
    parts, _ = _parts()
    try:
        for check in checks.begin_due(parts.sessions, datetime.now(UTC)):
            parts.stream.enqueue_check(check.id, check.turn)
    except (Unavailable, SQLAlchemyError) as error:
        log.warning("the nightly check waits", why=str(error))


def check(check_id: int, turn: int) -> None:
    """Go on with a check for a turn, then queue it again behind what came in meanwhile."""
    parts, _ = _parts()
    try:
        following = advance_check(parts, check_id, turn, seconds=CHECK_TURN_SECONDS)
        if following is not None:
            parts.stream.enqueue_check(check_id, following)
    except (Unavailable, StoreRefused) as error:
        log.warning("a check of the customers waits", check=check_id, why=error.message)


def sweep() -> None:
    """Queue what a dead process left behind, and send the overrides that it did not. Run by rq cron every few seconds."""
    parts, _ = _parts()
    for partition in parts.stream.sweep():
        log.info("queued a partition again", partition=partition)
    for erasure_id in unfinished(parts.sessions):
        parts.stream.enqueue_erasure(erasure_id)
    for check_id, turn in checks.unfinished(parts.sessions):
        parts.stream.enqueue_check(check_id, turn)
    try:
        send_overrides(parts.store, parts.sessions)
        if folding.is_due(parts.sessions, datetime.now(UTC)):
            parts.stream.enqueue_fold()
    except (Unavailable, StoreRefused) as error:
        log.warning("overrides wait", why=error.message)
