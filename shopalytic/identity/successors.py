"""Who has the ids of a customer who is no more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Link
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.lookup import customer_ids

MERGES_LOOKED_AT = 500
LINK = Link.__table__.c


def find_merged(db: Session, project_id: int, customer_id: UUID) -> UUID | None:
    """Whom a customer was merged into by hand; None where no merge of the newest 500 still tells.

    A customer's key is made of one of its ids, and cannot be read backwards: so the ids of those who came out of merges
    are tried. The store need not know them, as it must to tell where a customer's events went.
    """
    of_merges = (
        select(LINK.tracking_id, LINK.id_type, LINK.id_value)
        .where(LINK.project_id == project_id, LINK.kind == "merge", LINK.active)
        .order_by(LINK.id.desc())
        .limit(MERGES_LOOKED_AT)
    )
    named = {
        each
        for row in db.execute(of_merges)
        for each in ((VISITOR, row.tracking_id), (row.id_type, row.id_value))
        if each[1]
    }
    owners = {steps[-1].customer_id for steps in read_owners(db, project_id, named).values()}
    for owner in sorted(owners, key=str):
        ids = customer_ids(db, project_id, owner)
        if any(origin_id(project_id, one.type, one.value) == customer_id for one in ids):
            return owner
    return None
