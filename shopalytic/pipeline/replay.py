"""Quarantined messages on their way once more.

The queue decides whether a message goes back (see `Stream.requeue`); the store only learns of it afterwards, so that the
list leaves it out. Where that fails, the message stands in the list though it is on its way, and the next attempt to
replay it does no more than finish the note.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from shopalytic.events.message import Envelope, Message
from shopalytic.events.parse import parse_envelope
from shopalytic.identity.ids import sort_user_ids
from shopalytic.pipeline.mend import Rule, mend
from shopalytic.store import Store
from shopalytic.stream import Stream


def find_replayable(
    envelope: str, rule: Rule | None = None, *, plan_id: int = 0, now_ms: int = 0
) -> Envelope | None:
    """The envelope to send again, its message mended; None where it is damaged, or the rule changes nothing.

    plan_id: the version of the tracking plan in force now, which judges it: that may be what was mended. now_ms: so may
    be what the project says of its ids.
    """
    try:
        found = msgspec.json.decode(envelope, type=Envelope)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    message = found.message if rule is None else mend(bytes(found.message), rule)
    if message is None:
        return None
    return msgspec.structs.replace(
        found, message=msgspec.Raw(message), replay=found.replay + 1, plan_id=plan_id, judged_at=now_ms
    )


def replay(
    stream: Stream,
    store: Store,
    project_id: int,
    messages: Iterable[tuple[str, str]],
    rule: Rule | None = None,
    *,
    plan_id: int = 0,
) -> int:
    """Put messages of the quarantine back into the queue; gives how many went, without those that had gone before.

    messages: (the envelope's digest, the envelope). Damaged ones stay, and those that the rule does not change. Raises QueueUnavailable or StoreUnavailable; then
    some may have gone, and a repeat is safe.
    """
    entries = []
    for id, text in messages:
        envelope = find_replayable(text, rule, plan_id=plan_id, now_ms=time.time_ns() // 1_000_000)
        if envelope is not None and envelope.project_id == project_id:
            # Of the message as it came: a rule that changed the partition would find the mark not taken there.
            entries.append((visitor_key(parse_envelope(text.encode())), id, msgspec.json.encode(envelope)))
    if not entries:
        return 0
    went = stream.requeue(project_id, entries)
    take_off_list(store, project_id, [id for _, id, _ in entries])
    return went


def take_off_list(store: Store, project_id: int, ids: Iterable[str]) -> None:
    """Have the quarantine's list leave out these messages, known by their envelopes' digests. A repeat changes nothing."""
    lines = [msgspec.json.encode({"project_id": project_id, "id": id}) for id in ids]
    store.insert("replayed", lines, token=f"replayed-{blake2b(b''.join(lines), digest_size=16).hexdigest()}")


def visitor_key(envelope: Envelope) -> str:
    """As the collector chose it: with the visitor's other messages, in their order. '' where nothing tells."""
    try:
        message = msgspec.json.decode(envelope.message, type=Message)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    user_ids, _ = sort_user_ids(message.user_id or None)
    return (message.tracking_id or "").strip() or next(iter(user_ids.values()), "")
