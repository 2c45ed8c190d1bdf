"""What an order held, and what was refunded of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_claim", sa.Column("total", sa.String(length=24), nullable=True))
    op.add_column(
        "order_claim", sa.Column("currency", sa.String(length=3), server_default="", nullable=False)
    )
    op.add_column("order_claim", sa.Column("lines", sa.String(length=32), server_default="", nullable=False))
    op.create_table(
        "refund_share",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.String(length=255), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("batch", sa.String(length=96), nullable=False),
        sa.Column("is_full", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.String(length=24), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_larger", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "order_id", "message_id", name="pk_refund_share"),
    )


def downgrade() -> None:
    op.drop_table("refund_share")
    for name in ("lines", "currency", "total"):
        op.drop_column("order_claim", name)
