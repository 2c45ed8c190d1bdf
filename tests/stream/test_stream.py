from __future__ import annotations

import threading

import pytest

from shopalytic.errors import QueueUnavailable
from shopalytic.stream import Batch, LeaseLost, Partition, SessionState, Stream
from shopalytic.stream.keys import partition_key, partition_of
from shopalytic.stream.reader import SEEN_GENERATION_SECONDS, Receipt
from tests.servers import running_valkey

ANNA = "anna"
ANNAS = partition_of(ANNA, 2)


def leased(stream: Stream, number: int = ANNAS) -> Partition:
    partition = stream.partition(number)
    assert partition.lease()
    return partition


def claim(partition: Partition, most: int = 10) -> Batch:
    batch = partition.claim(most)
    assert batch is not None
    return batch


def stored(batch: Batch, project_id: int = 1) -> Receipt:
    receipt = Receipt(digests=[entry.ljust(16) for entry in batch.entries])
    for _ in batch.entries:
        receipt.count(project_id, "stored")
    return receipt


def test_a_visitors_messages_come_out_in_the_order_they_went_in(stream: Stream) -> None:
    for number in range(25):
        stream.append(1, [(ANNA, b"%d" % number)])
    partition = leased(stream)
    out = []
    for _ in range(3):
        batch = claim(partition)
        out += batch.entries
        partition.acknowledge(batch, stored(batch), 60)
    assert out == [b"%d" % number for number in range(25)]
    assert partition.claim(10) is None


def test_a_batch_claimed_again_is_composed_as_before_though_more_has_come(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"1"), (ANNA, b"2")])
    first = claim(leased(stream), most=2)
    stream.append(1, [(ANNA, b"3")])
    stream.client.delete(partition_key(ANNAS, "lease"))
    again = claim(leased(stream), most=10)
    assert again == first
    assert again.token == first.token


def test_an_acknowledged_batch_counts_once_however_often_it_is_acknowledged(stream: Stream) -> None:
    stream.append(7, [(ANNA, b"1"), (ANNA, b"2")])
    partition = leased(stream)
    batch = claim(partition)
    assert partition.acknowledge(batch, stored(batch, 7), 60)
    assert not partition.acknowledge(batch, stored(batch, 7), 60)
    counters = stream.counters(7)
    assert (counters.accepted, counters.stored, counters.waiting) == (2, 2, 0)


def test_counters_add_up_at_each_step_and_do_not_mix_projects(stream: Stream) -> None:
    stream.append(1, [(f"visitor {number}", b"x") for number in range(10)])
    stream.append(12, [(ANNA, b"y")])
    assert stream.counters(1).waiting == stream.counters(1).accepted == 10
    partition = leased(stream)
    batch = claim(partition, 100)
    receipt = Receipt()
    outcomes = ["stored", "duplicate", "dropped:order_known", "quarantined"]
    for number, entry in enumerate(batch.entries):
        project = 12 if entry == b"y" else 1
        receipt.count(project, outcomes[number % 4] if project == 1 else "stored")
    partition.acknowledge(batch, receipt, 60)
    counters = stream.counters(1)
    done = counters.stored + counters.duplicate + sum(counters.dropped.values()) + counters.quarantined
    assert counters.accepted == 10 == done + counters.waiting
    assert sum(stream.backlog().values()) == counters.waiting
    assert stream.counters(12).stored == 1


def test_a_requeued_message_is_counted_as_waiting_and_no_longer_as_quarantined(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"1"), (ANNA, b"2")])
    partition = leased(stream)
    batch = claim(partition)
    partition.acknowledge(batch, Receipt(counters={(1, "quarantined"): 2}), 60)
    assert stream.requeue(1, [(ANNA, "mark of 1", b"1 again")]) == 1
    counters = stream.counters(1)
    assert (counters.accepted, counters.quarantined, counters.waiting) == (2, 1, 1)
    again = claim(partition)
    assert again.entries == [b"1 again"]
    partition.acknowledge(again, stored(again), 60)
    counters = stream.counters(1)
    assert (counters.accepted, counters.stored, counters.quarantined, counters.waiting) == (2, 1, 1, 0)


def test_a_mark_is_requeued_once_however_often_it_is_asked(stream: Stream) -> None:
    entries = [(f"visitor {number}", f"mark {number}", b"x") for number in range(10)]
    assert stream.requeue(1, entries[:6]) == 6
    assert stream.requeue(1, entries) == 4
    assert stream.requeue(1, entries) == 0
    assert sum(stream.backlog().values()) == stream.counters(1).waiting == 10


def test_a_requeued_message_does_not_wait_for_the_sweeper(stream: Stream) -> None:
    stream.requeue(1, [(ANNA, "mark", b"x")])
    assert len(wait_for_jobs(stream, 1)) == 1


def test_message_ids_of_acknowledged_batches_are_known_again(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"1")])
    partition = leased(stream)
    digest = b"1".ljust(16)
    batch = claim(partition)
    assert partition.seen([digest]) == [False]
    partition.acknowledge(batch, stored(batch), 60)
    assert partition.seen([digest, b"other".ljust(16)]) == [True, False]


