"""Messages judged by the tracking plan that was in force when they were received."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from shopalytic.accounts.models import Project
from shopalytic.accounts.plans import save_plan
from shopalytic.errors import DatabaseUnavailable, StoreUnavailable
from shopalytic.events.plan import EventRule, Plan, PropertyRule
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.pipeline.replay import replay
from tests.pipeline.conftest import Line
from tests.pipeline.test_replay import waiting
from tests.pipeline.test_run import ORDER, FailingStore, Killed, counters_add_up


class Dropped(msgspec.Struct):
    message_id: str
    event: str
    reason: str
    violations: list[str]


def save(line: Line, plan: Plan) -> int:
    """The id that messages received from now on carry."""
    with line.sessions.begin() as db:
        if db.get(Project, line.project_id) is None:
            db.add(Project(id=line.project_id, name=f"project {line.project_id}", origins=[]))
            db.flush()
        return save_plan(db, line.project_id, plan, saved_by="a test").id


def search(on_violation: Any) -> Plan:
    rules = {"query": PropertyRule(type="text", required=True)}
    return Plan(events={"search": EventRule(on_violation=on_violation, properties=rules)})


def dropped(line: Line) -> list[Dropped]:
    return line.store.rows(
        Dropped,
        "SELECT message_id, event, reason, violations FROM {{table('dropped')}} WHERE project_id = {project:UInt32} "
        "ORDER BY message_id",
        project=line.project_id,
    )


GOOD = {"event": "search", "properties": {"query": "mug"}}
BAD = {"event": "search", "properties": {"query": 1}}


def test_a_violation_is_kept_where_the_plan_keeps_it(line: Line) -> None:
    line.send({**BAD, "message_id": "a"}, plan_id=save(line, search("keep")))
    line.drain()
    assert [row.violations for row in line.rows()] == [["not_a_text:query"]]


def test_a_violation_is_set_aside_where_the_plan_says_so(line: Line) -> None:
    plan_id = save(line, search("quarantine"))
    line.send({**BAD, "message_id": "a"}, {**GOOD, "message_id": "b"}, plan_id=plan_id)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["b"]
    [aside] = waiting(line)
    assert (aside.message_id, aside.reason, aside.event) == ("a", "against_plan", "search")
    assert "not_a_text:query" in aside.detail
    assert dropped(line) == [Dropped("a", "search", "against_plan", ["not_a_text:query"])]
    assert counters_add_up(line)


def test_a_violation_is_refused_and_told_where_the_plan_says_so(line: Line) -> None:
    plan_id = save(line, search("refuse"))
    line.send({**BAD, "message_id": "a"}, {**GOOD, "message_id": "b"}, plan_id=plan_id)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["b"]
    assert line.stream.counters(line.project_id).dropped == {"refused_by_plan": 1}
    assert dropped(line) == [Dropped("a", "search", "refused_by_plan", ["not_a_text:query"])]
    assert counters_add_up(line)


def test_a_message_of_before_the_plan_is_judged_by_none(line: Line) -> None:
    line.send({**BAD, "message_id": "a"})
    save(line, search("refuse"))
    line.drain()
    assert [row.violations for row in line.rows()] == [[]]


def test_a_refused_order_is_not_known_and_counts_when_it_comes_right(line: Line) -> None:
    rule = EventRule(on_violation="refuse", properties={"gift": PropertyRule(type="boolean", required=True)})
    plan_id = save(line, Plan(events={"order": rule}))
    line.send({**ORDER, "message_id": "wrong"}, plan_id=plan_id)
    line.drain()
    right: dict[str, Any] = {**ORDER, "properties": {**ORDER["properties"], "gift": False}}  # type: ignore[dict-item]
    line.send({**right, "message_id": "right"}, plan_id=plan_id)
    line.drain()
    assert [row.message_id for row in line.rows()] == ["right"]
    assert line.stream.counters(line.project_id).dropped == {"refused_by_plan": 1}


def test_ids_of_two_customers_set_nothing_aside_since_a_late_message_may_join_them(line: Line) -> None:
    """Before the batch is repeated: what was set aside the first time would be stored then."""
    plan_id = save(line, Plan(events={"order": EventRule(on_violation="quarantine")}))
    line.send(
        {"message_id": "1", "type": "identify", "user_id": {"user_id": "one"}, "tracking_id": "t1"},
        {"message_id": "2", "type": "identify", "user_id": {"loyalty": "two"}, "tracking_id": "t2"},
    )
    line.drain()
    both = {"user_id": "one", "loyalty": "two"}
    line.send({**ORDER, "user_id": both, "message_id": "3"}, plan_id=plan_id)
    partition = line.lease()
    batch = partition.claim(100)
    assert batch
    with pytest.raises(Killed):
        line.runner(FailingStore(line.store, 1, after=True, error=Killed())).run(partition, batch)
    early = datetime(2026, 1, 15, tzinfo=UTC)
    late = Sighting("identify", tracking_id="t3", user_ids=both, occurred_at=early, message_id="late")
    with line.sessions.begin() as db:
        resolve(db, line.project_id, [late])
    line.drain()
    assert [row.message_id for row in line.rows()] == ["1", "2", "3"]
    assert waiting(line) == []
    assert line.stream.counters(line.project_id).stored == 3


@pytest.mark.parametrize("choice", ["quarantine", "refuse"])
def test_what_only_other_messages_tell_of_a_refund_is_judged_too(line: Line, choice: Any) -> None:
    plan_id = save(line, Plan(events={"refund": EventRule(on_violation=choice)}))
    told = {"order_id": "1001", "refund_type": "full", "total_refund": "1000.00"}
    line.send(
        {**ORDER, "message_id": "1"},
        {"event": "refund", "message_id": "2", "properties": told},
        plan_id=plan_id,
    )
    line.drain()
    assert [row.message_id for row in line.rows()] == ["1"]
    assert counters_add_up(line)


def test_a_refused_message_that_is_sent_again_is_a_duplicate(line: Line) -> None:
    plan_id = save(line, search("refuse"))
    for _ in range(2):
        line.send({**BAD, "message_id": "a"}, plan_id=plan_id)
        line.drain()
    counters = line.stream.counters(line.project_id)
    assert (counters.dropped, counters.duplicate) == ({"refused_by_plan": 1}, 1)
    assert len(dropped(line)) == 1


def test_a_replayed_message_is_judged_by_the_plan_of_the_replay(line: Line) -> None:
    line.send({**BAD, "message_id": "a"}, plan_id=save(line, search("quarantine")))
    line.drain()
    [aside] = waiting(line)
    plan_id = save(line, search("keep"))
    assert replay(line.stream, line.store, line.project_id, [(aside.id, aside.envelope)], plan_id=plan_id)
    line.drain()
    assert [row.violations for row in line.rows()] == [["not_a_text:query"]]
    assert counters_add_up(line)


def test_a_batch_waits_while_its_plan_cannot_be_read(line: Line) -> None:
    line.send({**BAD, "message_id": "a"}, plan_id=save(line, search("refuse")))
    with line.engine.begin() as connection:
        connection.execute(text("ALTER TABLE plan_version RENAME TO plan_version_away"))
    with pytest.raises(DatabaseUnavailable):
        line.drain()
    with line.engine.begin() as connection:
        connection.execute(text("ALTER TABLE plan_version_away RENAME TO plan_version"))
    line.drain()
    assert line.stream.counters(line.project_id).dropped == {"refused_by_plan": 1}


def test_a_plan_that_is_not_in_the_database_any_more_stops_nobody(line: Line) -> None:
    line.send({**BAD, "message_id": "a"}, plan_id=999_999)
    line.drain()
    assert len(line.rows()) == 1


MESSAGES = (
    {**BAD, "message_id": "1"},
    {**GOOD, "message_id": "2"},
    {**ORDER, "message_id": "3"},
    {"message_id": "4", "event": "wish"},
    {**ORDER, "message_id": "5", "tracking_id": "other"},
    {**BAD, "message_id": "1"},
)


@pytest.mark.parametrize("error", [Killed(), StoreUnavailable("away")])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_batch_cut_off_at_any_insert_ends_the_same_though_the_plan_changed_in_between(
    line: Line, fails_at: int, after: bool, error: BaseException
) -> None:
    first = save(line, Plan("quarantine", search("refuse").events))
    second = save(line, search("quarantine"))
    line.send(*MESSAGES[:4], plan_id=first)
    line.send(*MESSAGES[4:], {**BAD, "message_id": "6"}, plan_id=second)
    partition = line.lease()
    batch = partition.claim(100)
    assert batch
    with contextlib.suppress(Killed, StoreUnavailable):
        line.runner(FailingStore(line.store, fails_at, after=after, error=error)).run(partition, batch)
    assert counters_add_up(line)
    save(line, Plan("refuse", {"order": EventRule(properties={"x": PropertyRule(required=True)})}))
    line.drain()
    assert [row.message_id for row in line.rows()] == ["2", "3"]
    assert sorted((row.message_id, row.reason) for row in waiting(line)) == [
        ("4", "against_plan"), ("6", "against_plan"),
    ]  # fmt: skip
    assert [row.message_id for row in dropped(line) if row.reason == "refused_by_plan"] == ["1"]
    assert msgspec.to_builtins(line.stream.counters(line.project_id)) == {
        "accepted": 7, "stored": 2, "duplicate": 1, "dropped": {"order_known": 1, "refused_by_plan": 1},
        "quarantined": 2, "waiting": 0,
    }  # fmt: skip
