"""A person's rows in the event store: read, stripped, deleted, and gone from the disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

import msgspec

from shopalytic.events.event import Event
from shopalytic.events.personal import Known, strip_event
from shopalytic.identity.ids import sort_user_ids
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


class Numbers(msgspec.Struct):
    numbers: list[int]


class Pair(msgspec.Struct):
    k: str
    v: str


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
    """Begin to take the rows out of every answer; they are once `is_settled`. Their bytes go with `start_purge`."""
    for condition in hidden_conditions(store, spans, salt):
        for table, column in (("events", "stored_at"), ("dropped", "received_at")):
            store.command(
                f"DELETE FROM {_local(table)} {{{{on_cluster}}}} WHERE project_id = {project_id:d} "
                f"AND {column} <= '{_instant(until)}' AND ({condition}) SETTINGS lightweight_deletes_sync = 0"
            )


def hide_overrides(store: Store, project_id: int, origins: Sequence[UUID], version: int, salt: str) -> None:
    for some in chunks(origins):
        store.command(
            "DELETE FROM {{overrides}} {{on_cluster}} "
            f"WHERE project_id = {project_id:d} AND version <= {version:d} AND {_origin_in(store, some, salt)}"
        )


def drop_ids(store: Store, project_id: int, ids: Sequence[Id], salt: str) -> None:
    """Begin to take the person's ids out of rows that are somebody else's: a refused alias stands under who asked for
    it. They are out once `is_settled`.
    """
    for some in chunks(_as_sent(store, project_id, ids)):
        [pairs] = store.rows(
            Numbers,
            f"SELECT arrayMap((k, v) -> sipHash64('{_hexadecimal(salt)}', k, v), "
            "{types:Array(String)}, {values:Array(String)}) AS numbers",
            types=[id_type for id_type, _ in some],
            values=[value for _, value in some],
        )
        listed = ", ".join(map(str, pairs.numbers))
        pair = f"sipHash64('{_hexadecimal(salt)}', toString(k), v) IN ({listed})"
        where = f"project_id = {project_id:d} AND arrayExists((k, v) -> {pair}, mapKeys(user_ids), mapValues(user_ids))"
        [found] = store.rows(Number, "SELECT count() AS number FROM {{events}} WHERE " + where)
        if found.number:
            store.command(
                f"ALTER TABLE {_local('events')} {{{{on_cluster}}}} "
                f"UPDATE user_ids = mapFilter((k, v) -> NOT ({pair}), user_ids) WHERE {where} "
                "SETTINGS mutations_sync = 0"
            )


def _as_sent(store: Store, project_id: int, ids: Sequence[Id]) -> list[Id]:
    """The ids in every form in which some row has them: a row keeps what was sent, blanks and capitals too."""
    wanted = set(ids)
    found: set[Id] = set()
    for some in chunks({value for _, value in ids}):
        pairs: list[Pair] = store.rows(
            Pair,
            "SELECT DISTINCT k, v FROM (SELECT user_ids FROM {{events}} WHERE project_id = {project:UInt32} "
            "AND notEmpty(user_ids)) ARRAY JOIN mapKeys(user_ids) AS k, mapValues(user_ids) AS v "
            # Of other letters no two languages agree what their small ones are.
            "WHERE v IN {values:Array(String)} OR lowerUTF8(v) IN {values:Array(String)} "
            "OR match(v, '[^!-~]')",
            project=project_id, values=sorted(some),
        )  # fmt: skip
        found |= {
            (pair.k, pair.v)
            for pair in pairs
            if not wanted.isdisjoint(sort_user_ids({pair.k: pair.v})[0].items())
        }
    return sorted(found)


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
        store.command(
            f"ALTER TABLE {_local(table)} {{{{on_cluster}}}} APPLY DELETED MASK "
            "SETTINGS mutations_sync = 0, lightweight_deletes_sync = 0"
        )
    store.command(
        "ALTER TABLE {{overrides}} {{on_cluster}} APPLY DELETED MASK "
        "SETTINGS mutations_sync = 0, lightweight_deletes_sync = 0"
    )


def is_settled(store: Store) -> bool:
    """Whether all that was begun is done. After a purge, old files are still there then."""
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


def conditions(spans: Sequence[Span]) -> Iterator[str]:
    """SQL conditions on `origin_id` and `occurred_at`, each for up to SPANS_AT_ONCE of the spans."""
    for some in _pieces(spans):
        yield _any_of(some, lambda origins: f"origin_id IN ({', '.join(_quoted(one) for one in origins)})")


def hidden_conditions(store: Store, spans: Sequence[Span], salt: str) -> Iterator[str]:
    """The same for statements whose text the engine keeps on the disk: no origin stands in them, which whoever knows an
    id could compute.
    """
    for some in _pieces(spans):
        yield _any_of(some, lambda origins: _origin_in(store, origins, salt))


def _pieces(spans: Sequence[Span]) -> Iterator[Sequence[Span]]:
    for at in range(0, len(spans), SPANS_AT_ONCE):
        yield spans[at : at + SPANS_AT_ONCE]


def _any_of(spans: Sequence[Span], is_in: Callable[[Sequence[UUID]], str]) -> str:
    whole = [span.origin_id for span in spans if span.is_whole]
    pieces = [is_in(whole)] if whole else []
    pieces += [
        f"({is_in([span.origin_id])} AND occurred_at >= '{_instant(span.from_at)}' "
        f"AND occurred_at <= '{_instant(span.to_at)}')"
        for span in spans
        if not span.is_whole
    ]
    return " OR ".join(pieces)


def _origin_in(store: Store, origins: Sequence[UUID], salt: str) -> str:
    [hashes] = store.rows(
        Numbers,
        f"SELECT arrayMap(origin -> sipHash64('{_hexadecimal(salt)}', origin), {{origins:Array(UUID)}}) AS numbers",
        origins=[str(origin) for origin in origins],
    )
    listed = ", ".join(map(str, hashes.numbers))
    return f"sipHash64('{_hexadecimal(salt)}', origin_id) IN ({listed})"


def _quoted(origin: UUID) -> str:
    return f"'{UUID(str(origin))}'"


def _hexadecimal(salt: str) -> str:
    int(salt, 16)
    return salt


def _instant(text: str) -> str:
    """Raises ValueError for anything that has no business in a statement."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"{text!r} is no instant of the store")
    return text


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
