"""Names and engines of the event tables, on one server or on a cluster, from the same SQL files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, StrictUndefined

_SQL = Environment(undefined=StrictUndefined, autoescape=False)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Naming:
    """Renders `{{…}}` in SQL files. `cluster` empty: one server and plain tables.

    On a cluster, `events` is a Distributed table over `events_local`, sharded by visitor; `overrides` is replicated
    to every node. The rendered text still has ClickHouse's own `{name:Type}` placeholders.
    """

    database: str
    cluster: str = ""

    def __post_init__(self) -> None:
        for name in (self.database, self.cluster or "none"):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a plain name (letters, digits, _)")

    def table(self, name: str) -> str:
        return f"{self.database}.{name}"

    def local(self, name: str) -> str:
        return self.table(f"{name}_local" if self.cluster else name)

    @property
    def on_cluster(self) -> str:
        return f"ON CLUSTER {self.cluster}" if self.cluster else ""

    def merge_tree(self, name: str) -> str:
        if not self.cluster:
            return "MergeTree"
        return f"ReplicatedMergeTree('/clickhouse/tables/{{shard}}/{self.database}/{name}', '{{replica}}')"

    def replacing_merge_tree(self, name: str, version: str) -> str:
        if not self.cluster:
            return f"ReplacingMergeTree({version})"
        path = f"/clickhouse/tables/all/{self.database}/{name}"
        return f"ReplicatedReplacingMergeTree('{path}', '{{shard}}-{{replica}}', {version})"

    def deduplication_window(self, blocks: int) -> str:
        if not self.cluster:
            return f"non_replicated_deduplication_window = {blocks}"
        week_seconds = 7 * 24 * 3600
        return (
            f"replicated_deduplication_window = {blocks}, "
            f"replicated_deduplication_window_seconds = {week_seconds}"
        )

    def distributed(self, name: str, sharding_key: str) -> str:
        if not self.cluster:
            return ""
        return (
            f"CREATE TABLE IF NOT EXISTS {self.table(name)} {self.on_cluster} AS {self.local(name)} "
            f"ENGINE = Distributed({self.cluster}, {self.database}, {name}_local, {sharding_key});"
        )

    @property
    def owner(self) -> str:
        """SQL expression: whose a row of `events` is, read through the overrides."""
        return (
            f"dictGetOrDefault('{self.table('owners')}', 'customer_id', "
            "(project_id, origin_id), occurred_at, customer_id)"
        )

    def render(self, sql: str) -> str:
        return _render(self, sql)


@lru_cache(maxsize=512)
def _render(naming: Naming, sql: str) -> str:
    tables = ("events", "overrides", "quarantine", "replayed", "dropped", "owners")
    names = {name: naming.table(name) for name in tables}
    functions = {
        name: getattr(naming, name)
        for name in (
            "table", "local", "on_cluster", "merge_tree", "replacing_merge_tree",
            "deduplication_window", "distributed", "owner",
        )
    }  # fmt: skip
    return _SQL.from_string(sql).render(**names, **functions)
