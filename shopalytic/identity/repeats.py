"""Which new entries change nothing: a page that calls identify on every request must not cost a fold each time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Link
from shopalytic.identity.rules import Entry
from shopalytic.identity.statements import chunks

LOOK_BACK = 8
"""How many of a visitor's newest entries are looked at; what is older counts as a change, which only costs time."""

LINK = Link.__table__.c


def without_repeats(db: Session, project_id: int, new: Iterable[Entry]) -> list[Entry]:
    """The entries without each `identify` that says again what its visitor's last one before it said.

    The ledger holds the new ones already. A repeat stays there: where a message of the time between arrives late, it
    matters. It changes nothing now, because after an identify the visitor belongs to the owner of its id, who is
    identified and so never moves, until the next identify (or event with another id) of the same visitor.
    """
    entries = list(new)
    said = _newest(db, project_id, {one.tracking_id for one in entries if one.kind == "identify"})
    return [
        one for one in entries if one.kind != "identify" or not _is_repeat(one, said.get(one.tracking_id, []))
    ]


def _is_repeat(entry: Entry, newest_first: list[Any]) -> bool:
    before = iter(newest_first)
    for row in before:
        if (row.occurred_at, row.message_id) == entry.moment:
            break
    for row in before:
        says_the_same = (row.id_type, row.id_value) == entry.id
        if not row.active or (row.kind == "track" and says_the_same):
            continue
        # Of one message id two entries have the same moment, and the fold's order among them is not time's.
        return row.kind == "identify" and says_the_same and row.message_id != entry.message_id
    return False


def _newest(db: Session, project_id: int, visitors: Iterable[str]) -> dict[str, list[Any]]:
    """Each visitor's entries that may say who it is, newest first."""
    place = func.row_number().over(
        partition_by=LINK.tracking_id, order_by=(LINK.occurred_at.desc(), LINK.message_id.desc())
    )
    found: dict[str, list[Any]] = {}
    for some in chunks(visitors):
        ranked = (
            select(
                LINK.tracking_id,
                LINK.kind,
                LINK.id_type,
                LINK.id_value,
                LINK.occurred_at,
                LINK.message_id,
                LINK.active,
                place.label("place"),
            )
            .where(
                LINK.project_id == project_id,
                LINK.tracking_id.in_(some),
                LINK.kind.in_(("identify", "track", "merge", "undo")),
            )
            .subquery()
        )
        rows = db.execute(select(ranked).where(ranked.c.place <= LOOK_BACK).order_by(ranked.c.place))
        for row in rows:
            found.setdefault(row.tracking_id, []).append(row)
    return found
