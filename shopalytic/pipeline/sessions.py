"""Sessions by the server, for visitors whose client sends none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID, uuid5

from shopalytic.events.clock import EPOCH
from shopalytic.events.parse import Parsed
from shopalytic.stream.reader import SessionState

NAMESPACE = UUID("5b0f5d0e-8a53-5a0b-9d3e-0a4f6c1f7d52")
"""Changing it gives a batch that is repeated across the change other session ids than the first time."""
LONGEST_MS = 24 * 3600 * 1000


class Moment(NamedTuple):
    """One event without a session id, as much of it as matters here."""

    occurred_ms: int
    message_id: str


class SessionStates(Protocol):
    def states(self, visitors: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], SessionState]: ...


def session_id(project_id: int, visitor: str, message_id: str) -> str:
    """The id of the session that this message began. The same for a repeated batch."""
    return str(uuid5(NAMESPACE, f"{project_id}\x1f{visitor}\x1f{message_id}"))


def assign_sessions(
    project_id: int,
    visitor: str,
    moments: Sequence[Moment],
    known: SessionState | None,
    timeout_ms: int,
) -> tuple[list[str], SessionState]:
    """Give each of a visitor's events its session.

    A gap longer than `timeout_ms` starts a new session, one exactly as long does not; none is longer than 24 hours.
    An event from before the known session joins it where it lies within the timeout of it, and otherwise makes
    sessions of its own, which leave the known one as it is.

    moments: at least one, ascending by time; unsorted input gives wrong sessions, not an error.
    known: the visitor's last session. The same `known` gives the same ids: keep the new state only once the batch
    is stored, or a repeat of it sees other sessions.
    Returns: the ids, in order, and the session to know from now on.
    """
    ids = [""] * len(moments)
    current: SessionState | None = None
    at = 0
    if known is not None:
        started_ms = known.started_at_ms
        at = sum(moment.occurred_ms < started_ms for moment in moments)
        first = at
        while first > 0 and _is_within(
            moments[first - 1].occurred_ms, started_ms, known.last_at_ms, timeout_ms
        ):
            first -= 1
            started_ms = moments[first].occurred_ms
            ids[first] = known.session_id
        _cut(project_id, visitor, moments[:first], None, timeout_ms, ids, 0)
        current = SessionState(known.session_id, started_ms, known.last_at_ms)
    current = _cut(project_id, visitor, moments[at:], current, timeout_ms, ids, at)
    assert current is not None  # there is a moment, or a known session
    return ids, current


def _is_within(earlier_ms: int, started_ms: int, last_ms: int, timeout_ms: int) -> bool:
    return started_ms - earlier_ms <= timeout_ms and last_ms - earlier_ms <= LONGEST_MS


def _cut(
    project_id: int,
    visitor: str,
    moments: Sequence[Moment],
    current: SessionState | None,
    timeout_ms: int,
    ids: list[str],
    offset: int,
) -> SessionState | None:
    """Write the sessions of `moments`, going on from `current`, into `ids` from `offset` on; gives the last."""
    for index, moment in enumerate(moments, offset):
        time_ms = moment.occurred_ms
        if (
            current is None
            or time_ms - current.last_at_ms > timeout_ms
            or time_ms - current.started_at_ms > LONGEST_MS
        ):
            current = SessionState(session_id(project_id, visitor, moment.message_id), time_ms, time_ms)
        elif time_ms > current.last_at_ms:
            current = SessionState(current.session_id, current.started_at_ms, time_ms)
        ids[index] = current.session_id
    return current


def put_sessions(
    known: SessionStates, messages: Sequence[Parsed], timeout_ms: int
) -> dict[tuple[int, str], SessionState]:
    """Give every event that has a visitor and no session its session id.

    An event without a visitor (a server's, an import's) has no session: it is nobody's visit.
    Returns the states to keep once the batch is stored.
    """
    by_visitor: dict[tuple[int, str], list[Parsed]] = {}
    for message in messages:
        event = message.event
        if event.tracking_id and not event.session_id and event.door != "import":
            by_visitor.setdefault((event.project_id, event.tracking_id), []).append(message)
    if not by_visitor:
        return {}
    found = known.states(list(by_visitor))
    states: dict[tuple[int, str], SessionState] = {}
    for visitor, own in by_visitor.items():
        own.sort(key=lambda message: message.occurred_at)
        moments = [Moment(_milliseconds(message), message.event.message_id) for message in own]
        ids, states[visitor] = assign_sessions(*visitor, moments, found.get(visitor), timeout_ms)
        for message, name in zip(own, ids, strict=True):
            message.event.session_id = name
    return states


def _milliseconds(message: Parsed) -> int:
    since = message.occurred_at - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
