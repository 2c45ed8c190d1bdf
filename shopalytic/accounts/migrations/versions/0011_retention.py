"""How long a project keeps what, who is tracked no more, and what each user of a browser said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TRAIT_KEY = ["project_id", "id_type", "id_value", "name"]
BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("project", sa.Column("retention_months", sa.Integer))
    op.add_column("project", sa.Column("retention_set_at", sa.DateTime))
    op.add_column("project", sa.Column("events_deleted_before", sa.DateTime))
    op.add_column(
        "project", sa.Column("keeps_addresses", sa.Boolean, nullable=False, server_default=sa.false())
    )
    with op.batch_alter_table("trait") as batch:
        batch.add_column(sa.Column("said_as", sa.String(96), nullable=False, server_default=""))
        batch.drop_constraint("pk_trait", type_="primary")
        batch.create_primary_key("pk_trait", [*TRAIT_KEY, "said_as"])
    op.create_table(
        "tracking_stop",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("asked_by", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tracking_stop"),
    )
    op.create_index("ix_tracking_stop_project_id", "tracking_stop", ["project_id", "asked_at"])
    op.create_table(
        "stopped_id",
        sa.Column("id", BIG, nullable=False),
        sa.Column("project_id", sa.Integer, nullable=False),
        sa.Column("stop_id", sa.String(36), nullable=False),
        sa.Column("id_type", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("effective_at", sa.DateTime, nullable=False),
        sa.Column("ends_at", sa.DateTime),
        sa.Column("ended_by", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stopped_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stopped_id_digest", "stopped_id", ["project_id", "digest"])
    op.create_index("ix_stopped_id_stop_id", "stopped_id", ["stop_id"])
    op.create_table(
        "stop_key",
        sa.Column("project_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_stop_key"),
    )


def downgrade() -> None:
    for table in ("stop_key", "stopped_id", "tracking_stop"):
        op.drop_table(table)
    # The newest by time and message is what one row a name would have been.
    op.execute(
        "DELETE FROM trait WHERE EXISTS (SELECT 1 FROM trait AS newer WHERE newer.project_id = trait.project_id "
        "AND newer.id_type = trait.id_type AND newer.id_value = trait.id_value AND newer.name = trait.name "
        "AND (newer.occurred_at > trait.occurred_at OR (newer.occurred_at = trait.occurred_at "
        "AND newer.message_id > trait.message_id)))"
    )
    with op.batch_alter_table("trait") as batch:
        batch.drop_constraint("pk_trait", type_="primary")
        batch.drop_column("said_as")
        batch.create_primary_key("pk_trait", TRAIT_KEY)
    # Not in a batch: that drops the table, and with it all that refers to a project.
    for column in ("keeps_addresses", "events_deleted_before", "retention_set_at", "retention_months"):
        op.drop_column("project", column)
