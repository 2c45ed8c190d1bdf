"""Who decided on an entry of the ledger, and which decision it takes back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("link", sa.Column("decided_by", sa.String(32), nullable=False, server_default=""))
    op.add_column("link", sa.Column("target", sa.String(64), nullable=False, server_default=""))
    is_decided = sa.text("kind IN ('merge', 'undo')")
    op.create_index(
        "ix_link_decided",
        "link",
        ["project_id", "occurred_at"],
        sqlite_where=is_decided,
        postgresql_where=is_decided,
    )


def downgrade() -> None:
    op.drop_index("ix_link_decided", table_name="link")
    op.execute("DELETE FROM link WHERE kind IN ('merge', 'undo')")
    op.drop_column("link", "target")
    op.drop_column("link", "decided_by")
