"""A person's rows in the event store: read, stripped, deleted, and gone from the disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b, md5
from typing import Any
from uuid import UUID

import msgspec

from shopalytic.events.event import Event
from shopalytic.events.personal import Known, strip_event
from shopalytic.identity.rules import Id
from shopalytic.identity.statements import chunks
from shopalytic.identity.strip import Span
from shopalytic.store import Store

ROWS_AT_ONCE = 2000
SPANS_AT_ONCE = 500
"""In one statement, whose text the engine limits."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")

_encode = msgspec.json.Encoder().encode


class Place(msgspec.Struct, frozen=True):
    """What tells two rows under a surrogate apart."""

    message_id: str
    occurred_at: str
    received_at: str


class Number(msgspec.Struct):
    number: int


class Text(msgspec.Struct):
    text: str


def read_rows(
    store: Store, project_id: int, spans: Sequence[Span], stored_until: str
) -> Iterator[list[Event]]:
    """The rows, in pieces of up to ROWS_AT_ONCE."""
    for condition in conditions(spans):
        after: tuple[str, str, str] = ("1900-01-01 00:00:00.000", "", "1900-01-01 00:00:00.000")
        while True:
            rows = store.rows(
                Event,
                "SELECT * FROM {{events}} WHERE project_id = {project:UInt32} "
                "AND stored_at <= {until:DateTime64(3, 'UTC')} AND (" + condition + ") "
                "AND (occurred_at, message_id, received_at) > "
                "({at:DateTime64(3, 'UTC')}, {message:String}, {received:DateTime64(3, 'UTC')}) "
                "ORDER BY occurred_at, message_id, received_at LIMIT {limit:UInt32}",
                project=project_id, until=stored_until, at=after[0], message=after[1], received=after[2],
                limit=ROWS_AT_ONCE,
            )  # fmt: skip
            if rows:
                yield rows
            if len(rows) < ROWS_AT_ONCE:
                break
            after = (rows[-1].occurred_at, rows[-1].message_id, rows[-1].received_at)


def strip_rows(
    store: Store,
    project_id: int,
    spans: Sequence[Span],
    stored_until: str,
    *,
    surrogate: UUID,
    mark: Callable[[str], str],
    known: Known,
    keep: Callable[[], None],
) -> int:
    """Store each row once more, as the surrogate's; those that are there already are left as they are.

    Gives how many were written. The rows themselves stay: delete them right afterwards. keep: called before each
    piece.
    """
    there = _places(store, project_id, surrogate)
    written = 0
    for rows in read_rows(store, project_id, spans, stored_until):
        keep()
        stripped = [strip_event(row, str(surrogate), mark, known) for row in rows]
        new = [row for row in stripped if _place(row) not in there]
        if not new:
            continue
        lines = [_encode(row) for row in new]
        # The same rows give the same token: of two workers at once only one stores them.
        store.insert("events", lines, token=f"stripped-{surrogate}-{_digest(new)}")
        written += len(new)
        there.update(map(_place, new))
    return written


def hide_rows(store: Store, project_id: int, spans: Sequence[Span], until: str, salt: str) -> None:
    """Take the rows out of every answer, at once; their bytes go with `start_purge`."""
    for condition in conditions(spans, salt):
        store.command(
            _delete("events") + f" WHERE project_id = {project_id:d} AND stored_at <= '{_instant(until)}' "
            f"AND ({condition})"
        )
        store.command(
            _delete("dropped") + f" WHERE project_id = {project_id:d} AND received_at <= '{_instant(until)}' "
            f"AND ({condition})"
        )


def hide_overrides(store: Store, project_id: int, origins: Sequence[UUID], version: int, salt: str) -> None:
    for some in chunks(origins):
        store.command(
            _delete("overrides", is_local=False)
            + f" WHERE project_id = {project_id:d} AND version <= {version:d} AND {_origin_in(some, salt)}"
        )


def drop_ids(store: Store, project_id: int, ids: Sequence[Id], salt: str) -> None:
    """Take the person's ids out of rows that are somebody else's: a refused alias stands under who asked for it."""
    for some in chunks(ids):
        salted = ", ".join(f"('{_plain(id_type, salt)}', '{_plain(value, salt)}')" for id_type, value in some)
        pair = f"({_salted('k', salt)}, {_salted('v', salt)}) IN ({salted})"
        where = f"project_id = {project_id:d} AND arrayExists((k, v) -> {pair}, mapKeys(user_ids), mapValues(user_ids))"
        [found] = store.rows(Number, "SELECT count() AS number FROM {{events}} WHERE " + where)
        if found.number:
            store.command(
                f"ALTER TABLE {_local('events')} {{{{on_cluster}}}} "
                f"UPDATE user_ids = mapFilter((k, v) -> NOT ({pair}), user_ids) WHERE {where} "
                "SETTINGS mutations_sync = 2"
            )


def newest_override(store: Store, project_id: int, origins: Sequence[UUID]) -> int:
    """The highest version that the store has of any of the origins; 0: none."""
    return max(
        (
            store.rows(
                Number,
                "SELECT max(version) AS number FROM {{overrides}} "
                "WHERE project_id = {project:UInt32} AND origin_id IN {origins:Array(UUID)}",
                project=project_id, origins=[str(origin) for origin in some],
            )[0].number
            for some in chunks(origins)
        ),
        default=0,
    )  # fmt: skip


