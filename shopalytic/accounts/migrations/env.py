"""What alembic runs. `upgrade` in accounts/db.py hands over a connection and owns the transaction.

On a developer's command line (`alembic revision --autogenerate -m …`) there is none; the settings' database is
used then.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from shopalytic.accounts.db import make_engine
from shopalytic.accounts.models import Base
from shopalytic.settings import load_settings


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite cannot change a column in place; batch mode makes the table anew.
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with make_engine(load_settings().relational_url).begin() as made:
        run(made)
