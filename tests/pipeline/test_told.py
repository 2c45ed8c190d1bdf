"""What a worker tells of a batch: to a project that is watched, and to a request that waits for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from redis import Redis

from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.pipeline.told import RAW_LIMIT_BYTES, Teller, Told, decode_told
from shopalytic.stream.feed import ENTRIES_KEPT, WATCHED, Feed
from tests.pipeline.conftest import Line

ORDER = {
    "event": "order",
    "properties": {
        "order_id": "o1", "cart_id": "c1", "total": "12.00", "subtotal": "12.00",
        "line_items": [{"sku": "s1", "price": "6.00", "qty": 2}],
    },
}  # fmt: skip


@pytest.fixture
def feed(line: Line) -> Feed:
    return Feed(line.stream.client)


def drain(line: Line, feed: Feed) -> None:
    tell = Teller(feed).tell
    runner = Runner(line.store, line.sessions, StepContext(), session_timeout_minutes=30, tell=tell)
    partition = line.lease()
    while batch := partition.claim(1000):
        runner.run(partition, batch)


def told(line: Line, feed: Feed) -> list[Told]:
    return [decode_told(entry.content) for entry in feed.read(line.project_id).entries]


def test_a_watched_project_is_told_of_each_message_raw_and_as_understood(line: Line, feed: Feed) -> None:
    feed.watch(line.project_id)
    properties = {"cart_id": "c1", "price": "cheap", "qty": 2}
    line.send(
        {"event": "cart_add", "properties": properties, "user_id": "jon", "tracking_id": "anna"},
        ip="192.0.2.1", user_agent="Mozilla/5.0",
    )  # fmt: skip
    drain(line, feed)
    [told_one] = told(line, feed)
    assert (told_one.outcome, told_one.door, told_one.message_id) == ("stored", "native", "m0")
    assert msgspec.json.decode(told_one.raw)["properties"] == properties
    assert [(each.kind, each.property) for each in told_one.findings] == [
        ("not_a_decimal", "price"), ("missing", "sku"),
    ]  # fmt: skip
    assert told_one.findings[0].message.startswith("price is not a decimal")
    assert told_one.event is not None
    assert told_one.event.user_ids == {"user_id": "jon"}
    assert told_one.event.customer_id == line.rows()[0].owner_id
    assert told_one.event.session_id
    assert told_one.told_at_ms >= told_one.received_at_ms
    assert b"192.0.2.1" not in feed.read(line.project_id).entries[0].content


@pytest.mark.parametrize(
    ("messages", "outcome", "reason", "words"),
    [
        ([{}, {"message_id": "m0"}], "duplicate", "duplicate", "counts once"),
        ([ORDER, ORDER | {"message_id": "m9"}], "dropped", "order_known", "This order is known"),
        ([{"timestamp": "yesterday"}], "quarantined", "bad_timestamp", "ISO 8601"),
    ],
)
def test_what_was_not_stored_is_told_with_its_reason(
    line: Line, feed: Feed, messages: list[dict[str, Any]], outcome: str, reason: str, words: str
) -> None:
    feed.watch(line.project_id)
    line.send(*messages)
    drain(line, feed)
    last = told(line, feed)[-1]
    assert (last.outcome, last.reason) == (outcome, reason)
    assert words in last.sentence


def test_a_project_that_nobody_watches_is_told_nothing(line: Line, feed: Feed) -> None:
    feed.watch(line.project_id + 1)
    line.send({})
    drain(line, feed)
    assert told(line, feed) == []
    assert line.stream.counters(line.project_id).stored == 1


def test_a_request_that_waits_is_answered_for_each_of_its_messages(line: Line, feed: Feed) -> None:
    line.send({}, {"timestamp": "yesterday"}, {"message_id": "m0"}, ticket="t1:7")
    drain(line, feed)
    answers = [decode_told(content) for content in feed.wait("t1", 3, 5)]
    assert [(each.outcome, each.number) for each in answers] == [
        ("stored", 7), ("quarantined", 7), ("duplicate", 7),
    ]  # fmt: skip
    assert {each.raw for each in answers} == {""}
    assert feed.wait("t1", 1, 0.01) == []
    assert line.stream.client.ttl("shopalytic:ticket:t1") != -1


def test_a_feed_that_fails_fails_no_batch(line: Line, feed: Feed) -> None:
    line.stream.client.set("shopalytic:ticket:t1", "no list")
    line.stream.client.set(f"shopalytic:feed:{line.project_id}", "no stream")
    feed.watch(line.project_id)
    line.send({}, ticket="t1:0")
    drain(line, feed)
    assert line.stream.counters(line.project_id).stored == 1
    assert line.stream.counters(line.project_id).waiting == 0


def test_a_message_that_cannot_be_told_fails_neither_its_batch_nor_its_neighbours(
    line: Line, feed: Feed
) -> None:
    feed.watch(line.project_id)
    line.send({}, ticket="no number")
    line.send({"message_id": "m9"}, ticket="t1:0")
    drain(line, feed)
    assert line.stream.counters(line.project_id).stored == 2
    assert [decode_told(content).message_id for content in feed.wait("t1", 1, 5)] == ["m9"]
    assert len(told(line, feed)) == 2


def test_without_redis_nobody_is_watched() -> None:
    feed = Feed(Redis.from_url("unix:///nowhere/socket"))
    assert feed.watched() == frozenset()
    feed.publish(1, [b"{}"])
    feed.answer("t", [b"{}"])
    assert feed.wait("t", 1, 0.1) == []


def test_the_feed_keeps_the_last_entries_and_says_where_some_are_gone(line: Line, feed: Feed) -> None:
    feed.publish(line.project_id, [b"first"])
    [first] = feed.read(line.project_id).entries
    feed.publish(line.project_id, [b"%d" % number for number in range(ENTRIES_KEPT - 1)])
    assert not feed.read(line.project_id, first.id).is_gap
    feed.publish(line.project_id, [b"one more", b"last"])
    page = feed.read(line.project_id, first.id)
    assert page.is_gap
    assert (len(page.entries), page.entries[-1].content) == (ENTRIES_KEPT, b"last")
    assert feed.read(line.project_id, page.entries[-1].id).entries == []
    assert 0 < line.stream.client.ttl(f"shopalytic:feed:{line.project_id}") <= 900


def test_a_large_message_is_cut_in_the_feed_and_stored_whole(line: Line, feed: Feed) -> None:
    feed.watch(line.project_id)
    line.send({"properties": {"note": "ä" * RAW_LIMIT_BYTES}})
    drain(line, feed)
    [large] = told(line, feed)
    assert large.is_raw_cut and large.are_properties_cut
    assert len(large.raw) < RAW_LIMIT_BYTES
    assert large.event is not None and large.event.properties == {}
    assert line.stream.counters(line.project_id).stored == 1


def test_watching_ends_by_itself(line: Line) -> None:
    seconds = [1000.0]
    feed = Feed(line.stream.client, now=lambda: seconds[0])
    assert feed.watch(5) is False
    assert feed.watch(5) is True
    assert feed.watched() == {5}
    seconds[0] += 301
    assert feed.watched() == frozenset()
    feed.watch(6)
    assert line.stream.client.zrange(WATCHED, 0, -1) == [b"6"]


def test_nothing_is_told_where_the_queue_is_short_of_memory(line: Line, feed: Feed) -> None:
    client = line.stream.client
    feed.watch(line.project_id)
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.2))
    try:
        assert feed.watched() == frozenset()
    finally:
        client.config_set("maxmemory", 0)
