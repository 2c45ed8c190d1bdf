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


def downgrade() -> None:
    op.execute("DELETE FROM link WHERE kind IN ('merge', 'undo')")
    op.drop_column("link", "target")
    op.drop_column("link", "decided_by")
