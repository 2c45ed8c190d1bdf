from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.events.event import Event
from shopalytic.events.parse import Parsed
from shopalytic.pipeline.sessions import LONGEST_MS, Moment, assign_sessions, put_sessions, session_id
from shopalytic.stream.reader import SessionState

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
TIMEOUT_MS = 30 * MINUTE_MS
KNOWN = SessionState("known", 1000 * MINUTE_MS, 1010 * MINUTE_MS)


def assign(minutes: Sequence[float], known: SessionState | None = None) -> tuple[list[str], SessionState]:
    moments = [Moment(int(minute * MINUTE_MS), f"m{minute}") for minute in minutes]
    return assign_sessions(1, "t", moments, known, TIMEOUT_MS)


def own(minute: float) -> str:
    """The id of a session that the event at this minute began."""
    return session_id(1, "t", f"m{minute}")


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([5], [5]),
        ([0, 10, 40], [0, 0, 0]),
        ([0, 30], [0, 0]),
        ([0, 30.001], [0, 30.001]),
        ([0, 31, 50, 90], [0, 31, 31, 90]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_a_gap_longer_than_the_timeout_starts_a_session_and_one_as_long_does_not(
    minutes: list[float], expected: list[float]
) -> None:
    ids, state = assign(minutes)
    assert ids == [own(minute) for minute in expected]
    assert (state.session_id, state.last_at_ms) == (own(expected[-1]), int(minutes[-1] * MINUTE_MS))


def test_no_session_is_longer_than_a_day() -> None:
    minutes = list(range(0, 1471, 30))
    ids, _ = assign(minutes)
    assert ids == [own(0)] * 49 + [own(1470)]


def test_a_known_session_goes_on() -> None:
    ids, state = assign([1005, 1040], KNOWN)
    assert ids == ["known", "known"]
    assert state == SessionState("known", KNOWN.started_at_ms, 1040 * MINUTE_MS)


def test_a_known_session_ends_after_the_timeout() -> None:
    ids, state = assign([1041], KNOWN)
    assert ids == [own(1041)]
    assert state == SessionState(own(1041), 1041 * MINUTE_MS, 1041 * MINUTE_MS)


def test_a_late_event_inside_the_known_session_joins_it_and_does_not_shorten_it() -> None:
    assert assign([1003], KNOWN) == (["known"], KNOWN)


def test_a_late_event_shortly_before_the_known_session_begins_it() -> None:
    ids, state = assign([950, 975, 1000], KNOWN)
    assert ids == ["known"] * 3
    assert state == SessionState("known", 950 * MINUTE_MS, KNOWN.last_at_ms)


def test_events_of_yesterday_make_sessions_of_their_own_and_leave_the_known_one() -> None:
    ids, state = assign([100, 110, 500, 1005], KNOWN)
    assert ids == [own(100), own(100), own(500), "known"]
    assert state == KNOWN


def test_a_late_event_does_not_make_the_known_session_longer_than_a_day() -> None:
    known = SessionState("known", 1000 * MINUTE_MS, 1000 * MINUTE_MS + LONGEST_MS)
    ids, state = assign([990], known)
    assert ids == [own(990)]
    assert state == known


def test_the_same_batch_from_the_same_state_gives_the_same_ids() -> None:
    assert assign([900, 1005, 1100], KNOWN) == assign([900, 1005, 1100], KNOWN)


def test_projects_and_visitors_never_share_a_session() -> None:
    assert (
        len(
            {
                session_id(1, "t", "m"),
                session_id(2, "t", "m"),
                session_id(1, "u", "m"),
                session_id(1, "t", "n"),
            }
        )
        == 4
    )


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30), st.none() | st.just(KNOWN))
def test_sessions_are_cut_at_gaps_alone(minutes: list[int], known: SessionState | None) -> None:
    minutes.sort()
    ids, state = assign(minutes, known)
    assert all(ids)
    spans: dict[str, list[int]] = {}
    for minute, name in zip(minutes, ids, strict=True):
        spans.setdefault(name, []).append(minute)
    for name, times in spans.items():
        if name == "known":
            times = sorted([*times, 1000, 1010])
        assert times[-1] - times[0] <= 24 * 60
        assert name == "known" or all(b - a <= 30 for a, b in pairwise(times))
    assert state.started_at_ms <= state.last_at_ms
    if known is None:
        assert state.session_id == ids[-1]


class Known:
    """States as the stream keeps them, and which visitors were asked for."""

    def __init__(self, *, of: Mapping[tuple[int, str], SessionState]) -> None:
        self.of = of
        self.asked: list[tuple[int, str]] = []

    def states(self, visitors: Sequence[tuple[int, str]]) -> Mapping[tuple[int, str], SessionState]:
        self.asked += visitors
        return {visitor: self.of[visitor] for visitor in visitors if visitor in self.of}


