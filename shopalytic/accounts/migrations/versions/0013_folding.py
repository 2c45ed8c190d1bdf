"""Overrides that were folded into the rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fold_round",
        sa.Column("id", KEY, nullable=False),
        sa.Column("begun_at", sa.DateTime(), nullable=False),
        sa.Column("ends", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("months", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("folded", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_fold_round"),
        sqlite_autoincrement=True,
    )
    op.add_column("override", sa.Column("fold_round_id", KEY, nullable=True))
    op.create_index("ix_override_origin_id", "override", ["project_id", "origin_id"])
    op.create_index("ix_override_fold_round_id", "override", ["fold_round_id"])


def downgrade() -> None:
    # An empty timeline that was not sent yet would stop every worker of before: its override stays in force instead.
    op.execute("DELETE FROM override WHERE sent_at IS NULL AND fold_round_id IS NOT NULL")
    op.drop_index("ix_override_fold_round_id", table_name="override")
    op.drop_index("ix_override_origin_id", table_name="override")
    op.drop_column("override", "fold_round_id")
    op.drop_table("fold_round")
