"""Who was anonymised or forgotten, without saying who it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("held_until", sa.DateTime(), nullable=True),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_erasure"),
    )
    op.create_index("ix_erasure_project_id_asked_at", "erasure", ["project_id", "asked_at"])
    op.create_index("ix_erasure_done_at", "erasure", ["done_at"])
    op.create_table(
        "erased_id",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("erasure_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "digest", "erasure_id", name="pk_erased_id"),
    )


def downgrade() -> None:
    op.drop_table("erased_id")
    op.drop_index("ix_erasure_done_at", table_name="erasure")
    op.drop_index("ix_erasure_project_id_asked_at", table_name="erasure")
    op.drop_table("erasure")
