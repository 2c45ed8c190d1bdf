"""What a question needs to know of the project that it is asked about."""

from __future__ import annotations

import msgspec


class Project(msgspec.Struct, frozen=True):
    """A project's values, apart from its database row, so that reports need no session.

    time_zone: IANA name, whose days reports are cut into. currency: ISO 4217.
    """

    project_id: int
    time_zone: str = "UTC"
    currency: str = "EUR"
