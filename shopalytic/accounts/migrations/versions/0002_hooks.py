"""Hook keys, and the refunds that platforms told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("key", sa.Column("signing_secret", sa.String(length=255), nullable=True))
    op.create_table(
        "told_refund",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("refund_id", sa.String(length=255), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "platform", "refund_id", name="pk_told_refund"),
    )


def downgrade() -> None:
    op.drop_table("told_refund")
    with op.batch_alter_table("key") as table:
        table.drop_column("signing_secret")
