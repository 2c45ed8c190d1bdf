"""Decisions of a batch that its repeat reads instead of deciding anew; see `accounts.models.BatchVerdict`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import BatchVerdict
from shopalytic.identity.statements import insert_into

EMAIL_FREE = "email_free"
EMAIL_IN_USE = "email_in_use"
CLAIM_RELEASED = "claim_released"
ORDER_KNOWN = "order_known"

KEPT = timedelta(days=30)
"""A batch that waits for longer, say for a store that is gone, may be judged anew by its repeat."""


def read_verdicts(db: Session, project_id: int, token: str) -> list[BatchVerdict]:
    """Those of the batch with this token, in any order."""
    return list(
        db.scalars(
            select(BatchVerdict).where(BatchVerdict.project_id == project_id, BatchVerdict.batch == token)
        )
    )


def keep_verdicts(db: Session, project_id: int, token: str, verdicts: Iterable[tuple[str, str, str]]) -> None:
    """Keep (message id, verdict, order id or ''). The first verdict of a message stays."""
    kept_at = datetime.now(UTC)
    rows = [
        {
            "project_id": project_id,
            "batch": token,
            "message_id": message_id,
            "verdict": verdict,
            "order_id": order_id,
            "kept_at": kept_at,
        }
        for message_id, verdict, order_id in verdicts
    ]
    if rows:
        db.execute(insert_into(db, BatchVerdict).on_conflict_do_nothing(), rows)


def forget_verdicts(db: Session, now: datetime) -> None:
    """Delete those that no batch can need any more."""
    db.execute(delete(BatchVerdict).where(BatchVerdict.kept_at < now - KEPT))
