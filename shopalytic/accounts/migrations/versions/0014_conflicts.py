"""Whom a refused link is about, and what somebody has decided of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CONFLICT = sa.table(
    "conflict",
    sa.column("id"),
    sa.column("project_id"),
    sa.column("message_id"),
    sa.column("kind"),
    sa.column("id_type"),
    sa.column("id_value"),
    sa.column("tracking_id"),
    sa.column("occurred_at", sa.DateTime()),
    sa.column("other_type"),
    sa.column("other_value"),
    sa.column("owner_id", sa.Uuid()),
    sa.column("asked_id", sa.Uuid()),
)
LINK = sa.table(
    "link",
    sa.column("project_id"),
    sa.column("message_id"),
    sa.column("kind"),
    sa.column("id_type"),
    sa.column("id_value"),
    sa.column("other_type"),
    sa.column("other_value"),
)
IDENTITY = sa.table(
    "identity",
    sa.column("project_id"),
    sa.column("id_type"),
    sa.column("id_value"),
    sa.column("from_at", sa.DateTime()),
    sa.column("since", sa.DateTime()),
    sa.column("customer_id", sa.Uuid()),
)


def upgrade() -> None:
    for name, column in (
        ("other_type", sa.String(64)),
        ("other_value", sa.String(255)),
        ("decision", sa.String(8)),
        ("decided_by", sa.String(32)),
    ):
        op.add_column("conflict", sa.Column(name, column, nullable=False, server_default=""))
    op.add_column("conflict", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.add_column("conflict", sa.Column("asked_id", sa.Uuid(), nullable=True))
    op.add_column("conflict", sa.Column("decided_at", sa.DateTime(), nullable=True))
    op.create_index("ix_conflict_decision", "conflict", ["project_id", "decision"])
    # Else those of before would concern nobody until somebody says something new of their ids.
    db = op.get_bind()
    for row in db.execute(sa.select(CONFLICT)).all():
        other = _other(db, row)
        visitor = ("tracking_id", row.tracking_id)
        about = other if other[1] and (row.kind != "alias" or _is_known(db, row, other)) else visitor
        db.execute(
            sa.update(CONFLICT)
            .where(CONFLICT.c.id == row.id)
            .values(
                other_type=other[0],
                other_value=other[1],
                owner_id=_owner(db, row, (row.id_type, row.id_value)),
                asked_id=_owner(db, row, about),
            )
        )


def downgrade() -> None:
    op.drop_index("ix_conflict_decision", table_name="conflict")
    for name in (
        "decided_at",
        "asked_id",
        "owner_id",
        "decided_by",
        "decision",
        "other_value",
        "other_type",
    ):
        op.drop_column("conflict", name)


def _other(db: sa.Connection, row: Any) -> tuple[str, str]:
    said = db.execute(
        sa.select(LINK).where(
            LINK.c.project_id == row.project_id,
            LINK.c.message_id == row.message_id,
            LINK.c.kind == row.kind,
        )
    ).all()
    for link in said:
        if (link.id_type, link.id_value) == (row.id_type, row.id_value):
            return link.other_type, link.other_value
        if (link.other_type, link.other_value) == (row.id_type, row.id_value):
            return link.id_type, link.id_value
    return "", ""


def _steps(db: sa.Connection, row: Any, each: tuple[str, str]) -> Sequence[Any]:
    return db.execute(
        sa.select(IDENTITY)
        .where(
            IDENTITY.c.project_id == row.project_id,
            IDENTITY.c.id_type == each[0],
            IDENTITY.c.id_value == each[1],
        )
        .order_by(IDENTITY.c.from_at)
    ).all()


def _is_known(db: sa.Connection, row: Any, each: tuple[str, str]) -> bool:
    steps = _steps(db, row, each)
    return bool(steps) and steps[0].since <= row.occurred_at


def _owner(db: sa.Connection, row: Any, each: tuple[str, str]) -> UUID | None:
    steps = _steps(db, row, each)
    if each[0] == "tracking_id" and row.kind != "alias":
        # Of a sign-in it is the earlier history that was not to move.
        steps = steps[:1]
    at: datetime = row.occurred_at
    owner: UUID | None = None
    for number, step in enumerate(steps):
        if number == 0 or step.from_at <= at:
            owner = step.customer_id
    return owner
