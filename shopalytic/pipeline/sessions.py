"""Sessions: those that clients keep, and those that the server cuts for what comes without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID, uuid5

from shopalytic.events.clock import EPOCH
from shopalytic.events.parse import Parsed
from shopalytic.stream.reader import SessionState

NAMESPACE = UUID("5b0f5d0e-8a53-5a0b-9d3e-0a4f6c1f7d52")
"""Changing it gives a batch that is repeated across the change other session ids than the first time."""
LONGEST_MS = 24 * 3600 * 1000
KEPT_ANEW_MS = 60_000
"""A browser sends several times a minute; its session is written down again after so long."""


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

    What a server tells of a visitor belongs to the session that his browser keeps: an order would else be a visit of
    its own, that came from nowhere. An event without a visitor (a server's, an import's) has no session.
    Returns the states to keep once the batch is stored.
    """
    by_visitor: dict[tuple[int, str], list[Parsed]] = {}
    for message in messages:
        event = message.event
        if event.tracking_id and event.door != "import":
            by_visitor.setdefault((event.project_id, event.tracking_id), []).append(message)
    if not by_visitor:
        return {}
    found = known.states(list(by_visitor))
    states = {}
    for visitor, own in by_visitor.items():
        before = found.get(visitor)
        is_clients = all(message.event.session_id for message in own)
        state = _put_visitors(*visitor, own, before, timeout_ms)
        if not (is_clients and _is_told(before, state)):
            states[visitor] = state
    return states


def _is_told(before: SessionState | None, state: SessionState) -> bool:
    """Whether what is kept says well enough when a client's session was. It is kept for a minute longer than the timeout."""
    return (
        before is not None
        and state.session_id == before.session_id
        and state.started_at_ms == before.started_at_ms
        and state.last_at_ms - before.last_at_ms < KEPT_ANEW_MS
    )


def _put_visitors(
    project_id: int, visitor: str, messages: list[Parsed], known: SessionState | None, timeout_ms: int
) -> SessionState:
    """The state to keep of one visitor; messages: at least one."""
    kept = _clients_sessions(messages, known)
    if known is not None and known.session_id in kept:
        known = kept.pop(known.session_id)
    candidates = [*kept.values(), *([known] if known is not None else [])]
    left = []
    for message in messages:
        if message.event.session_id:
            continue
        session = _find_running(candidates, _milliseconds(message), timeout_ms)
        if session is None or session is known:
            left.append(message)
        else:
            message.event.session_id = session.session_id
    if left:
        left.sort(key=lambda message: message.occurred_at)
        moments = [Moment(_milliseconds(message), message.event.message_id) for message in left]
        ids, known = assign_sessions(project_id, visitor, moments, known, timeout_ms)
        for message, name in zip(left, ids, strict=True):
            message.event.session_id = name
    states = [*kept.values(), *([known] if known is not None else [])]
    return max(states, key=lambda state: (state.last_at_ms, state.started_at_ms, state.session_id))


def _clients_sessions(messages: Sequence[Parsed], known: SessionState | None) -> dict[str, SessionState]:
    """Those that the messages name themselves, by id; with what is known of one of them."""
    found: dict[str, SessionState] = {}
    for message in messages:
        name, at_ms = message.event.session_id, _milliseconds(message)
        if not name:
            continue
        state = found.get(name) or (known if known is not None and known.session_id == name else None)
        found[name] = SessionState(
            name,
            at_ms if state is None else min(state.started_at_ms, at_ms),
            at_ms if state is None else max(state.last_at_ms, at_ms),
        )
    return found


def _find_running(sessions: Iterable[SessionState], at_ms: int, timeout_ms: int) -> SessionState | None:
    """The session in which something at that instant happened: of several, the one that began last before it."""
    near = [
        session
        for session in sessions
        if session.started_at_ms - timeout_ms <= at_ms <= session.last_at_ms + timeout_ms
        and at_ms - session.started_at_ms <= LONGEST_MS
    ]
    return min(near, key=lambda session: _distance(session, at_ms), default=None)


def _distance(session: SessionState, at_ms: int) -> tuple[bool, int, str]:
    return session.started_at_ms > at_ms, abs(at_ms - session.started_at_ms), session.session_id


def _milliseconds(message: Parsed) -> int:
    since = message.occurred_at - EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
