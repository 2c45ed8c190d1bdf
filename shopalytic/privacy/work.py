"""One erasure in a worker's hands: what is known of the person as long as the work lasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import update
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Erasure
from shopalytic.identity.strip import Holdings
from shopalytic.parts import Parts
from shopalytic.pipeline.run import Runner
from shopalytic.privacy.record import DONE, ERASED

HELD_FOR = timedelta(minutes=10)
"""A worker that died is replaced after it; one that lives says so between two statements."""


class Plan(msgspec.Struct, kw_only=True):
    """What is known of the person as long as the work lasts.

    ends: the last waiting message of each partition when the work began. salt: makes the surrogates; nobody can tell
    afterwards what they stand for. until: rows stored up to then are the person's. addresses: e-mail addresses and
    telephone numbers that the person's own events told. since: when the last part with such rows was replaced.
    """

    customer_id: UUID
    ends: dict[int, str] | None = None
    salt: str = ""
    surrogate: UUID | None = None
    holdings: Holdings | None = None
    until: str = ""
    override_version: int = 0
    addresses: list[str] = []
    since: str = ""


@dataclass
class Work:
    """One erasure in the hands of one worker."""

    parts: Parts
    runner: Runner
    erasure_id: str
    project_id: int
    kind: str
    plan: Plan
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def holdings(self) -> Holdings:
        assert self.plan.holdings is not None
        return self.plan.holdings

    def keep(self) -> None:
        """Tell the others that this worker is still at it."""
        with self.parts.sessions.begin() as db:
            db.execute(
                update(Erasure)
                .where(ERASED.id == self.erasure_id)
                .values(held_until=datetime.now(UTC) + HELD_FOR)
                .execution_options(synchronize_session=False)
            )

    def mark(self, text: str) -> str:
        """The surrogate of an id: the same for the same one, as long as the salt is known."""
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=self.plan.salt.encode())
        return f"anonymised-{digest.hexdigest()}"


def take(parts: Parts, runner: Runner, erasure_id: str) -> Work | None:
    """None where it is done, or somebody else is at it."""
    now = datetime.now(UTC)
    with parts.sessions.begin() as db:
        taken = db.execute(
            update(Erasure)
            .where(
                ERASED.id == erasure_id,
                ERASED.done_at.is_(None),
                ERASED.held_until.is_(None) | (ERASED.held_until < now),
            )
            .values(held_until=now + HELD_FOR)
            .returning(ERASED.project_id, ERASED.kind, ERASED.plan, ERASED.counts)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    if taken is None:
        return None
    plan = msgspec.convert(taken.plan, Plan, strict=False, str_keys=True)
    return Work(parts, runner, erasure_id, taken.project_id, taken.kind, plan, dict(taken.counts))


def save(db: Session, work: Work, step: str) -> None:
    is_done = step == DONE
    db.execute(
        update(Erasure)
        .where(ERASED.id == work.erasure_id)
        .values(
            step=step,
            plan=None if is_done else msgspec.to_builtins(work.plan, str_keys=True),
            counts=dict(work.counts),
            done_at=datetime.now(UTC) if is_done else None,
        )
        .execution_options(synchronize_session=False)
    )
