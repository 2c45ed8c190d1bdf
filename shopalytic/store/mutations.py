"""Rows that are rewritten in the background."""

from __future__ import annotations

import msgspec

from shopalytic.store.client import Store


class Running(msgspec.Struct):
    number: int


def is_rewriting(store: Store, table: str) -> bool:
    """Whether an ALTER of the table's rows is still under way on any node, whoever asked for it."""
    cluster = store.naming.cluster
    mutations = f"clusterAllReplicas('{cluster}', system.mutations)" if cluster else "system.mutations"
    [running] = store.rows(
        Running,
        f"SELECT count() AS number FROM {mutations} "
        "WHERE database = {database:String} AND table = {table:String} AND NOT is_done",
        database=store.naming.database,
        table=store.naming.local(table).partition(".")[2],
    )
    return running.number > 0
