"""From the queue to the collector: batches, repeats, and what is given up."""

from __future__ import annotations

import email.utils
import json
import random
import threading
import time

import pytest

from shopalytic.client import Failure, FailureKind
from shopalytic.client.sender import BATCH_LIMIT_BYTES
from shopalytic.client.transport import parse_retry_after
from tests.client.conftest import Answer, Collector, Make

LATER = [
    Answer(500, {}), Answer(502, b"<html>bad gateway</html>"), Answer(503, {}), Answer(429, {}), Answer(408, {}),
    Answer(hangs_up=True), Answer(200, b"<html>sign in to this network</html>"),
    Answer(200, {"accepted": 0, "results": []}), Answer(200, [1]),
]  # fmt: skip


def names(collector: Collector) -> list[str]:
    return [item["event"] for item in collector.accepted]


def test_messages_go_in_their_order_in_batches_of_the_size(make: Make, collector: Collector) -> None:
    client = make(batch_size=10)
    collector.held.clear()
    for number in range(35):
        client.track(f"e{number}", user_id="77")
    collector.held.set()
    assert client.flush(20)
    assert names(collector) == [f"e{number}" for number in range(35)]
    assert sum(len(request.items) for request in collector.requests) == 35
    assert max(len(request.items) for request in collector.requests) == 10


def test_a_batch_stays_under_the_collectors_limit_of_bytes(make: Make, collector: Collector) -> None:
    client = make(batch_size=500, gzip=False)
    for number in range(60):
        client.track("search", {"n": number, "text": "x" * 20_000}, user_id="77")
    assert client.flush(20)
    assert [item["properties"]["n"] for item in collector.accepted] == list(range(60))
    assert max(len(request.body) for request in collector.requests) <= BATCH_LIMIT_BYTES


def test_what_waits_goes_after_the_interval_without_being_told(make: Make, collector: Collector) -> None:
    make(flush_interval_seconds=0.01).track("search", user_id="77")
    assert collector.wait_for_requests(1)[0].items[0]["event"] == "search"


def test_a_full_batch_does_not_wait_for_the_interval(make: Make, collector: Collector) -> None:
    client = make(batch_size=3)
    for _ in range(3):
        client.track("search", user_id="77")
    assert len(collector.wait_for_requests(1)[0].items) == 3


@pytest.mark.parametrize(("packs", "encoding"), [(True, "gzip"), (False, None)])
def test_bodies_are_packed_unless_told_otherwise(
    make: Make, collector: Collector, packs: bool, encoding: str | None
) -> None:
    client = make(gzip=packs)
    client.track("search", {"text": "x" * 5000}, user_id="77")
    assert client.flush(20)
    assert collector.requests[0].headers.get("Content-Encoding") == encoding


@pytest.mark.parametrize("answer", LATER, ids=lambda it: f"{it.status}-{it.body}-{it.hangs_up}")
def test_what_may_be_answered_later_is_repeated_with_the_same_ids(
    make: Make, collector: Collector, pauses: list[float], failures: list[Failure], answer: Answer
) -> None:
    collector.script = [answer, answer]
    client = make()
    for number in range(3):
        client.track(f"e{number}", user_id="77")
    assert client.flush(20)
    ids = [[item["message_id"] for item in request.items] for request in collector.requests]
    assert ids == [ids[0]] * 3
    assert names(collector) == ["e0", "e1", "e2"]
    assert len(pauses) == 2
    assert failures == []


def test_all_arrives_once_and_in_order_through_every_kind_of_trouble(
    make: Make, collector: Collector, pauses: list[float], failures: list[Failure]
) -> None:
    chance = random.Random(7)
    kinds = [*LATER, Answer(413, {}), Answer(hangs_up=True, takes=True), Answer(503, {}, takes=True)]
    client = make(batch_size=20, max_tries=1000)
    for part in range(20):
        collector.script = [chance.choice(kinds) for _ in range(chance.randrange(12))]
        for number in range(25):
            client.track(f"e{part}-{number}", user_id="77")
        assert client.flush(20)
    once = list({item["message_id"]: item["event"] for item in collector.accepted}.values())
    assert once == [f"e{part}-{number}" for part in range(20) for number in range(25)]
    assert failures == []


def test_a_collector_that_is_not_there_is_waited_for_with_growing_pauses(
    make: Make, pauses: list[float], failures: list[Failure]
) -> None:
    client = make(address="http://127.0.0.1:9", max_tries=9, synchronous=True)
    client.track("order", {}, user_id="77", message_id="order-1")
    assert all(0.25 * 2**n <= pause <= 0.5 * 2**n for n, pause in enumerate(pauses[:6]))
    assert all(15 <= pause <= 30 for pause in pauses[6:])
    assert len(pauses) == 8
    [failure] = failures
    assert failure.kind is FailureKind.GAVE_UP
    assert failure.message is not None
    assert failure.message["message_id"] == "order-1"