def last_stored(store: Store, project_id: int, spans: Sequence[Span]) -> str:
    """When the newest of the rows was stored, by whichever worker's clock, or the store's own time if that is later."""
    newest = store_time(store)
    for condition in conditions(spans):
        [row] = store.rows(
            Text,
            "SELECT toString(max(stored_at)) AS text FROM {{events}} "
            "WHERE project_id = {project:UInt32} AND (" + condition + ")",
            project=project_id,
        )
        newest = max(newest, row.text)
    return newest


PURGED = ("events", "dropped", "quarantine")


def start_purge(store: Store) -> None:
    """Have the tables' parts that hold deleted rows written anew. Twice is harmless."""
    for table in PURGED:
        store.command(f"ALTER TABLE {_local(table)} {{{{on_cluster}}}} APPLY DELETED MASK")
    store.command("ALTER TABLE {{overrides}} {{on_cluster}} APPLY DELETED MASK")


def is_purged(store: Store) -> bool:
    """Whether all parts that held deleted rows are written anew. Their old files are still there then."""
    [unfinished] = store.rows(
        Number,
        f"SELECT count() AS number FROM {_system(store, 'mutations')} "
        "WHERE database = {database:String} AND table IN {tables:Array(String)} AND NOT is_done",
        database=store.naming.database, tables=_names(store),
    )  # fmt: skip
    return unfinished.number == 0


def is_off_disk(store: Store, until: str) -> bool:
    """Whether no file is left of a part that was replaced up to then. The engine keeps them for some minutes, in case
    the power fails before their successors are written.
    """
    [left] = store.rows(
        Number,
        f"SELECT count() AS number FROM {_system(store, 'parts')} "
        "WHERE database = {database:String} AND table IN {tables:Array(String)} AND NOT active "
        "AND remove_time <= {until:DateTime}",
        database=store.naming.database, tables=_names(store), until=until[:19],
    )  # fmt: skip
    return left.number == 0


def store_time(store: Store) -> str:
    return store.rows(Text, "SELECT toString(now64(3, 'UTC')) AS text")[0].text


def conditions(spans: Sequence[Span], salt: str = "") -> Iterator[str]:
    """SQL conditions on `origin_id` and `occurred_at`, each for up to SPANS_AT_ONCE of the spans.

    salt: for statements whose text the engine keeps on the disk. With it no origin stands in them, which whoever knows
    an id could compute.
    """
    for some in (spans[at : at + SPANS_AT_ONCE] for at in range(0, len(spans), SPANS_AT_ONCE)):
        whole = [span.origin_id for span in some if span.is_whole]
        pieces = [_origin_in(whole, salt)] if whole else []
        pieces += [
            f"({_origin_in([span.origin_id], salt)} AND occurred_at >= '{_instant(span.from_at)}' "
            f"AND occurred_at <= '{_instant(span.to_at)}')"
            for span in some
            if not span.is_whole
        ]
        yield " OR ".join(pieces)


def _origin_in(origins: Sequence[UUID], salt: str) -> str:
    texts = [str(UUID(str(origin))) for origin in origins]
    if not salt:
        listed = ", ".join(f"'{text}'" for text in texts)
        return f"origin_id IN ({listed})"
    listed = ", ".join(f"'{_plain(text, salt)}'" for text in texts)
    return f"{_salted('toString(origin_id)', salt)} IN ({listed})"


def _salted(expression: str, salt: str) -> str:
    """SQL for what `_plain` computes."""
    return f"lower(hex(MD5(concat('{_hexadecimal(salt)}', {expression}))))"


def _plain(text: str, salt: str) -> str:
    return md5(f"{_hexadecimal(salt)}{text}".encode(), usedforsecurity=False).hexdigest()


def _hexadecimal(salt: str) -> str:
    int(salt, 16)
    return salt


def _instant(text: str) -> str:
    """Raises ValueError for anything that has no business in a statement."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"{text!r} is no instant of the store")
    return text


def _delete(table: str, *, is_local: bool = True) -> str:
    name = _local(table) if is_local else f"{{{{table('{table}')}}}}"
    return f"DELETE FROM {name} {{{{on_cluster}}}}"


def _local(table: str) -> str:
    return f"{{{{local('{table}')}}}}"


def _system(store: Store, table: str) -> str:
    cluster = store.naming.cluster
    return f"clusterAllReplicas('{cluster}', system.{table})" if cluster else f"system.{table}"


def _names(store: Store) -> list[str]:
    return [*(store.naming.local(table).partition(".")[2] for table in PURGED), "overrides"]


def _places(store: Store, project_id: int, surrogate: UUID) -> set[Place]:
    found: list[Place] = store.rows(
        Place,
        "SELECT message_id, occurred_at, received_at FROM {{events}} "
        "WHERE project_id = {project:UInt32} AND origin_id = {surrogate:UUID}",
        project=project_id, surrogate=str(surrogate),
    )  # fmt: skip
    return set(found)


def _place(row: Event) -> Place:
    return Place(row.message_id, row.occurred_at, row.received_at)


def _digest(rows: list[Event]) -> str:
    places: list[Any] = [msgspec.to_builtins(_place(row)) for row in rows]
    return blake2b(_encode(places), digest_size=16).hexdigest()
