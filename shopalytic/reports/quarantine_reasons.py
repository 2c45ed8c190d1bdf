from __future__ import annotations

import msgspec

from shopalytic.reports.project import Project
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


class QuarantineCount(msgspec.Struct, frozen=True):
    reason: str
    messages: int


def quarantine_reasons(store: Store, project: Project) -> list[QuarantineCount]:
    """Why messages are in quarantine, and how many, the most frequent reason first."""
    return store.rows(QuarantineCount, read_sql("quarantine_reasons"), project=project.project_id)