@pytest.mark.parametrize("answer", [it for it in LATER if it.status != 500 and it.body != {"accepted": 0, "results": []}],
                         ids=lambda it: f"{it.status}-{it.hangs_up}")  # fmt: skip
def test_an_outage_is_waited_out_however_long_it_is(
    make: Make, collector: Collector, pauses: list[float], failures: list[Failure], answer: Answer,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    collector.script = [answer] * 60
    client = make(batch_size=1)
    client.track("order", {}, user_id="77")
    client.track("refund", {}, user_id="77")
    assert client.flush(20)
    assert names(collector) == ["order", "refund"]
    assert failures == []
    assert len(pauses) == 60
    assert sum("messages wait" in line for line in caplog.text.splitlines()) == 1


def test_a_batch_that_breaks_the_collector_is_given_up_and_the_next_one_goes(
    make: Make, collector: Collector, pauses: list[float], failures: list[Failure]
) -> None:
    collector.script = [Answer(500, {})] * 10
    client = make(batch_size=1)
    client.track("order", {}, user_id="77")
    client.track("refund", {}, user_id="77")
    assert client.flush(20)
    assert names(collector) == ["refund"]
    assert [failure.kind for failure in failures] == [FailureKind.GAVE_UP]


def test_a_queue_of_large_messages_is_full_by_its_bytes(
    make: Make, collector: Collector, failures: list[Failure], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.client.sender.QUEUE_LIMIT_BYTES", 100_000)
    client = make()
    for _ in range(2):
        taken = [client.track("order", {"note": "x" * 30_000}, user_id="77") for _ in range(5)]
        assert [message_id is not None for message_id in taken] == [True] * 3 + [False] * 2
        assert client.flush(20)
    assert {failure.kind for failure in failures} == {FailureKind.QUEUE_FULL}
    assert len(collector.accepted) == 6


def test_a_retry_after_is_honoured(make: Make, collector: Collector, pauses: list[float]) -> None:
    collector.script = [Answer(503, {}, {"Retry-After": "7"}), Answer(429, {}, {"Retry-After": "40"})]
    client = make()
    client.track("order", {}, user_id="77")
    assert client.flush(20)
    assert 7 <= pauses[0] <= 7.7
    assert 40 <= pauses[1] <= 44
    assert names(collector) == ["order"]


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("in a minute", 50, 60),
        ("-3", 0, 0),
        ("99999999", 300, 300),
        ("inf", 300, 300),
        ("0.5", 0.5, 0.5),
    ],
)
def test_a_retry_after_is_a_number_or_a_date(text: str, least: float, most: float) -> None:
    if text == "in a minute":
        text = email.utils.formatdate(time.time() + 60, usegmt=True)
    seconds = parse_retry_after(text)
    assert seconds is not None
    assert least <= seconds <= most


@pytest.mark.parametrize("text", [None, "", "soon", "nan"])
def test_a_retry_after_that_says_nothing_counts_as_none(text: str | None) -> None:
    assert parse_retry_after(text) is None


def test_a_rejected_item_is_told_and_its_neighbours_are_kept(
    make: Make, collector: Collector, failures: list[Failure], caplog: pytest.LogCaptureFixture
) -> None:
    collector.judge = lambda item: "It has no name." if item["event"] == "bad" else None
    client = make()
    for event in ("one", "bad", "two"):
        client.track(event, user_id="77")
    assert client.flush(20)
    assert names(collector) == ["one", "two"]
    assert len(collector.requests) == 1
    [failure] = failures
    assert (failure.kind, failure.reason, failure.at) == (FailureKind.REJECTED, "It has no name.", "event")
    assert failure.message is not None
    assert failure.message["event"] == "bad"
    assert "It has no name." in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 415, 301, 302, 307])
def test_a_refused_batch_is_told_with_its_reason_and_not_repeated(
    make: Make, collector: Collector, failures: list[Failure], status: int
) -> None:
    said = {"error": {"code": "some_code", "message": "This key was revoked."}}
    collector.script = [Answer(status, said, {"Location": collector.address + "/elsewhere"})]
    client = make()
    client.track("one", user_id="77")
    client.track("two", user_id="77")
    assert client.flush(20)
    assert len(collector.requests) == 1
    assert [failure.kind for failure in failures] == [FailureKind.REJECTED] * 2
    assert failures[0].reason == f"HTTP {status}: This key was revoked."


def test_a_body_that_is_too_large_is_halved_until_it_passes(
    make: Make, collector: Collector, failures: list[Failure]
) -> None:
    collector.items_limit = 3
    client = make()
    for number in range(20):
        client.track(f"e{number}", user_id="77")
    assert client.flush(20)
    assert names(collector) == [f"e{number}" for number in range(20)]
    assert failures == []


