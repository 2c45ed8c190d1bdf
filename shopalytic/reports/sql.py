"""The SQL file beside each function."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def read_sql(stem: str) -> str:
    """Text of `<stem>.sql` of this folder."""
    return resources.files("shopalytic.reports").joinpath(f"{stem}.sql").read_text(encoding="utf-8")
