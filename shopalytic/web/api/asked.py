from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shopalytic.parts import Parts
from shopalytic.reports.project import Project


@dataclass(frozen=True)
class Asked:
    """One authorized request: the project that its key opened, the instant it came, and the key's number."""

    parts: Parts
    project: Project
    now: datetime
    key_id: int = 0