def test_after_a_413_the_next_batches_are_smaller(make: Make, collector: Collector) -> None:
    collector.items_limit = 12
    client = make(batch_size=20)
    for part in range(2):
        for number in range(20):
            client.track(f"e{part}-{number:02}", user_id="77")
        assert client.flush(20)
    assert [len(request.items) for request in collector.requests][:3] == [20, 10, 10]
    assert max(len(request.items) for request in collector.requests[3:]) <= 12
    assert len(collector.accepted) == 40


def test_batches_grow_again_after_a_passing_413(make: Make, collector: Collector) -> None:
    client = make(batch_size=20)
    collector.script = [Answer(413, {})] * 3
    for _ in range(20):
        for number in range(20):
            client.track(f"e{number:02}", user_id="77")
        assert client.flush(20)
    assert min(len(request.items) for request in collector.requests) <= 5
    assert len(collector.requests[-1].items) == 20


def test_one_message_that_is_too_large_is_told(
    make: Make, collector: Collector, failures: list[Failure]
) -> None:
    collector.items_limit = 0
    client = make()
    client.track("order", {}, user_id="77")
    assert client.flush(20)
    assert [failure.kind for failure in failures] == [FailureKind.REJECTED]


def test_a_full_queue_refuses_the_newest_and_says_so_without_filling_the_log(
    make: Make, collector: Collector, failures: list[Failure], caplog: pytest.LogCaptureFixture
) -> None:
    client = make(queue_limit=5)
    taken = [client.track(f"e{number}", user_id="77") for number in range(8)]
    assert [message_id is not None for message_id in taken] == [True] * 5 + [False] * 3
    assert [failure.kind for failure in failures] == [FailureKind.QUEUE_FULL] * 3
    assert caplog.text.count("queue_full") == 1
    assert client.flush(20)
    assert names(collector) == [f"e{number}" for number in range(5)]
    assert client.track("again", user_id="77")


def test_flush_says_when_its_time_was_not_enough(make: Make, collector: Collector) -> None:
    collector.held.clear()
    client = make()
    client.track("search", user_id="77")
    assert not client.flush(0.02)
    collector.held.set()
    assert client.flush(20)


def test_flush_of_an_empty_queue_asks_nobody(make: Make, collector: Collector) -> None:
    assert make().flush()
    assert collector.requests == []


def test_flush_out_of_on_error_does_not_wait_for_itself(make: Make, collector: Collector) -> None:
    flushed: list[bool] = []
    collector.judge = lambda item: "No."
    client = make(on_error=lambda failure: flushed.append(client.flush(20)))
    client.track("search", user_id="77")
    assert client.flush(20)
    assert flushed == [False]


def test_a_closed_client_has_sent_all_and_takes_no_more(
    make: Make, collector: Collector, failures: list[Failure]
) -> None:
    with make() as client:
        client.track("search", user_id="77")
    assert names(collector) == ["search"]
    assert client.track("late", user_id="77") is None
    assert [failure.kind for failure in failures] == [FailureKind.CLOSED]
    assert client.close()


def test_closing_does_not_wait_longer_than_told_for_a_collector_that_is_away(
    make: Make, collector: Collector, failures: list[Failure]
) -> None:
    collector.script = [Answer(503, {}, {"Retry-After": "300"})] * 3
    client = make(batch_size=1)
    client.track("one", user_id="77")
    collector.wait_for_requests(1)
    client.track("two", user_id="77")
    client.close(timeout=5)
    assert sorted(str((failure.message or {})["event"]) for failure in failures) == ["one", "two"]
    assert {failure.kind for failure in failures} == {FailureKind.GAVE_UP}


def test_threads_share_a_client(make: Make, collector: Collector) -> None:
    client = make(batch_size=50)

    def tell(thread: int) -> None:
        for number in range(200):
            client.track("search", {"thread": thread, "n": number}, user_id="77")

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(20)
    for number in range(4):
        mine = [it["properties"]["n"] for it in collector.accepted if it["properties"]["thread"] == number]
        assert mine == list(range(200))


def test_a_synchronous_client_sends_before_the_call_returns(make: Make, collector: Collector) -> None:
    client = make(synchronous=True)
    message_id = client.track("order", {}, user_id="77")
    assert [item["message_id"] for item in collector.accepted] == [message_id]
    assert not any(thread.name == "shopalytic" for thread in threading.enumerate())


def test_a_synchronous_client_tells_what_was_not_accepted(
    make: Make, collector: Collector, pauses: list[float], failures: list[Failure]
) -> None:
    collector.script = [Answer(503, {})]
    collector.judge = lambda item: "No."
    assert make(synchronous=True).track("order", {}, user_id="77") is None
    assert len(pauses) == 1
    assert [failure.kind for failure in failures] == [FailureKind.REJECTED]


def test_a_message_goes_as_it_would_be_read_again(make: Make, collector: Collector) -> None:
    client = make()
    client.track("Käufe – 買い物", {"q": "ünï"}, user_id="77")
    assert client.flush(20)
    assert json.loads(json.dumps(collector.accepted))[0]["event"] == "Käufe – 買い物"
