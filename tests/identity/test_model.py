"""The rules against the small model: any sayings at all, likely or not, without a database in between."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, note, settings
from hypothesis import strategies as st

from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.rules import Entry, fold, owner_at
from tests.identity.model import NO_ID, Id, Message, Saying, read, sayings_of
from tests.identity.people import NOON

VISITORS = ["t1", "t2", "t3"]
USERS: list[Id] = [("user_id", "a"), ("user_id", "b"), ("user_id", "t1")]
MAILS: list[Id] = [("email", "x"), ("email", "y")]
IDS = [(one,) for one in (*USERS, *MAILS)] + [(user, mail) for user in USERS for mail in MAILS]
"""What a message may carry."""
DECISIONS = ["d1", "d2", "d3", "d4"]
INSTANTS = [NOON + timedelta(seconds=at) for at in range(8)]


@st.composite
def said(draw: st.DrawFn) -> list[Saying]:
    """What messages say, then what somebody decides: mostly about what was said."""
    messages = [
        saying
        for number in range(draw(st.integers(1, 9)))
        for saying in sayings_of(draw(_message(f"{draw(st.integers(0, 9))}-{number}")))
    ]
    decided: list[Saying] = []
    for decision in DECISIONS[: draw(st.integers(0, len(DECISIONS)))]:
        at = draw(st.sampled_from(INSTANTS))
        for _ in range(draw(st.integers(1, 2))):
            if draw(st.booleans()):
                decided.append(draw(_merge(at, decision)))
                continue
            about = draw(st.sampled_from([*messages, *decided]))
            target = draw(st.sampled_from(["", about.message_id, about.message_id]))
            undo = Saying("undo", about.browser, about.id, about.other, at, decision, target)
            # The ledger has one entry of a kind for each tie of a decision.
            if all(
                (one.message_id, one.kind, one.about) != (decision, "undo", undo.about) for one in decided
            ):
                decided.append(undo)
    return [*messages, *decided]


@st.composite
def _message(draw: st.DrawFn, message_id: str) -> Message:
    ids = draw(st.sampled_from(IDS))
    kind = draw(st.sampled_from(["track", "identify", "identify", "alias"]))
    visitor = draw(st.sampled_from(["", *VISITORS, *VISITORS]))
    previous = draw(st.sampled_from(["", "a", "t1"])) if kind == "alias" else ""
    return Message(kind, visitor, ids, draw(st.sampled_from(INSTANTS)), message_id, previous)


@st.composite
def _merge(draw: st.DrawFn, at: object, decision: str) -> Saying:
    one, other = draw(st.permutations([*USERS, *MAILS]))[:2]
    visitor, second = draw(st.permutations(VISITORS))[:2]
    kind = draw(st.sampled_from(["customers", "visitor", "visitors"]))
    if kind == "customers":
        return Saying("merge", "", one, other, at, decision)  # type: ignore[arg-type]
    into = one if kind == "visitor" else (VISITOR, second)
    return Saying("merge", visitor, into, NO_ID, at, decision)  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(said())
def test_the_rules_come_to_what_the_model_says(sayings: list[Saying]) -> None:
    compare(sayings)


def compare(sayings: list[Saying]) -> None:
    """Raises AssertionError where an id is somebody else's, or something else is refused."""
    for one in sorted(sayings, key=lambda one: one.moment):
        note(f"{one.at:%S} {one.message_id} {one.kind} {one.browser} {one.id} {one.other} {one.target}")
    found = fold(1, [as_entry(one) for one in sayings])
    model = read([], sayings)
    ids = {each for one in sayings for each in (one.id, one.other, (VISITOR, one.browser)) if each[1]}
    for each in ids:
        timeline = found.timelines.get(each)
        for at in INSTANTS:
            owner = owner_at(timeline, at) if timeline else origin_id(1, *each)
            assert owner == origin_id(1, *model.owner(each, at)), f"{each} at {at}"
    assert {(one.message_id, one.kind, one.tracking_id, one.id) for one in found.refused} == {
        (saying.message_id, saying.kind, saying.browser, about) for saying, about in model.refused
    }


def as_entry(one: Saying) -> Entry:
    return Entry(
        kind=one.kind,  # type: ignore[arg-type]
        tracking_id=one.browser,
        id=one.id,
        other=one.other,
        occurred_at=one.at,
        message_id=one.message_id,
        target=one.target,
    )
