"""What the doors refuse, as the debugger of a watched project is told of it."""

from __future__ import annotations

import base64
import json

import pytest

from shopalytic.accounts.sandboxes import open_sandbox
from shopalytic.collector.refused import TOLD_PER_SECOND
from shopalytic.pipeline.told import Told, decode_told
from tests.collector.conftest import Shop, pack


@pytest.fixture
def watched(shop: Shop) -> Shop:
    assert shop.track().status_code == 200  # the keys are read
    shop.stream.feed.watching.add(shop.project.project.id)
    return shop


def told(shop: Shop) -> list[Told]:
    assert {project_id for project_id, _ in shop.stream.feed.published} <= {shop.project.project.id}
    return [decode_told(content) for _, content in shop.stream.feed.published]


def test_a_message_that_is_refused_is_told_with_its_error(watched: Shop) -> None:
    body = json.dumps(watched.message(event=None)).encode()
    assert watched.post("/track", body, {"User-Agent": "curl/8"}).status_code == 400
    [one] = told(watched)
    assert (one.outcome, one.status, one.door, one.at) == ("refused", 400, "track", "event")
    assert (one.sentence, one.raw) == ("The event has no name.", body.decode())
    assert one.user_agent == "curl/8"


@pytest.mark.parametrize("wrong", [b'{"token": "%b", "event": ', b'{"token": "%b", "event": 5}', b'["%b"]'])
def test_what_is_no_message_is_told_to_the_project_whose_token_it_holds(watched: Shop, wrong: bytes) -> None:
    watched.post("/track", wrong % watched.token.encode())
    [one] = told(watched)
    assert (one.status, one.event) == (400, None)


def test_a_packed_body_is_told_unpacked(watched: Shop) -> None:
    body = json.dumps(watched.message(event=None)).encode()
    watched.post("/track", pack(body), {"Content-Encoding": "gzip"})
    assert [one.raw for one in told(watched)] == [body.decode()]


def test_items_of_a_batch_are_told_one_by_one(watched: Shop) -> None:
    items = [watched.item(), watched.item(event=None), b'{"event": "x"}']
    assert watched.batch(items).status_code == 200
    first, second = told(watched)
    assert (first.raw, second.raw) == (items[1].decode(), '{"event": "x"}')
    assert (first.at, second.at) == ("event", "tracking_id")


def test_an_origin_that_is_not_allowed_is_told(watched: Shop) -> None:
    with watched.sessions.begin() as db:
        db.get_one(type(watched.project.project), watched.project.project.id).origins = ["https://a.example"]
    watched.track(token="sha_pub_" + "x" * 24)  # an unknown key has the keys read again
    assert watched.track({"Origin": "https://b.example"}).status_code == 403
    [one] = told(watched)
    assert (one.status, one.at) == (403, "Origin")


def test_segments_and_exponeas_doors_tell_too(watched: Shop) -> None:
    key = base64.b64encode(f"{watched.token}:".encode()).decode()
    batch = {"batch": [{"type": "track", "anonymousId": "anna"}, {"type": "nonsense"}]}
    watched.post("/v1/batch", batch, {"Authorization": f"Basic {key}"})
    watched.post("/v1/track", b"{", {"Authorization": f"Basic {key}"})
    token = {"Authorization": f"Token {watched.token}"}
    watched.post(f"/track/v2/projects/{watched.token}/customers/events", b"{", token)
    commands = {"commands": [{"name": "nonsense"}]}
    watched.post(f"/track/v2/projects/{watched.token}/batch", commands, token)
    seen = [(one.door, one.raw) for one in told(watched)]
    assert ("segment", '{"type": "nonsense"}') in seen
    assert ("segment", "{") in seen
    assert ("exponea", "{") in seen
    assert ("exponea", '{"name": "nonsense"}') in seen


def test_a_secret_key_in_a_body_is_not_shown(watched: Shop) -> None:
    watched.track(token=watched.project.secret_key)
    watched.post("/v1/track", {"writeKey": watched.project.secret_key, "event": "x"})
    first, second = told(watched)
    assert watched.project.secret_key not in first.raw + second.raw
    assert "sha_sec_..." in first.raw and "sha_sec_..." in second.raw


def test_a_refused_sandbox_message_is_told_to_the_sandbox(watched: Shop) -> None:
    sandbox = open_sandbox(watched.sessions, watched.project.project.id)
    watched.stream.feed.watching.add(sandbox)
    watched.track(sandbox=True, event=None)
    watched.batch([watched.item(event=None)], sandbox=True)
    assert [project_id for project_id, _ in watched.stream.feed.published] == [sandbox] * 2


@pytest.mark.parametrize("is_watched", [True, False])
def test_nobody_is_told_of_an_unknown_key_or_of_a_project_that_is_not_watched(
    shop: Shop, is_watched: bool
) -> None:
    shop.track()
    shop.stream.feed.watching.add(shop.project.project.id + (0 if is_watched else 1))
    shop.track(token="sha_pub_" + "x" * 24) if is_watched else shop.track(event=None)
    shop.post("/track", b"\xff\xfe")
    assert shop.stream.feed.published == []


def test_who_sends_nothing_but_refused_messages_does_not_push_others_out(
    watched: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.collector.refused.time.monotonic", lambda: 1000.5)
    for _ in range(TOLD_PER_SECOND + 5):
        watched.track(event=None)
    assert len(told(watched)) == TOLD_PER_SECOND


def test_an_outage_is_no_refusal(watched: Shop) -> None:
    watched.stream.is_down = True
    assert watched.track().status_code == 503
    assert told(watched) == []


def test_a_feed_with_a_fault_changes_no_answer(watched: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(watched.stream.feed, "publish", fail)
    assert watched.track(event=None).status_code == 400
