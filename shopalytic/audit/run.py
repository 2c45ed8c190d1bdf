"""Checking, piece by piece. Each piece is looked at once more after a crash in its middle, and counted once.

What is read without the project's lock may be half old and half new: a difference counts only where it is still there
under the lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import structlog
from msgspec import to_builtins
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Override
from shopalytic.audit import rows
from shopalytic.audit.record import (
    DONE,
    ROWS_UNEXPLAINED,
    ROWS_WRONG,
    Sample,
    TurnLost,
    Work,
    is_erasing,
    put_off,
    save,
    take,
)
from shopalytic.identity.audit import (
    Difference,
    compare,
    look_again,
    read_slice,
    read_timelines,
    stray_conflicts,
    stray_identities,
)
from shopalytic.identity.ids import origin_id
from shopalytic.identity.overrides import write_overrides
from shopalytic.identity.rules import Id, Timeline
from shopalytic.identity.statements import chunks, hold_identity
from shopalytic.parts import Parts
from shopalytic.pipeline.overrides import naming_database_faults, send_overrides

log = structlog.get_logger(__name__)

LINKS_AT_ONCE = 1000
CUSTOMERS_AT_ONCE = 2000
CONFLICTS_AT_ONCE = 2000
ATTEMPTS = 5
"""So often rows are looked at again whose owner changes while one looks; tomorrow is another night."""
FIRST_UUID = UUID(int=0)
LOGGED_SAMPLES = 5

OVERRIDE = Override.__table__.c


class Waits(Exception):
    """Something has to pass first."""


def advance(
    parts: Parts, check_id: int, turn: int | None = None, *, seconds: float, logs: bool = True
) -> int | None:
    """Work on a check for about so long; gives the next turn's number. None: it is done, waits for something, or is in
    other hands.

    A piece is always finished, so that each turn gets on. logs: what came of it, at the end. Raises Unavailable, StoreRefused; then it waits a minute.
    """
    with naming_database_faults():
        work = take(parts.sessions, check_id, turn)
    if work is None:
        return None
    ends_at = time.monotonic() + seconds
    try:
        while work.step != DONE:
            with naming_database_faults():
                if STEPS[work.step](parts, work):
                    work.step = _next(work.step)
                save(parts.sessions, work)
            if time.monotonic() > ends_at:
                break
    except TurnLost:
        return None
    except Waits:
        put_off(parts.sessions, work)
        return None
    except BaseException:
        # Ctrl-C too: else nobody may go on with it for ten minutes.
        with suppress(Exception):
            put_off(parts.sessions, work)
        raise
    if work.step != DONE:
        return work.turn
    if logs:
        _conclude(work)
    return None


def check_links(parts: Parts, work: Work) -> bool:
    """Every customer, made anew from the ledger, against the tables."""
    with reading(parts.sessions) as db:
        part = read_slice(db, work.project_id, work.plan.get("after", 0), work.plan["until"], LINKS_AT_ONCE)
        found = compare(db, work.project_id, part.customers)
    _settle(parts, work, found)
    owners = {step.customer_id for timeline in part.customers.timelines.values() for step in timeline}
    work.entries += part.entries
    work.customers += len(owners)
    work.plan["after"] = part.last
    return part.last is None


def check_identities(parts: Parts, work: Work) -> bool:
    """What the tables say of ids that the ledger never heard of."""
    after = UUID(work.plan.get("customer", FIRST_UUID.hex))
    with reading(parts.sessions) as db:
        last, found = stray_identities(db, work.project_id, after, CUSTOMERS_AT_ONCE)
    _settle(parts, work, found)
    work.plan["customer"] = (last or FIRST_UUID).hex
    return last is None


def check_conflicts(parts: Parts, work: Work) -> bool:
    with reading(parts.sessions) as db:
        last, found = stray_conflicts(db, work.project_id, work.plan.get("conflict", 0), CONFLICTS_AT_ONCE)
    _settle(parts, work, found)
    work.plan["conflict"] = last
    return last is None


def list_pieces(parts: Parts, work: Work) -> bool:
    """Which months have rows, and into how many pieces each is cut."""
    work.plan["months"] = [
        [one.month, 1 + one.origins // rows.ORIGINS_AT_ONCE]
        for one in rows.list_months(parts.store, work.project_id)
    ]
    work.plan["piece"] = 0
    return True


def check_rows(parts: Parts, work: Work) -> bool:
    """Whose each row is, as reports read it, against the ledger."""
    if not work.plan["months"]:
        return True
    with reading(parts.sessions) as db:
        if is_erasing(db, work.project_id):
            raise Waits
    month, pieces = work.plan["months"][0]
    seen = rows.see_piece(parts.store, parts.sessions, work.project_id, month, work.plan["piece"], pieces)
    found, left = _look_again_at_rows(parts, work, seen.suspects, month)
    work.tell(found, left=left)
    work.tell(
        [
            Sample(ROWS_UNEXPLAINED, "", one.origin_id, None, one.owner_id, one.rows)
            for one in seen.unknown.values()
        ],
        left=len(seen.unknown),
    )
    work.rows += seen.rows
    work.plan["piece"] += 1
    if work.plan["piece"] == pieces:
        work.plan["months"].pop(0)
        work.plan["piece"] = 0
    return False


STEPS: dict[str, Callable[[Parts, Work], bool]] = {
    "links": check_links,
    "identities": check_identities,
    "conflicts": check_conflicts,
    "pieces": list_pieces,
    "rows": check_rows,
}
"""In this order: rows are compared with tables that were compared with the ledger, and mended, before."""


def _next(step: str) -> str:
    names = [*STEPS, DONE]
    return names[names.index(step) + 1]


def _settle(parts: Parts, work: Work, found: list[Difference]) -> None:
    if not found:
        return
    with parts.sessions.begin() as db:
        hold_identity(db, work.project_id)
        real = look_again(db, work.project_id, found, mends=work.mends)
        left = look_again(db, work.project_id, real, mends=False) if work.mends and real else real
    if work.mends and real:
        send_overrides(parts.store, parts.sessions)
    samples = [
        Sample(one.kind, one.id[0], origin_id(work.project_id, *one.id), one.customer_id, one.found)
        for one in real
    ]
    work.tell(samples, left=len(left))


def _look_again_at_rows(
    parts: Parts, work: Work, suspects: dict[UUID, Id], month: int
) -> tuple[list[Sample], int]:
    """What is really read as somebody else's, of origins that no earlier month has wrong rows of; and how many of these
    still are, after mending.

    No lock is held while the store answers: what it said counts where nothing was changed since the lock was held before.
    """
    found: list[Sample] = []
    left = 0
    for _ in range(ATTEMPTS):
        if not suspects:
            break
        send_overrides(parts.store, parts.sessions)
        with parts.sessions.begin() as db:
            _hold_unless_erasing(db, work.project_id)
            before = _read_state(db, work.project_id, suspects)
        wrong = _first_here(rows.find_wrong(parts.store, work.project_id, before.timelines), month)
        with parts.sessions.begin() as db:
            _hold_unless_erasing(db, work.project_id)
            now = _read_state(db, work.project_id, {origin: suspects[origin] for origin in wrong})
            settled = {
                origin: timeline for origin, timeline in now.timelines.items() if now.is_as_in(before, origin)
            }
            if work.mends:
                write_overrides(db, work.project_id, settled)
        found += [_sample(suspects[origin], wrong[origin], timeline) for origin, timeline in settled.items()]
        left += len(_mended(parts, work, settled) if work.mends else settled)
        suspects = {origin: suspects[origin] for origin in wrong if origin not in settled}
    return found, left


def _hold_unless_erasing(db: Session, project_id: int) -> None:
    """Raises Waits: an erased person's rows are read as nobody's for a while, and an override would lead back to them."""
    hold_identity(db, project_id)
    if is_erasing(db, project_id):
        raise Waits


class _State(NamedTuple):
    """versions: of each origin's newest override that the store has; waiting: those with one that it has not yet."""

    timelines: dict[UUID, Timeline]
    versions: dict[UUID, int]
    waiting: set[UUID]

    def is_as_in(self, before: _State, origin: UUID) -> bool:
        """Whether nothing that the store may not have known was said of the origin since before it was asked."""
        return (
            origin not in before.waiting
            and self.timelines[origin] == before.timelines[origin]
            and self.versions.get(origin) == before.versions.get(origin)
        )


