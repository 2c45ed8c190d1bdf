"""Versioned SQL files, each run once; each statement may also run twice without harm.

Two processes may migrate at once: every statement says IF NOT EXISTS or IF EXISTS, and what one has done the
other finds done.
"""

from __future__ import annotations

import re
from importlib import resources

import msgspec

from shopalytic.store.client import Store

_STATEMENT_END = re.compile(r";[ \t]*(?:\n|$)")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)


class Version(msgspec.Struct):
    version: int


def read_migrations() -> list[tuple[int, str, str]]:
    """(version, name, text) of every file `NNNN_name.sql`, ascending."""
    files = [
        entry
        for entry in resources.files("shopalytic.store").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    ]
    found = [(int(file.name[:4]), file.name[5:-4], file.read_text(encoding="utf-8")) for file in files]
    return sorted(found)


def split_statements(text: str) -> list[str]:
    """Cut rendered SQL at each `;` that ends a line; comments and empty pieces go."""
    return [piece for raw in _STATEMENT_END.split(_COMMENT.sub("", text)) if (piece := raw.strip())]


def migrate_store(store: Store) -> list[str]:
    """Bring the event tables up to date. Returns the names of the migrations that ran now."""
    naming = store.naming
    store.command(f"CREATE DATABASE IF NOT EXISTS {naming.database} {naming.on_cluster}")
    store.command(
        "CREATE TABLE IF NOT EXISTS {{table('schema_migration')}} {{on_cluster}} "
        "(version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)) "
        "ENGINE = {{replacing_merge_tree('schema_migration', 'applied_at')}} ORDER BY version"
    )
    done = {row.version for row in store.rows(Version, "SELECT version FROM {{table('schema_migration')}}")}
    ran = []
    for version, name, text in read_migrations():
        if version in done:
            continue
        for statement in split_statements(naming.render(text)):
            store.command(statement)
        line = msgspec.json.encode({"version": version, "name": name})
        store.insert("schema_migration", [line], token=f"migration-{version}")
        ran.append(f"{version:04}_{name}")
    return ran
