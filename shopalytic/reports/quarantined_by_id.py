from __future__ import annotations

from collections.abc import Sequence

from shopalytic.reports.project import Project
from shopalytic.reports.quarantined import Quarantined
from shopalytic.reports.sql import read_sql
from shopalytic.store import Store


def quarantined_by_id(store: Store, project: Project, ids: Sequence[str]) -> list[Quarantined]:
    """Those of the messages asked for that wait in quarantine, the first received first."""
    if not ids:
        return []
    return store.rows(Quarantined, read_sql("quarantined_by_id"), project=project.project_id, ids=list(ids))
