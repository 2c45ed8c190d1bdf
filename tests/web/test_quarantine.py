"""What the dashboard shows of messages that could not be processed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shopalytic.app import create_app
from shopalytic.identity.never import add_never
from shopalytic.reports.project import Project
from shopalytic.reports.quarantined import quarantined
from shopalytic.store import Store
from shopalytic.stream import Stream
from shopalytic.stream.keys import partition_key
from tests.servers import running_valkey
from tests.web.conftest import Shop, send
from tests.web.test_pages import forbidden_in

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def queued_shop(shop: Shop, valkey_url: str) -> Iterator[Shop]:
    """The shop with a queue that is there."""
    parts = replace(shop.parts, stream=Stream(valkey_url, partitions=2))
    yield Shop(create_app(parts.settings, parts), parts, shop.project_id)
    parts.stream.client.close()


def set_aside(store: Store, project_id: int, **fields: Any) -> None:
    """One message in quarantine, as the worker puts it there; `message` is its JSON text."""
    number = next(_numbers)
    message = fields.pop("message", '{"event":"page_view","timestamp":"never"}')
    row = {
        "project_id": project_id,
        "message_id": f"m{number}",
        "received_at": "2026-01-15 12:00:00.000",
        "reason": "bad_timestamp",
        "detail": "timestamp is no instant",
        "event": "",
        "envelope": f'{{"p":{project_id},"r":1768478400000,"i":"m{number}","a":"203.0.113.9","m":{message}}}',
    }
    store.insert("quarantine", [msgspec.json.encode(row | fields)], token=f"test-quarantine-{number}")


def test_a_quarantined_message_is_shown_whole_with_its_reason(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id)
    page = shop.page("/quarantine", "member")
    for text in (
        "Bad timestamp",
        "timestamp is no instant",
        "Send UTC seconds",
        "page_view",
        "&#34;timestamp&#34;: &#34;never&#34;",
    ):
        assert text in page, text


def test_the_senders_network_address_is_not_shown(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id)
    assert "203.0.113.9" not in shop.page("/quarantine")


@pytest.mark.parametrize(
    "envelope", ['{"p":1,"r":1,"m":{"event":"x\ufffd', "", "[[[[", '{"p":1,"r":1,"m":"a text"}']
)
def test_what_is_no_readable_message_is_shown_as_it_came(shop: Shop, envelope: str) -> None:
    set_aside(shop.parts.store, shop.project_id, envelope=envelope, reason="not_readable", message_id="")
    page = shop.page("/quarantine")
    assert "Not readable" in page
    assert forbidden_in(page) == []


def test_hostile_messages_stay_text(shop: Shop) -> None:
    set_aside(
        shop.parts.store,
        shop.project_id,
        message='{"event":"<script>alert(1)</script>"}',
        detail="<img onerror=x>",
    )
    page = shop.page("/quarantine")
    assert "<script>alert" not in page
    assert forbidden_in(page) == []


def test_messages_can_be_filtered_by_reason(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id, detail="the clock")
    set_aside(shop.parts.store, shop.project_id, detail="nobody", reason="no_id")
    page = shop.page("/quarantine?reason=no_id")
    assert "nobody" in page
    assert "the clock" not in page
    assert "Bad timestamp (1)" in page


def test_older_messages_are_a_page_further_though_all_came_at_once(shop: Shop) -> None:
    for number in range(60):
        set_aside(shop.parts.store, shop.project_id, detail=f"number {number:02}")
    first = shop.page("/quarantine")
    older = re.search(r'href="[^"]*(/quarantine\?cursor=[^"]+)"', first)
    assert older
    second = shop.page(older[1])
    shown = [set(re.findall(r"number \d\d", page)) for page in (first, second)]
    assert [len(page) for page in shown] == [50, 10]
    assert shown[0].isdisjoint(shown[1])


def test_another_projects_messages_are_not_shown(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id + 500_000_000, detail="somebody else's")
    page = shop.page("/quarantine")
    assert "somebody else" not in page
    assert "Nothing is in quarantine" in page


def test_a_wrong_cursor_is_refused(shop: Shop) -> None:
    assert shop.client("owner").get(f"{shop.base}/quarantine?cursor=x").status_code == 400


def test_an_owner_may_replay_and_a_member_may_not(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id)
    assert "/quarantine/replay" in shop.page("/quarantine", "owner")
    assert "/quarantine/replay" not in shop.page("/quarantine", "member")


def test_all_messages_of_a_reason_can_be_replayed_together(shop: Shop) -> None:
    for _ in range(3):
        set_aside(shop.parts.store, shop.project_id)
    assert "Replay these 3 messages" in shop.page("/quarantine?reason=bad_timestamp")
    assert "Replay these" not in shop.page("/quarantine")


def test_a_replay_takes_the_chosen_message_out_of_the_list(queued_shop: Shop) -> None:
    shop = queued_shop
    for detail in ("the first", "the second"):
        set_aside(shop.parts.store, shop.project_id, detail=detail)
    page = shop.page("/quarantine")
    [chosen] = re.findall(r'id="q-([0-9a-f]{32})"(?:(?!id="q-).)*the first', page, re.DOTALL)[-1:]
    client = shop.client("owner")
    answer = send(client, f"{shop.base}/quarantine", f"{shop.base}/quarantine/replay", id=chosen)
    assert answer.status_code == 302
    page = client.get(answer.location).text
    assert "1 message is on its way once more" in page
    assert "the second" in page
    assert "the first" not in page
    assert shop.parts.stream.counters(shop.project_id).waiting == 1


def test_another_projects_message_cannot_be_replayed(queued_shop: Shop) -> None:
    shop = queued_shop
    theirs = shop.project_id + 500_000_000
    set_aside(shop.parts.store, theirs)
    [row] = quarantined(shop.parts.store, Project(theirs)).messages
    answer = send(
        shop.client("owner"), f"{shop.base}/quarantine", f"{shop.base}/quarantine/replay", id=row.id
    )
    assert answer.location.endswith("replayed=0")
    assert shop.parts.stream.counters(theirs).waiting == 0
    assert len(quarantined(shop.parts.store, Project(theirs)).messages) == 1


def test_without_a_queue_a_replay_is_refused_and_the_message_stays(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id)
    [row] = quarantined(shop.parts.store, Project(shop.project_id)).messages
    answer = send(
        shop.client("owner"), f"{shop.base}/quarantine", f"{shop.base}/quarantine/replay", id=row.id
    )
    assert answer.status_code == 503
    assert len(quarantined(shop.parts.store, Project(shop.project_id)).messages) == 1


def test_a_message_that_is_an_event_by_now_is_not_stored_twice(queued_shop: Shop) -> None:
    shop = queued_shop
    set_aside(shop.parts.store, shop.project_id)
    [row] = quarantined(shop.parts.store, Project(shop.project_id)).messages
    shop.happened(shop.event(message_id=row.message_id))
    answer = send(
        shop.client("owner"), f"{shop.base}/quarantine", f"{shop.base}/quarantine/replay", id=row.id
    )
    assert answer.location.endswith("replayed=0")
    assert shop.parts.stream.counters(shop.project_id).waiting == 0
    assert quarantined(shop.parts.store, Project(shop.project_id)).messages == []


RULE = "rule=rename&at=time&value=timestamp"
UNNAMED = '{"tracking_id":"anna","event":"search","time":1768478400,"timestamp":null}'


def test_a_rule_is_previewed_with_what_would_become_of_each_message(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id, message=UNNAMED)
    set_aside(shop.parts.store, shop.project_id)
    page = shop.page(f"/quarantine?reason=bad_timestamp&{RULE}")
    assert "changes 1 of the 2 messages" in page
    assert "&#34;timestamp&#34;: 1768478400" in page
    assert "It would be taken." in page
    assert "It would come back" in shop.page("/quarantine?reason=bad_timestamp&rule=default&at=a&value=1")
    assert forbidden_in(page) == []


def test_a_preview_knows_the_ids_that_mean_nobody(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id, message=UNNAMED.replace("tracking_id", "user_id"))
    assert "It would be taken." in shop.page(f"/quarantine?reason=bad_timestamp&{RULE}")
    with shop.parts.sessions.begin() as db:
        long_ago = datetime.now(UTC) - timedelta(minutes=5)
        add_never(db, shop.project_id, ("user_id", "anna"), "user:1", now=long_ago)
    assert "It would come back" in shop.page(f"/quarantine?reason=bad_timestamp&{RULE}")


def test_a_wrong_rule_is_told(shop: Shop) -> None:
    set_aside(shop.parts.store, shop.project_id)
    page = shop.page("/quarantine?reason=bad_timestamp&rule=default&at=user_id&value=1")
    assert "an id has no default" in page


def test_a_message_is_mended_on_its_way_and_those_the_rule_does_not_fit_stay(queued_shop: Shop) -> None:
    shop = queued_shop
    set_aside(shop.parts.store, shop.project_id, message=UNNAMED)
    set_aside(shop.parts.store, shop.project_id, detail="another")
    rows = quarantined(shop.parts.store, Project(shop.project_id)).messages
    [one] = [row for row in rows if row.detail != "another"]
    client = shop.client("owner")
    address = f"{shop.base}/quarantine/replay"
    form = {"rule": "rename", "at": "time", "value": "timestamp"}
    for row in rows:
        send(client, f"{shop.base}/quarantine", address, id=row.id, **form)
    assert shop.parts.stream.counters(shop.project_id).waiting == 1
    left = quarantined(shop.parts.store, Project(shop.project_id)).messages
    assert [row.detail for row in left] == ["another"]
    queued = [
        fields[b"m"]
        for number in (0, 1)
        for _, fields in shop.parts.stream.client.xrange(partition_key(number, "stream"))
        if one.message_id.encode() in fields[b"m"]
    ]
    assert len(queued) == 1
    assert b'"timestamp":1768478400' in queued[0]
    assert b'"time":' not in queued[0]


def replay_all(shop: Shop, **form: str) -> str:
    answer = send(
        shop.client("owner"), f"{shop.base}/quarantine", f"{shop.base}/quarantine/replay", all="1", **form
    )
    assert answer.status_code == 302
    return str(answer.location)


def test_all_messages_of_a_reason_go_with_one_click_though_a_page_shows_fifty(queued_shop: Shop) -> None:
    shop = queued_shop
    for _ in range(60):
        set_aside(shop.parts.store, shop.project_id)
    set_aside(shop.parts.store, shop.project_id, reason="no_id", detail="another")
    assert "Replay all 60" in shop.page("/quarantine?reason=bad_timestamp")
    assert "Replay all" not in shop.page("/quarantine?reason=no_id")
    assert replay_all(shop, reason="bad_timestamp").endswith("replayed=60")
    assert replay_all(shop, reason="bad_timestamp").endswith("replayed=0")
    assert shop.parts.stream.counters(shop.project_id).waiting == 60
    left = quarantined(shop.parts.store, Project(shop.project_id)).messages
    assert [row.detail for row in left] == ["another"]


def test_one_click_sends_back_no_more_than_it_may_and_passes_over_what_the_rule_does_not_fit(
    queued_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.web.dashboard.quarantine.ALL_AT_ONCE", 4)
    monkeypatch.setattr("shopalytic.web.dashboard.quarantine.ROWS_AT_ONCE", 2)
    shop = queued_shop
    for number in range(6):
        set_aside(shop.parts.store, shop.project_id, message=UNNAMED)
        set_aside(shop.parts.store, shop.project_id, received_at=f"2026-01-15 12:00:0{number + 1}.000")
    rule = {"rule": "rename", "at": "time", "value": "timestamp"}
    assert replay_all(shop, reason="bad_timestamp", **rule).endswith("replayed=4")
    assert replay_all(shop, reason="bad_timestamp", **rule).endswith("replayed=2")
    assert len(quarantined(shop.parts.store, Project(shop.project_id)).messages) == 6


def test_all_needs_a_reason(queued_shop: Shop) -> None:
    set_aside(queued_shop.parts.store, queued_shop.project_id)
    assert replay_all(queued_shop).endswith("replayed=0")
