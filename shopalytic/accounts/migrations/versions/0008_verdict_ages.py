"""When a batch's decision was kept, so that it can be forgotten."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # SQLite adds no column whose default is a function.
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    op.add_column("batch_verdict", sa.Column("kept_at", sa.DateTime(), nullable=False, server_default=now))
    op.create_index("ix_batch_verdict_kept_at", "batch_verdict", ["kept_at"])


def downgrade() -> None:
    op.drop_index("ix_batch_verdict_kept_at", table_name="batch_verdict")
    op.drop_column("batch_verdict", "kept_at")
