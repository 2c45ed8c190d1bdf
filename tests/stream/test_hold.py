"""All partitions held by one, and how to know that what waited is done."""

from __future__ import annotations

import pytest

from shopalytic.stream import SessionState, Stream, hold
from shopalytic.stream.hold import NotHeld, forget_sessions, hold_partitions, is_past, read_ends, renew
from shopalytic.stream.keys import partition_key
from shopalytic.stream.reader import Receipt
from tests.stream.test_stream import ANNA, ANNAS, claim, leased, stored


def jobs(stream: Stream) -> set[int]:
    """Partitions for which a job is marked as queued."""
    return {number for number in range(2) if stream.client.exists(partition_key(number, "job"))}


def test_what_came_later_is_not_waited_for(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"before")])
    ends = read_ends(stream)
    assert not is_past(stream, ends)
    stream.append(1, [(ANNA, b"after")])
    partition = leased(stream)
    batch = claim(partition, most=1)
    # Claimed is not done: its worker may die.
    assert not is_past(stream, ends)
    partition.acknowledge(batch, stored(batch), 60)
    assert is_past(stream, ends)
    assert stream.backlog()[ANNAS] == 1


def test_an_empty_queue_has_nothing_to_wait_for(stream: Stream) -> None:
    assert read_ends(stream) == {}
    assert is_past(stream, {})


def test_nobody_works_while_all_partitions_are_held_and_everybody_does_afterwards(stream: Stream) -> None:
    with hold_partitions(stream) as held:
        assert [partition.number for partition in held] == [0, 1]
        assert not any(stream.partition(number).lease() for number in range(2))
        stream.append(1, [(ANNA, b"meanwhile")])
        renew(held)
    assert jobs(stream) == {ANNAS}
    assert claim(leased(stream)).entries == [b"meanwhile"]


def test_a_partition_that_a_worker_keeps_is_not_held_and_neither_are_the_others(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "PATIENCE_SECONDS", 0)
    stream.partitions()
    leased(stream, 1)
    with pytest.raises(NotHeld), hold_partitions(stream):
        raise AssertionError("it was held")
    leased(stream, 0)


def test_a_lease_that_was_lost_is_noticed(stream: Stream) -> None:
    with pytest.raises(NotHeld), hold_partitions(stream) as held:
        stream.client.delete(partition_key(0, "lease"))
        leased(stream, 0)
        renew(held)


def test_a_visitor_whose_session_was_forgotten_starts_another(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"m")])
    partition = leased(stream)
    batch = claim(partition)
    state = SessionState("s-1", 1, 2)
    partition.acknowledge(batch, Receipt(states={(1, ANNA): state, (1, "bert"): state}), 60)
    forget_sessions(stream, 1, [ANNA])
    assert partition.states([(1, ANNA), (1, "bert")]) == {(1, "bert"): state}


def test_erased_messages_count_as_dropped_once_and_cannot_be_put_back(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"a"), (ANNA, b"b")])
    partition = leased(stream)
    batch = claim(partition)
    receipt = Receipt()
    for _ in batch.entries:
        receipt.count(1, "quarantined")
    partition.acknowledge(batch, receipt, 60)
    assert stream.requeue(1, [(ANNA, "mark-b", b"b")]) == 1
    marks = [(ANNA, "mark-a"), (ANNA, "mark-b")]
    assert [stream.erase_quarantined(1, marks) for _ in range(2)] == [1, 0]
    assert stream.requeue(1, [(ANNA, "mark-a", b"a")]) == 0
    counters = stream.counters(1)
    assert (counters.accepted, counters.dropped, counters.quarantined, counters.waiting) == (
        2, {"erased": 1}, 0, 1,
    )  # fmt: skip