def _read_state(db: Session, project_id: int, ids: Mapping[UUID, Id]) -> _State:
    timelines = read_timelines(db, project_id, ids.values())
    versions: dict[UUID, int] = {}
    waiting: set[UUID] = set()
    for origins in chunks(ids):
        newest = (
            select(
                OVERRIDE.origin_id, func.max(OVERRIDE.version), func.count() - func.count(OVERRIDE.sent_at)
            )
            .where(OVERRIDE.project_id == project_id, OVERRIDE.origin_id.in_(origins))
            .group_by(OVERRIDE.origin_id)
        )
        for origin, version, unsent in db.execute(newest):
            versions[origin] = version
            if unsent:
                waiting.add(origin)
    return _State({origin: timelines[each] for origin, each in ids.items()}, versions, waiting)


def _first_here(wrong: Iterable[rows.Stretch], month: int) -> dict[UUID, list[rows.Stretch]]:
    """By origin, without those whose wrong rows begin in an earlier month: they were told then."""
    by_origin: dict[UUID, list[rows.Stretch]] = {}
    for one in wrong:
        by_origin.setdefault(one.origin_id, []).append(one)
    return {origin: own for origin, own in by_origin.items() if min(one.month for one in own) == month}


def _mended(parts: Parts, work: Work, timelines: dict[UUID, Timeline]) -> set[UUID]:
    """Send what was written of the origins, and see which of them it did not help."""
    if not timelines:
        return set()
    send_overrides(parts.store, parts.sessions)
    return {one.origin_id for one in rows.find_wrong(parts.store, work.project_id, timelines)}


def _sample(each: Id, wrong: list[rows.Stretch], timeline: Timeline) -> Sample:
    first = min(wrong, key=lambda one: one.step)
    owner = timeline[max(first.step, 0)].customer_id
    return Sample(ROWS_WRONG, each[0], first.origin_id, owner, first.owner_id, sum(one.rows for one in wrong))


def _conclude(work: Work) -> None:
    told = {
        "project": work.project_id, "check": work.check_id, "customers": work.customers, "entries": work.entries,
        "rows": work.rows,
    }  # fmt: skip
    if not work.differences:
        log.info("all customers are as the ledger says", **told)
    elif work.mended == work.differences:
        log.warning(
            "customers differed from the ledger, and were mended", differences=work.differences, **told
        )
    else:
        log.error(
            "customers differ from the ledger",
            differences=work.differences, mended=work.mended,
            samples=[to_builtins(one) for one in work.samples[:LOGGED_SAMPLES]], **told,
        )  # fmt: skip