def parsed(
    minute: float, tracking_id: str = "t", session: str = "", project_id: int = 1, door: str = "native"
) -> Parsed:
    occurred_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    at = f"{occurred_at:%Y-%m-%d %H:%M:%S}.000"
    event = Event(
        project_id=project_id, event="x", occurred_at=at, received_at=at, stored_at=at, message_id=f"m{minute}",
        tracking_id=tracking_id, session_id=session, door=door,
    )  # fmt: skip
    return Parsed(event, occurred_at, {}, "track")


def test_a_batch_out_of_order_is_cut_in_the_order_of_time() -> None:
    messages = [parsed(50), parsed(0), parsed(20)]
    states = put_sessions(Known(of={}), messages, TIMEOUT_MS)
    assert {message.event.session_id for message in messages} == {own(0)}
    assert states == {(1, "t"): SessionState(own(0), 0, 50 * MINUTE_MS)}


@pytest.mark.parametrize("minute", [-29, 0, 5, 39])
def test_what_a_server_tells_of_a_visitor_belongs_to_the_session_of_his_browser(minute: float) -> None:
    """Though the server's clock counts whole seconds, and so may be a little before the page."""
    messages = [parsed(60, session="client's"), parsed(70, session="client's"), parsed(60 + minute)]
    states = put_sessions(Known(of={}), messages, TIMEOUT_MS)
    assert [message.event.session_id for message in messages] == ["client's"] * 3
    assert states == {(1, "t"): SessionState("client's", 60 * MINUTE_MS, 70 * MINUTE_MS)}


def test_what_a_server_tells_later_belongs_to_the_session_that_the_browser_kept() -> None:
    states = put_sessions(Known(of={}), [parsed(60, session="client's")], TIMEOUT_MS)
    messages = [parsed(65)]
    states = put_sessions(Known(of=states), messages, TIMEOUT_MS)
    assert messages[0].event.session_id == "client's"
    messages = [parsed(70, session="client's"), parsed(72)]
    states = put_sessions(Known(of=states), messages, TIMEOUT_MS)
    assert messages[1].event.session_id == "client's"
    assert states == {(1, "t"): SessionState("client's", 60 * MINUTE_MS, 72 * MINUTE_MS)}


def test_of_two_sessions_of_a_browser_the_one_that_began_last_has_the_order() -> None:
    messages = [parsed(0, session="first"), parsed(20, session="second"), parsed(25), parsed(10)]
    states = put_sessions(Known(of={}), messages, TIMEOUT_MS)
    assert [message.event.session_id for message in messages[2:]] == ["second", "first"]
    assert states[1, "t"].session_id == "second"


def test_an_order_just_before_the_browsers_next_session_belongs_to_the_one_before() -> None:
    messages = [parsed(1030, session="next"), parsed(1015)]
    states = put_sessions(Known(of={(1, "t"): KNOWN}), messages, TIMEOUT_MS)
    assert messages[1].event.session_id == "known"
    assert states[1, "t"].session_id == "next"


def test_what_a_server_tells_long_after_the_browsers_session_is_a_session_of_its_own() -> None:
    messages = [parsed(0, session="client's"), parsed(31)]
    put_sessions(Known(of={}), messages, TIMEOUT_MS)
    assert messages[1].event.session_id == own(31)


def test_a_session_that_the_client_made_stands() -> None:
    messages = [parsed(1005, session="client's"), parsed(1006, session="another")]
    states = put_sessions(Known(of={(1, "t"): KNOWN}), messages, TIMEOUT_MS)
    assert [message.event.session_id for message in messages] == ["client's", "another"]
    assert states == {}  # the known one had the last event


def test_a_browsers_session_is_written_down_again_after_a_minute() -> None:
    before = SessionState("client's", 0, 0)
    for minute, is_kept in ((0.5, False), (1, True)):
        states = put_sessions(Known(of={(1, "t"): before}), [parsed(minute, session="client's")], TIMEOUT_MS)
        assert bool(states) is is_kept


def test_each_visitor_of_each_project_has_sessions_of_its_own() -> None:
    messages = [parsed(1005), parsed(1005, "u"), parsed(1005, project_id=2)]
    known = Known(of={(1, "t"): KNOWN})
    states = put_sessions(known, messages, TIMEOUT_MS)
    assert messages[0].event.session_id == "known"
    assert messages[1].event.session_id == session_id(1, "u", "m1005")
    assert messages[2].event.session_id == session_id(2, "t", "m1005")
    assert states.keys() == {(1, "t"), (1, "u"), (2, "t")} == set(known.asked)


@pytest.mark.parametrize("message", [parsed(0, tracking_id=""), parsed(0, door="import")])
def test_what_is_nobodys_visit_has_no_session(message: Parsed) -> None:
    known = Known(of={})
    assert put_sessions(known, [message], TIMEOUT_MS) == {}
    assert message.event.session_id == ""
    assert known.asked == []
