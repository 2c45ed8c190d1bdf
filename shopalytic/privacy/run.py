"""Doing what `record` was asked, step by step. Each step may be repeated after a crash in its middle.

The person is taken out of the ledger while all partitions are held: so every row of before is in the store, and no
message of afterwards finds the person there. What the browser sends from then on is a fresh visitor's.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Erasure
from shopalytic.errors import ConfigurationError
from shopalytic.events.event import Event
from shopalytic.events.personal import Known, personal_texts
from shopalytic.events.properties import event_properties
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.never import erase_never
from shopalytic.identity.statements import hold_identity
from shopalytic.identity.strip import known_values, read_holdings, strip_customer
from shopalytic.parts import Parts
from shopalytic.pipeline.run import Runner
from shopalytic.privacy import disk, rows
from shopalytic.privacy.quarantine import erase_quarantined
from shopalytic.privacy.record import DONE, ERASED
from shopalytic.privacy.work import Plan, Work, save, take
from shopalytic.reports.customer_summary import find_customer_summary
from shopalytic.reports.project import Project
from shopalytic.settings import get_secret_key
from shopalytic.stream import Partition
from shopalytic.stream.feed import Feed
from shopalytic.stream.hold import forget_sessions, hold_partitions, is_past, read_ends, renew

PATIENCE_SECONDS = 5
PAUSE_SECONDS = 0.02
BATCH_MESSAGES = 10_000
TELLING = ("email", "billing", "shipping", "customer")
"""Properties of an event that tell the addresses of whoever it is about."""


def advance(parts: Parts, runner: Runner, erasure_id: str) -> bool:
    """Go as far as is possible now; True once it is done. False: somebody else is at it, or something has to pass
    first (the queue, the engine's clean-up). Call it again then.

    Raises Unavailable; then too.
    """
    work = take(parts, runner, erasure_id)
    if work is None:
        return False
    try:
        with reading(parts.sessions) as db:
            step = db.scalars(select(ERASED.step).where(ERASED.id == erasure_id)).one()
        while step != DONE:
            if not STEPS[step](work):
                return False
            step = _next(step)
            with parts.sessions.begin() as db:
                save(db, work, step)
        return True
    finally:
        with parts.sessions.begin() as db:
            db.execute(update(Erasure).where(ERASED.id == erasure_id).values(held_until=None))


def wait_for_queue(work: Work) -> bool:
    """What was accepted before the erasure was asked for is processed as the person's."""
    if work.plan.ends is None:
        work.plan.ends = read_ends(work.parts.stream)
        with work.parts.sessions.begin() as db:
            save(db, work, "waiting")
    return is_past(work.parts.stream, work.plan.ends)


def cut(work: Work) -> bool:
    """Take the person out of the ledger. From here on nothing new becomes the person's."""
    if work.plan.holdings is None:
        with hold_partitions(work.parts.stream) as held:
            renew(held)
            for partition in held:
                if _finish_batch(work.runner, partition):
                    renew(held)
            # Whose rows are, the store is asked below.
            work.runner.send_overrides()
            with work.parts.sessions.begin() as db:
                hold_identity(db, work.project_id)
                _plan(work, db, held)
                work.counts["properties"] = strip_customer(db, work.project_id, work.holdings)
                _erase_never(work, db)
                renew(held)
                save(db, work, "cutting")
            forget_sessions(work.parts.stream, work.project_id, work.holdings.visitors)
    else:
        # Taken up again after a crash, which may have been right before this.
        forget_sessions(work.parts.stream, work.project_id, work.holdings.own_visitors)
    work.runner.send_overrides()
    return True


def change_rows(work: Work) -> bool:
    plan, store = work.plan, work.parts.store
    if work.kind == "anonymise":
        assert plan.surrogate is not None
        values = {*known_values(work.holdings), *plan.addresses}
        rows.strip_rows(
            store, work.project_id, work.holdings.spans, plan.until,
            surrogate=plan.surrogate, mark=work.mark, known=Known(values), keep=work.keep,
        )  # fmt: skip
    rows.hide_rows(store, work.project_id, work.holdings.spans, plan.until, plan.salt)
    return True


def wait_for_rows(work: Work) -> bool:
    """A large store takes its time; a small one is done at once."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not rows.is_settled(work.parts.store):
        if time.monotonic() > ends_at:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def clean_others(work: Work) -> bool:
    rows.drop_ids(work.parts.store, work.project_id, work.holdings.ids, work.plan.salt)
    return True


def drop_overrides(work: Work) -> bool:
    store = work.parts.store
    origins = list({span.origin_id for span in work.holdings.spans})
    rows.hide_overrides(store, work.project_id, origins, work.plan.override_version, work.plan.salt)
    store.reload_owners()
    return True


def clear_quarantine(work: Work) -> bool:
    holdings = work.holdings
    gone = erase_quarantined(
        work.parts.store, work.parts.stream, work.project_id, holdings.ids, holdings.own_visitors,
        [*holdings.said, *work.plan.addresses],
    )  # fmt: skip
    work.counts["set_aside"] = work.counts.get("set_aside", 0) + gone
    Feed(work.parts.stream.client).clear(work.project_id)
    return True


def purge(work: Work) -> bool:
    """From here on nobody needs to know who it was."""
    rows.start_purge(work.parts.store)
    work.plan = Plan(customer_id=UUID(int=0))
    return True


def wait_for_purge(work: Work) -> bool:
    if not wait_for_rows(work):
        return False
    work.plan.since = rows.store_time(work.parts.store)
    return True


def wait_for_disk(work: Work) -> bool:
    return rows.is_off_disk(work.parts.store, work.plan.since)


def compact_database(work: Work) -> bool:
    return disk.compact_database(work.parts.sessions)


def empty_database_log(work: Work) -> bool:
    return disk.empty_database_log(work.parts.sessions)


def start_log(work: Work) -> bool:
    disk.start_log(work.parts.stream)
    return True


def wait_for_log(work: Work) -> bool:
    return disk.is_log_written(work.parts.stream)


STEPS: dict[str, Callable[[Work], bool]] = {
    "waiting": wait_for_queue,
    "cutting": cut,
    "rows": change_rows,
    "hiding": wait_for_rows,
    "others": clean_others,
    "overrides": drop_overrides,
    "quarantine": clear_quarantine,
    "purge": purge,
    "purging": wait_for_purge,
    "database": compact_database,
    "database_log": empty_database_log,
    "log": start_log,
    "logging": wait_for_log,
    "disk": wait_for_disk,
}
"""In this order. `plan` names nobody any more from `purging` on."""


def _next(step: str) -> str:
    names = [*STEPS, DONE]
    return names[names.index(step) + 1]


def _finish_batch(runner: Runner, partition: Partition) -> bool:
    """One that a dead worker left is done first: it is the person's as it was. False: there was none."""
    batch = partition.claim(BATCH_MESSAGES) if partition.has_batch() else None
    if batch is not None:
        runner.run(partition, batch)
    return batch is not None


def _plan(work: Work, db: Session, held: list[Partition]) -> None:
    """Find out whose rows, by which ids. Repeated after a crash, since nothing was changed by then."""
    plan, store = work.plan, work.parts.store
    holdings = read_holdings(db, work.project_id, plan.customer_id)
    if not holdings.visitors and not holdings.ids:
        seen = find_customer_summary(store, Project(work.project_id), plan.customer_id, [plan.customer_id])
        if seen is None:
            # Became somebody else's since it was asked for: their rows are not touched.
            holdings = msgspec.structs.replace(holdings, spans=[])
            work.counts |= {"events": 0, "orders": 0, "revenue": "0", "ids": 0}
        elif seen.tracking_id:
            holdings = msgspec.structs.replace(holdings, visitors=[seen.tracking_id])
    plan.holdings = holdings
    plan.salt = secrets.token_hex(32)
    plan.surrogate = uuid.uuid4()
    plan.until = rows.last_stored(store, work.project_id, holdings.spans)
    plan.override_version = rows.newest_override(
        store, work.project_id, list({span.origin_id for span in holdings.spans})
    )
    addresses: set[str] = set()
    for some in rows.read_rows(store, work.project_id, holdings.spans, plan.until):
        renew(held)
        for row in some:
            addresses |= _addresses(row)
    plan.addresses = sorted(addresses)


def _erase_never(work: Work, db: Session) -> None:
    holdings = work.holdings
    ids = [*holdings.ids, *((VISITOR, visitor) for visitor in holdings.own_visitors)]
    try:
        key = get_secret_key(work.parts.settings)
    except ConfigurationError:
        key = ""
    erase_never(db, work.project_id, ids, [*holdings.said, *work.plan.addresses], key)


def _addresses(event: Event) -> set[str]:
    properties = event_properties(event)
    with suppress(RecursionError):
        return {text for name in TELLING for text in personal_texts(properties.get(name))}
    return set()
