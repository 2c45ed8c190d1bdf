"""Rules for the types of ids, by project, and ids that shall mean nobody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "id_rule",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id_type", sa.String(length=64), nullable=False),
        sa.Column("from_at", sa.DateTime(), nullable=False),
        sa.Column("is_hard", sa.Boolean(), nullable=False),
        sa.Column("max_per_customer", sa.Integer(), nullable=True),
        sa.Column("new_links_per_day", sa.Integer(), nullable=True),
        sa.Column("is_told_by_property", sa.Boolean(), nullable=False),
        sa.Column("set_at", sa.DateTime(), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_id_rule"),
    )
    op.create_index("ix_id_rule_type", "id_rule", ["project_id", "id_type", "from_at"], unique=True)
    op.create_table(
        "never_id",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id_type", sa.String(length=64), nullable=False),
        sa.Column("id_value", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("set_at", sa.DateTime(), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("effective_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.Column("removed_by", sa.String(length=32), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_never_id"),
    )
    op.create_index("ix_never_id_value", "never_id", ["project_id", "id_type", "id_value"])


def downgrade() -> None:
    op.drop_index("ix_never_id_value", table_name="never_id")
    op.drop_table("never_id")
    op.drop_index("ix_id_rule_type", table_name="id_rule")
    op.drop_table("id_rule")
