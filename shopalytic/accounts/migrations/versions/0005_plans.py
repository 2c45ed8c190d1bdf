"""A project's own tracking plan, a row a version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plan_version",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(), nullable=False),
        sa.Column("saved_by", sa.String(length=254), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_plan_version_project_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_plan_version"),
        sa.UniqueConstraint("project_id", "version", name="uq_plan_version_project_id_version"),
        sqlite_autoincrement=True,
    )
    op.add_column("project", sa.Column("plan_id", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    # Not in batch mode: SQLite would make the table anew, and dropping the old one takes keys and members with it.
    op.drop_column("project", "plan_id")
    op.drop_table("plan_version")