def test_running_sessions_are_kept_with_the_acknowledgement(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"1")])
    partition = leased(stream)
    batch = claim(partition)
    receipt = stored(batch)
    receipt.states[1, ANNA] = SessionState("s", 1, 2)
    partition.acknowledge(batch, receipt, 60)
    assert partition.states([(1, ANNA), (1, "ben")]) == {(1, ANNA): SessionState("s", 1, 2)}


def test_message_ids_are_known_again_with_another_number_of_partitions(
    stream: Stream, valkey_url: str
) -> None:
    stream.append(1, [(ANNA, b"1")])
    partition = leased(stream)
    batch = claim(partition)
    partition.acknowledge(batch, stored(batch), 60)
    more = Stream(valkey_url, partitions=7)
    assert more.partition(5).seen([b"1".ljust(16)]) == [True]
    more.close()


def test_remembered_message_ids_end_with_the_generation_after_theirs(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"1")])
    partition = leased(stream)
    batch = claim(partition)
    partition.acknowledge(batch, stored(batch), 60)
    [key] = stream.client.scan_iter("shopalytic:seen:*")
    generation = int(key.split(b":")[2])
    assert stream.client.expiretime(key) == (generation + 2) * SEEN_GENERATION_SECONDS
    assert stream.client.object("encoding", key) == b"intset"


def test_only_one_worker_holds_a_partition(stream: Stream) -> None:
    partition = leased(stream)
    assert not stream.partition(ANNAS).lease()
    partition.release("next")
    assert stream.partition(ANNAS).lease()


def test_a_worker_whose_lease_ran_out_learns_it_at_its_next_claim(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"1")])
    partition = leased(stream)
    stream.client.delete(partition_key(ANNAS, "lease"))
    leased(stream)
    with pytest.raises(LeaseLost):
        partition.claim(10)


def test_a_drain_job_is_queued_once_while_one_waits(stream: Stream) -> None:
    for _ in range(20):
        stream.append(1, [(ANNA, b"x")])
    queued = wait_for_jobs(stream, 1)
    assert len(queued) == 1
    assert stream.sweep() == []


def test_releasing_a_partition_with_messages_left_asks_for_the_next_job(stream: Stream) -> None:
    partition = leased(stream)
    assert not partition.release("next")
    partition = leased(stream)
    stream.append(1, [(ANNA, b"x")])
    wait_for_jobs(stream, 1)
    assert partition.release("next")
    assert stream.client.get(partition_key(ANNAS, "job")) == b"next"


def test_the_sweeper_queues_what_a_dead_worker_left(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"x")])
    wait_for_jobs(stream, 1)
    stream.client.delete("rq:queue:shopalytic")
    assert stream.sweep() == [ANNAS]
    assert stream.sweep() == []


def test_fewer_partitions_than_before_strand_nothing(stream: Stream, valkey_url: str) -> None:
    stream.append(1, [(f"visitor {number}", b"x") for number in range(20)])
    assert stream.partitions() == 2
    fewer = Stream(valkey_url, partitions=1)
    assert fewer.partitions() == 2
    assert fewer.counters(1).waiting == 20
    fewer.close()


def test_many_threads_append_at_once_and_nothing_is_lost_or_doubled(stream: Stream) -> None:
    def send(thread: int) -> None:
        for number in range(50):
            stream.append(1, [(f"{thread}", b"%d:%d" % (thread, number))])

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = []
    for number in range(2):
        found += claim(leased(stream, number), 1000).entries
    assert sorted(found) == sorted(b"%d:%d" % (t, n) for t in range(8) for n in range(50))
    assert stream.counters(1).accepted == 400


def test_a_server_that_forgot_its_scripts_is_given_them_again(stream: Stream) -> None:
    stream.append(1, [(ANNA, b"1")])
    stream.client.script_flush()
    stream.append(1, [(ANNA, b"2")])
    assert stream.counters(1).accepted == 2


def test_a_queue_that_is_gone_refuses_and_takes_again_when_it_is_back() -> None:
    with running_valkey() as url:
        stream = Stream(url, partitions=1)
        stream.append(1, [(ANNA, b"1")])
        stream.client.shutdown(nosave=True)
        with pytest.raises(QueueUnavailable):
            stream.append(1, [(ANNA, b"2")])
        stream.close()


def test_a_full_queue_refuses_messages_but_lets_the_worker_drain_it() -> None:
    with running_valkey("--maxmemory", "8mb", "--maxmemory-policy", "noeviction") as url:
        stream = Stream(url, partitions=1)
        with pytest.raises(QueueUnavailable):
            for _ in range(2000):
                stream.append(1, [(ANNA, b"x" * 10_000)])
                stream._writer._memory_checked_at = 0.0
        accepted = stream.counters(1).accepted
        assert accepted > 100
        stream.client.config_set("maxmemory", "2mb")
        with pytest.raises(QueueUnavailable):
            stream.requeue(1, [(ANNA, "mark", b"x")])
        partition = leased(stream, 0)
        while batch := partition.claim(50):
            partition.acknowledge(batch, stored(batch), 60)
        stream.client.config_set("maxmemory", "8mb")
        assert stream.counters(1).stored == accepted
        stream._writer._memory_checked_at = 0.0
        stream.append(1, [(ANNA, b"y")])
        stream.close()


def wait_for_jobs(stream: Stream, least: int) -> list[str]:
    for _ in range(1000):
        if len(found := stream._queue.get_job_ids()) >= least:
            return found
        threading.Event().wait(0.005)
    raise AssertionError("no job was queued")
