"""Ids that shall identify nobody from now on: a shared till's, a test account's, a crawler's.

What they linked before stays; undo it where it is wrong. Judged like the ids that no project takes (`identity.ids.NOBODY`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import NeverId
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.ids import USER_ID, VISITOR, ForbiddenId, parse_tracking_id, parse_user_ids
from shopalytic.identity.policy import TAKES_EFFECT_AFTER
from shopalytic.identity.rules import Id
from shopalytic.identity.statements import chunks, hold_identity

NEVER = NeverId.__table__.c
LISTED_MAX = 10_000
"""In force at once, in one project: every worker keeps them in memory."""


class ListFull(Rejected):
    """The list has as many ids as it takes."""

    status = 409
    code = "list_full"


class Listed(msgspec.Struct, frozen=True):
    """One entry, as a worker judges by it. id: its value is empty where `digest` stands for it."""

    id: Id
    digest: str
    effective_at: datetime
    ends_at: datetime | None

    def counts_at(self, received_at: datetime) -> bool:
        return self.effective_at <= received_at and (self.ends_at is None or received_at < self.ends_at)


def parse_never(id_type: str, id_value: str) -> Id:
    """The id as the ledger has it. Raises ForbiddenId, which one is that identifies nobody anyway."""
    is_visitor = id_type.strip().lower() == VISITOR
    try:
        if is_visitor:
            return VISITOR, parse_tracking_id(id_value)
        [found] = parse_user_ids({id_type: id_value}).items()
    except ForbiddenId as error:
        error.at = "type" if error.at == USER_ID and id_type != USER_ID else "value"
        raise
    return found


def add_never(db: Session, project_id: int, id: Id, by: str, now: datetime | None = None) -> NeverId:
    """Have an id identify nobody, in messages received from a minute later on.

    One that is on the list already is given as it is. id: as the ledger has it, see `parse_never`. by: `user:<id>` or
    `key:<id>`. Raises ListFull.
    """
    # Two who add the same at once make one entry.
    hold_identity(db, project_id)
    at = now or datetime.now(UTC)
    known = [row for row in list_never(db, project_id) if row.removed_at is None]
    for row in known:
        if (row.id_type, row.id_value) == id:
            return row
    if len(known) >= LISTED_MAX:
        raise ListFull(f"At most {LISTED_MAX} ids can mean nobody; take some off the list first.")
    row = NeverId(
        project_id=project_id, id_type=id[0], id_value=id[1], set_at=at, set_by=by,
        effective_at=at + TAKES_EFFECT_AFTER,
    )  # fmt: skip
    db.add(row)
    db.flush()
    return row


def get_never(db: Session, project_id: int, never_id: int) -> NeverId:
    """Raises NotFound."""
    row = db.get(NeverId, never_id) if 0 < never_id < 2**63 else None
    if row is None or row.project_id != project_id:
        raise NotFound("There is no such id on the list.", at="never_id")
    return row


def remove_never(
    db: Session, project_id: int, never_id: int, by: str, now: datetime | None = None
) -> NeverId:
    """Have an id mean somebody again, in messages received from a minute later on. Twice is once. Raises NotFound."""
    hold_identity(db, project_id)
    row = get_never(db, project_id, never_id)
    if row.removed_at is None:
        row.removed_at = now or datetime.now(UTC)
        row.removed_by = by
        row.ends_at = row.removed_at + TAKES_EFFECT_AFTER
        db.flush()
    return row


def list_never(db: Session, project_id: int) -> list[NeverId]:
    """All that were ever on it, the newest first; `removed_at` tells which are not any more."""
    query = select(NeverId).where(NEVER.project_id == project_id)
    return list(db.scalars(query.order_by(NEVER.set_at.desc(), NEVER.id.desc())))


def read_listed(db: Session, project_id: int) -> list[Listed]:
    rows = db.execute(
        select(NEVER.id_type, NEVER.id_value, NEVER.digest, NEVER.effective_at, NEVER.ends_at).where(
            NEVER.project_id == project_id
        )
    )
    return [Listed((row.id_type, row.id_value), row.digest, row.effective_at, row.ends_at) for row in rows]


def digest_id(secret_key: str, project_id: int, id: Id) -> str:
    """Without the key nobody can tell from it whose it was, nor try out who it might have been."""
    text = f"never\x1f{project_id}\x1f{id[0]}\x1f{id[1]}"
    return hmac.new(secret_key.encode(), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def erase_never(
    db: Session, project_id: int, ids: Iterable[Id], values: Iterable[str], secret_key: str
) -> int:
    """Put digests in place of a person's ids, which go on meaning nobody. A repeat changes nothing.

    ids: the person's; values: what else names the person, of whatever type. secret_key: where there is none, the entries
    are deleted: a digest that anybody can make would tell whose it is. Gives how many entries it were.
    """
    found = find_never(db, project_id, ids, values)
    for row in found:
        if secret_key:
            row.digest = digest_id(secret_key, project_id, (row.id_type, row.id_value))
            row.id_value = ""
        else:
            db.delete(row)
    db.flush()
    return len(found)


def find_never(db: Session, project_id: int, ids: Iterable[Id], values: Iterable[str]) -> list[NeverId]:
    """The entries about a person, by ids or by what else names the person, whatever its type."""
    wanted = set(ids)
    texts = {value.strip().lower() for value in values} - {""}
    found: list[NeverId] = []
    for some in chunks({value for _, value in wanted} | texts):
        rows = db.scalars(select(NeverId).where(NEVER.project_id == project_id, NEVER.id_value.in_(some)))
        found += [
            row for row in rows if (row.id_type, row.id_value) in wanted or row.id_value.lower() in texts
        ]
    return found
