"""Messages of persons who are tracked no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed
from shopalytic.identity.ids import EMAIL, VISITOR, sort_user_ids
from shopalytic.identity.rules import Id
from shopalytic.identity.stops import ProjectStops


class _Ids(msgspec.Struct):
    """Of a message whose other members may be of any types: it would be kept whole, in quarantine."""

    tracking_id: Any = None
    user_id: Any = None
    previous_id: Any = None


_decode = msgspec.json.Decoder(_Ids).decode


def is_stopped(envelope: Envelope, parsed: Parsed | None, stops: ProjectStops) -> bool:
    """By the ids that the message has and when it came (back, for a replay): nothing else, so that a repeat ends the
    same. A message that is no JSON object names nobody.

    parsed: what was read of it, for ids that stand elsewhere in it; None where it cannot become an event.
    """
    try:
        sent = _decode(envelope.message)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    ids = [*_ids(sent, stops.types)]
    if parsed is not None:
        ids += [(EMAIL, parsed.told_email), (VISITOR, parsed.event.tracking_id)]
    return stops.covers(ids, envelope.judged_at or envelope.received_at)


def _ids(sent: _Ids, types: frozenset[str]) -> Iterator[Id]:
    if isinstance(sent.tracking_id, str | int):
        yield VISITOR, str(sent.tracking_id).strip()
    if isinstance(sent.user_id, str | int):
        yield from sort_user_ids(sent.user_id)[0].items()
    elif isinstance(sent.user_id, dict):
        # One by one: of more ids than a message may have, none would be taken, and all of it be set aside and kept.
        for each in sent.user_id.items():
            yield from sort_user_ids(dict([each]))[0].items()
    if isinstance(sent.previous_id, str | int):
        # It says no type: of whichever it is.
        yield from ((id_type, _written(id_type, str(sent.previous_id))) for id_type in types)


def _written(id_type: str, value: str) -> str:
    return value.strip().lower() if id_type == EMAIL else value.strip()
