"""A person's messages in quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from shopalytic.events.event import DropReason
from shopalytic.events.message import Envelope, Message
from shopalytic.events.parse import parse_envelope
from shopalytic.events.personal import CONTAINED_LENGTH
from shopalytic.identity.ids import sort_user_ids
from shopalytic.identity.judging import stand_in
from shopalytic.identity.rules import Id
from shopalytic.pipeline.replay import visitor_key
from shopalytic.store import Store
from shopalytic.stream import Stream

NEEDLES_AT_ONCE = 200
DELETED_AT_ONCE = 1000


class Row(msgspec.Struct, frozen=True):
    """id: the envelope's digest."""

    id: str
    envelope: str


def erase_quarantined(
    store: Store,
    stream: Stream,
    project_id: int,
    ids: Sequence[Id],
    visitors: Sequence[str],
    texts: Iterable[str],
) -> int:
    """Delete the messages that name the person; they count as dropped from then on. Gives how many rows went.

    texts: further values that only this person has, such as an e-mail address. A message that went back into the queue
    already is deleted here too, and counted nowhere twice. A repeat finds what is left.
    """
    return drop_rows(store, stream, project_id, find_quarantined(store, project_id, ids, visitors, texts))


def drop_rows(
    store: Store,
    stream: Stream,
    project_id: int,
    found: Sequence[Row],
    reason: DropReason = DropReason.ERASED,
) -> int:
    """Delete these messages; they count as dropped from then on. Gives how many rows went."""
    if not found:
        return 0
    marks = [(visitor_key(parse_envelope(row.envelope.encode())), row.id) for row in found]
    stream.erase_quarantined(project_id, marks, reason)
    for at in range(0, len(found), DELETED_AT_ONCE):
        # By digests: the statement's text stays on the disk for a while.
        listed = ", ".join(f"'{row.id}'" for row in found[at : at + DELETED_AT_ONCE])
        store.command(
            "DELETE FROM {{local('quarantine')}} {{on_cluster}} "
            f"WHERE project_id = {project_id:d} AND lower(hex(MD5(envelope))) IN ({listed})"
        )
    return len(found)


def find_quarantined(
    store: Store, project_id: int, ids: Sequence[Id], visitors: Sequence[str], texts: Iterable[str]
) -> list[Row]:
    """The messages that name the person, those too that went back into the queue."""
    values = {value for _, value in ids} | set(visitors) | {text for text in texts if "@" in text}
    # A visitor whom a soft id tells is called by its type and value; the message has the value alone.
    soft = {visitor.partition(":")[2] for visitor in visitors} - {""}
    return [
        row
        for row in _candidates(store, project_id, sorted(values | soft))
        if is_of_person(row.envelope, set(ids), set(visitors), values)
    ]


def is_of_person(envelope: str, ids: set[Id], visitors: set[str], values: set[str]) -> bool:
    """By the message's own ids; by a value that is one of `values`; in what is no JSON, by a longer one in quotes."""
    parsed = parse_envelope(envelope.encode())
    try:
        message = msgspec.json.decode(parsed.message, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        lower = envelope.lower()
        return any(f'"{value.lower()}"' in lower for value in values if len(value) >= CONTAINED_LENGTH)
    if _names(parsed, ids, visitors):
        return True
    wanted = {value.lower() for value in values if "@" in value or len(value) >= CONTAINED_LENGTH}
    return any(text.strip().lower() in wanted for text in _texts(message))


def _names(envelope: Envelope, ids: set[Id], visitors: set[str]) -> bool:
    try:
        message = msgspec.json.decode(envelope.message, type=Message)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    named, _ = sort_user_ids(message.user_id or None)
    return (message.tracking_id or "").strip() in visitors or any(
        each in ids or stand_in(*each) in visitors for each in named.items()
    )


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _candidates(store: Store, project_id: int, values: list[str]) -> list[Row]:
    """Messages whose text has one of the values somewhere, in either way that JSON may write it."""
    needles = sorted({form for value in values for form in _written(value)})
    rows: dict[str, Row] = {}
    for at in range(0, len(needles), NEEDLES_AT_ONCE):
        found: list[Row] = store.rows(
            Row,
            "SELECT lower(hex(MD5(envelope))) AS id, envelope FROM {{quarantine}} "
            "WHERE project_id = {project:UInt32} "
            "AND multiSearchAnyCaseInsensitiveUTF8(envelope, {needles:Array(String)})",
            project=project_id, needles=needles[at : at + NEEDLES_AT_ONCE],
        )  # fmt: skip
        rows |= {row.id: row for row in found}
    return list(rows.values())


def _written(value: str) -> set[str]:
    plain = msgspec.json.encode(value).decode()[1:-1]
    escaped = "".join(
        character if character < "\x80" else "".join(f"\\u{unit:04x}" for unit in _units(character))
        for character in plain
    )
    return {plain, escaped}


def _units(character: str) -> Iterable[int]:
    raw = character.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
