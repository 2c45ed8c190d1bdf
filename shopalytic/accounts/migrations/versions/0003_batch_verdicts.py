"""What a batch decided and its repeat could not find out again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch_verdict",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.String(length=96), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "batch", "message_id", name="pk_batch_verdict"),
    )


def downgrade() -> None:
    op.drop_table("batch_verdict")
