"""First tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "conflict",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("id_type", sa.String(length=64), nullable=False),
        sa.Column("id_value", sa.String(length=255), nullable=False),
        sa.Column("tracking_id", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conflict"),
        sa.UniqueConstraint(
            "project_id", "message_id", "kind", "id_type", "id_value", name="uq_conflict_message"
        ),
    )
    op.create_index("ix_conflict_id", "conflict", ["project_id", "id_type", "id_value"], unique=False)

    op.create_table(
        "identity",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id_type", sa.String(length=64), nullable=False),
        sa.Column("id_value", sa.String(length=255), nullable=False),
        sa.Column("from_at", sa.DateTime(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id_type", "id_value", "from_at", name="pk_identity"),
    )
    op.create_index("ix_identity_customer_id", "identity", ["project_id", "customer_id"], unique=False)
    op.create_index("ix_identity_value", "identity", ["project_id", "id_value"], unique=False)

    op.create_table(
        "link",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("tracking_id", sa.String(length=255), nullable=False),
        sa.Column("id_type", sa.String(length=64), nullable=False),
        sa.Column("id_value", sa.String(length=255), nullable=False),
        sa.Column("other_type", sa.String(length=64), nullable=False),
        sa.Column("other_value", sa.String(length=255), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_link"),
        sa.UniqueConstraint(
            "project_id",
            "message_id",
            "kind",
            "tracking_id",
            "id_type",
            "id_value",
            "other_type",
            "other_value",
            name="uq_link_message",
        ),
    )
    op.create_index("ix_link_id", "link", ["project_id", "id_type", "id_value"], unique=False)
    op.create_index("ix_link_other", "link", ["project_id", "other_type", "other_value"], unique=False)
    op.create_index("ix_link_tracking_id", "link", ["project_id", "tracking_id", "occurred_at"], unique=False)

    op.create_table(
        "order_claim",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(length=255), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("batch", sa.String(length=96), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "order_id", name="pk_order_claim"),
    )
    op.create_table(
        "override",
        sa.Column("version", BIG_KEY, nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=False),
        sa.Column("timeline", sa.JSON(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("version", name="pk_override"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_override_sent_at", "override", ["sent_at"], unique=False)

    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
        sa.UniqueConstraint("name", name="uq_project_name"),
    )
    op.create_table(
        "trait",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("id_type", sa.String(length=64), nullable=False),
        sa.Column("id_value", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("search", sa.String(length=255), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id_type", "id_value", "name", name="pk_trait"),
    )
    op.create_index("ix_trait_origin_id", "trait", ["project_id", "origin_id"], unique=False)
    op.create_index("ix_trait_search", "trait", ["project_id", "search"], unique=False)

    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email", name="uq_user_email"),
    )
    op.create_table(
        "key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_key_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_key"),
        sa.UniqueConstraint("value", name="uq_key_value"),
    )
    op.create_index("ix_key_project_id", "key", ["project_id"], unique=False)

    op.create_table(
        "member",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name="fk_member_project_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_member_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "project_id", name="pk_member"),
    )
    op.create_index("ix_member_project_id", "member", ["project_id"], unique=False)


def downgrade() -> None:
    op.drop_table("member")
    op.drop_table("key")
    op.drop_table("user")
    op.drop_table("trait")
    op.drop_table("project")
    op.drop_table("override")
    op.drop_table("order_claim")
    op.drop_table("link")
    op.drop_table("identity")
    op.drop_table("conflict")
