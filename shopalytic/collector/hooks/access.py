"""Hook keys: looked up for each notification, since there are few of them, and noted as used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Key, OrderClaim, Project, ToldRefund
from shopalytic.collector.keys import KEY_LENGTH_LIMIT, Access
from shopalytic.errors import DatabaseUnavailable, NotAuthorized

USE_NOTED = timedelta(minutes=1)


class Hook(NamedTuple):
    access: Access
    signing_secret: str


def get_hook(sessions: sessionmaker[Session], key: str) -> Hook:
    """Raises NotAuthorized for a key that is unknown or revoked, DatabaseUnavailable."""
    query = select(
        Key.project_id, Key.id, Key.signing_secret, Key.revoked_at, Project.plan_id, Project.keeps_addresses
    )
    query = query.join(Project, Project.id == Key.project_id)
    try:
        with reading(sessions) as db:
            row = db.execute(query.where(Key.kind == "hook", Key.value == key[:KEY_LENGTH_LIMIT])).first()
    except SQLAlchemyError as error:
        raise DatabaseUnavailable("The database with the keys does not answer.") from error
    if row is None or not row.signing_secret or row.revoked_at is not None:
        was = "was revoked" if row is not None and row.revoked_at else "is not known"
        raise NotAuthorized(f"This hook key {was}.", at="key")
    return Hook(
        Access(row.project_id, row.id, frozenset(), row.plan_id, row.keeps_addresses), row.signing_secret
    )


def find_told(
    sessions: sessionmaker[Session], project_id: int, platform: str, refund_ids: Iterable[str]
) -> set[str]:
    """Those of the refunds that the platform told before. Raises DatabaseUnavailable."""
    ids = list(refund_ids)
    if not ids:
        return set()
    query = select(ToldRefund.refund_id).where(
        ToldRefund.project_id == project_id, ToldRefund.platform == platform, ToldRefund.refund_id.in_(ids)
    )
    try:
        with reading(sessions) as db:
            return set(db.scalars(query))
    except SQLAlchemyError as error:
        raise DatabaseUnavailable("The database does not answer.") from error


def is_placed(sessions: sessionmaker[Session], project_id: int, platform: str, order_id: str) -> bool:
    """Whether the platform told the order, or it counts by another way. Raises DatabaseUnavailable."""
    if find_told(sessions, project_id, platform, [placed_mark(order_id)]):
        return True
    try:
        with reading(sessions) as db:
            return db.get(OrderClaim, (project_id, order_id)) is not None
    except SQLAlchemyError as error:
        raise DatabaseUnavailable("The database does not answer.") from error


def placed_mark(order_id: str) -> str:
    """What stands among the told refunds for an order that was told."""
    return f"placed-{order_id}"


def note(sessions: sessionmaker[Session], access: Access, platform: str, marks: Iterable[str]) -> None:
    """What was told, and that the key was used. Raises DatabaseUnavailable: the repeat is recognised by message id."""
    ids = list(marks)
    try:
        try:
            _note(sessions, access, platform, ids)
        except IntegrityError:
            # Somebody else noted one of them in this moment; the others are not noted yet.
            _note(sessions, access, platform, ids)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable("The database does not answer.") from error


def _note(sessions: sessionmaker[Session], access: Access, platform: str, ids: list[str]) -> None:
    now = datetime.now(UTC)
    with sessions.begin() as db:
        db.execute(
            update(Key)
            .where(Key.id == access.key_id)
            .where(or_(Key.last_used_at.is_(None), Key.last_used_at < now - USE_NOTED))
            .values(last_used_at=now)
        )
        for each in ids:
            db.merge(ToldRefund(project_id=access.project_id, platform=platform, refund_id=each))
