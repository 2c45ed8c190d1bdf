"""What the nightly check of the customers found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity_check",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("mends", sa.Boolean(), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("held_until", sa.DateTime(), nullable=True),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("mended", sa.Integer(), nullable=False),
        sa.Column("samples", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_check"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_identity_check_project_id_started_at", "identity_check", ["project_id", "started_at"])
    op.create_index("ix_identity_check_done_at", "identity_check", ["done_at"])


def downgrade() -> None:
    op.drop_index("ix_identity_check_done_at", table_name="identity_check")
    op.drop_index("ix_identity_check_project_id_started_at", table_name="identity_check")
    op.drop_table("identity_check")
