"""The debugger, with messages that a worker and the doors told of; and the sandbox's pages."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.models import Key, Sandbox
from shopalytic.accounts.sandboxes import SANDBOX_IDS_FROM, find_sandbox
from shopalytic.events.message import Envelope
from shopalytic.parts import Parts
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.pipeline.told import Teller
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from shopalytic.stream.feed import ENTRIES_KEPT, Feed
from shopalytic.web.dashboard.access import WITH_DATA, pages
from tests.servers import running_valkey
from tests.web.conftest import TOKEN, Shop, send

ROW = re.compile(r'<details class="event" id="(m-[0-9-]+)">')
POLL = re.compile(r'hx-get="([^"]+)"')
ENCODER = msgspec.json.Encoder(decimal_format="number")
CART_ADD = {"event": "cart_add", "properties": {"cart_id": "c1", "price": "cheap", "qty": 2}}


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def parts(store: Store, tmp_path: Path, valkey_url: str) -> Iterator[Parts]:
    settings = Settings(data_dir=tmp_path, secret_key="a key of tests")
    upgrade(settings.relational_url)
    engine = make_engine(settings.relational_url)
    stream = Stream(valkey_url, partitions=1)
    stream.client.flushall()
    yield Parts(settings, make_sessions(engine), store, stream)
    stream.close()
    engine.dispose()


@pytest.fixture
def sandbox_id(shop: Shop) -> int:
    """With a number of the test's own, since tests share the store."""
    with shop.parts.sessions.begin() as db:
        db.add(Sandbox(id=shop.project_id * 10, project_id=shop.project_id))
    return SANDBOX_IDS_FROM + shop.project_id * 10


def arrive(shop: Shop, *messages: dict[str, Any], project_id: int | None = None, **envelope: Any) -> None:
    """The messages go through the queue and a worker."""
    own_id = project_id or shop.project_id
    entries = []
    for number, message in enumerate(messages):
        complete = {"message_id": f"m{number}-{time.time_ns()}", "event": "page_view", "tracking_id": "anna"}
        packed = Envelope(
            project_id=own_id,
            received_at=time.time_ns() // 1_000_000,
            message=msgspec.Raw(ENCODER.encode(complete | message)),
            **envelope,
        )
        entries.append(("anna", msgspec.json.encode(packed)))
    parts = shop.parts
    parts.stream.append(own_id, entries)
    # A worker's own, which has not looked yet who is watched.
    tell = Teller(Feed(parts.stream.client)).tell
    runner = Runner(parts.store, parts.sessions, StepContext(), session_timeout_minutes=30, tell=tell)
    parts.stream.client.delete("{shopalytic:0}:lease")
    partition = parts.stream.partition(0)
    assert partition.lease()
    while batch := partition.claim(1000):
        runner.run(partition, batch)


def poll_of(page: str) -> str:
    found = POLL.search(page)
    assert found
    return found[1].replace("&amp;", "&")


def test_a_message_appears_raw_and_as_understood_with_what_is_wrong(shop: Shop) -> None:
    opened = shop.page("/debugger")
    assert "Waiting for the next message" in opened
    arrive(shop, CART_ADD | {"user_id": "jon"}, user_agent="Mozilla/5.0")
    part = shop.client("owner").get(poll_of(opened)).text
    assert len(ROW.findall(part)) == 1
    assert "price is not a decimal; send 9.99" in part
    assert "sku is required, but is missing" in part
    assert "2 to mend" in part
    assert "&#34;price&#34;: &#34;cheap&#34;" in part
    assert "&#34;session_id&#34;" in part
    assert re.search(rf'href="{shop.base}/customers/[0-9a-f-]{{36}}"', part)
    assert "<html" not in part


def test_a_decimal_is_shown_as_exactly_as_it_came(shop: Shop) -> None:
    shop.page("/debugger")
    arrive(shop, {"properties": {"v": Decimal("1234567890123456.78")}})
    assert shop.page("/debugger").count("1234567890123456.78") == 2


def test_a_poll_gives_what_came_since_the_one_before(shop: Shop) -> None:
    opened = shop.page("/debugger")
    arrive(shop, {"event": "first"})
    client = shop.client("owner")
    part = client.get(poll_of(opened)).text
    arrive(shop, {"event": "second"}, {"event": "third"})
    later = client.get(poll_of(part)).text
    assert re.findall(r"<code>(\w+)</code></span>", later) == ["third", "second"]
    assert ROW.findall(client.get(poll_of(later)).text) == []
    assert [*re.findall(r"<code>(\w+)</code></span>", shop.page("/debugger"))] == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("event=CART", ["cart_add"]),
        ("outcome=quarantined", ["late"]),
        ("text=bert", ["search"]),
        ("text=RED", ["search"]),
        ("wrong=1", ["late", "cart_add"]),
        ("outcome=stored&wrong=1", ["cart_add"]),
        ("outcome=nonsense", ["late", "search", "cart_add"]),
        ("text=nobody", []),
    ],
)
def test_messages_are_filtered(shop: Shop, query: str, found: list[str]) -> None:
    shop.page("/debugger")
    arrive(
        shop, CART_ADD, {"event": "search", "tracking_id": "bert", "properties": {"query": "red shoes"}},
        {"event": "late", "timestamp": "yesterday"},
    )  # fmt: skip
    page = shop.page(f"/debugger?{query}")
    assert re.findall(r"<code>(\w+)</code></span>", page) == found
    assert ("No such message yet" in page) == (not found)
    poll = poll_of(page)
    assert query.split("&")[0].split("=")[0] in poll or "nonsense" in query


def test_a_message_that_was_not_stored_says_why(shop: Shop) -> None:
    shop.page("/debugger")
    arrive(shop, {"message_id": "m1"})
    arrive(shop, {"message_id": "m1"}, {"timestamp": "yesterday"})
    page = shop.page("/debugger")
    assert "A message with this message_id came before; it counts once." in page
    assert "Duplicate" in page
    assert "It could not be understood as an event." in page
    assert "ISO 8601" in page


def test_messages_of_another_project_are_not_shown(shop: Shop) -> None:
    shop.page("/debugger")
    shop.parts.stream.feed.watch(shop.project_id + 1)
    arrive(shop, {"event": "theirs"}, project_id=shop.project_id + 1)
    assert "theirs" not in shop.page("/debugger")


def test_a_page_stops_watching_after_its_time_and_says_so(shop: Shop) -> None:
    poll = poll_of(shop.page("/debugger"))
    past = re.sub(r"ends=\d+", "ends=1700000000", poll)
    shop.parts.stream.client.delete("shopalytic:watched")
    part = shop.client("owner").get(past).text
    assert "Not watching any more" in part
    assert "hx-get" not in part
    assert shop.parts.stream.client.zcard("shopalytic:watched") == 0


def test_no_address_makes_a_page_watch_for_longer(shop: Shop) -> None:
    poll = poll_of(shop.page("/debugger"))
    part = shop.client("owner").get(re.sub(r"ends=\d+", "ends=99999999999", poll)).text
    found = re.search(r"ends=(\d+)", part)
    assert found and int(found[1]) <= time.time() + 31 * 60


def test_a_gap_is_told(shop: Shop) -> None:
    opened = shop.page("/debugger")
    arrive(shop, {})
    part = shop.client("owner").get(poll_of(opened)).text
    assert "are missing" not in part
    arrive(shop, *({"message_id": f"n{number}"} for number in range(ENTRIES_KEPT + 1)))
    assert "are missing" in shop.client("owner").get(poll_of(part)).text


def test_time_without_a_watcher_is_told(shop: Shop) -> None:
    opened = shop.page("/debugger")
    shop.parts.stream.client.delete("shopalytic:watched")
    assert "nobody was watching" in shop.client("owner").get(poll_of(opened)).text


@pytest.mark.parametrize("query", ["after=x&ends=1", "after=0-0&ends=soon", "after=0-0", "after=1-1;&ends=1"])
def test_a_wrong_address_is_refused(shop: Shop, query: str) -> None:
    assert shop.client("owner").get(f"{shop.base}/debugger/new?{query}").status_code == 400


def test_messages_that_wait_for_a_worker_are_told(shop: Shop) -> None:
    opened = shop.page("/debugger")
    assert "for the worker" not in opened
    shop.parts.stream.append(shop.project_id, [("anna", b'{"p":%d,"r":1,"m":{}}' % shop.project_id)] * 2)
    part = shop.client("owner").get(poll_of(opened)).text
    assert "2 messages wait for the worker, which has not come to them yet." in part
    arrive(shop, {})
    assert "for the worker" not in shop.client("owner").get(poll_of(part)).text


def test_what_another_version_wrote_is_left_out(shop: Shop) -> None:
    shop.page("/debugger")
    shop.parts.stream.feed.publish(shop.project_id, [b'{"outcome": 5}', b"no json"])
    arrive(shop, {"event": "good"})
    assert len(ROW.findall(shop.page("/debugger"))) == 1


def test_markup_in_a_message_is_text(shop: Shop) -> None:
    shop.page("/debugger")
    arrive(shop, {"event": "<script>alert(1)</script>", "properties": {"a": "</pre><img src=x>"}})
    page = shop.page("/debugger")
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_page_is_kept_by_nobody(shop: Shop) -> None:
    for path in ("/debugger", "/debugger/new?after=0-0&ends=1"):
        response = shop.client("member").get(shop.base + path)
        assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("address", ["debugger", "debugger/new?after=0-0&ends=1"])
def test_a_stranger_finds_no_debugger_and_no_sandbox(shop: Shop, address: str) -> None:
    for base in (shop.base, f"{shop.base}-sandbox"):
        assert shop.client("stranger").get(f"{base}/{address}").status_code == 404
        assert shop.client().get(f"{base}/{address}").status_code == 302


def test_the_empty_page_tells_how_to_send_a_message(shop: Shop) -> None:
    page = shop.page("/debugger")
    assert TOKEN in page and "/track -d" in page
    with shop.parts.sessions.begin() as db:
        db.query(Key).delete()
    assert "All tokens of this project are revoked" in shop.page("/debugger")


@pytest.mark.parametrize("path", ["/", "/live", "/customers"])
def test_the_empty_sandbox_gives_a_snippet_that_sends_there(shop: Shop, sandbox_id: int, path: str) -> None:
    assert "sandbox:true}" in unescape(shop.page(f"-sandbox{path}"))
    assert "sandbox:true" not in unescape(shop.page(path))


def test_the_sandbox_is_a_place_of_its_own_with_a_mark_on_every_page(shop: Shop, sandbox_id: int) -> None:
    shop.page("/debugger")
    shop.page("-sandbox/debugger")
    arrive(shop, {"event": "tried", "user_id": "jon"}, project_id=sandbox_id)
    arrive(shop, {"event": "real"})
    for path in ("/debugger", "/live", "/violations"):
        real, sandbox = shop.page(path), shop.page(f"-sandbox{path}")
        assert "Nothing here is real data" in sandbox
        assert "Nothing here is real data" not in real
        if path != "/violations":
            assert ("tried" in sandbox, "tried" in real) == (True, False)
            assert ("real" in re.findall(r"(?s)<details class=.event.*", real)[0]) is True
    assert f'href="{shop.base}-sandbox/customers"' in shop.page("-sandbox/live")
    assert f'href="{shop.base}/settings"' in shop.page("-sandbox/live")


def test_a_customer_of_the_sandbox_has_a_page_there_and_none_in_the_real_data(
    shop: Shop, sandbox_id: int
) -> None:
    shop.page("-sandbox/debugger")
    arrive(shop, {"event": "tried", "user_id": "jon"}, project_id=sandbox_id)
    found = re.search(rf'href="({shop.base}-sandbox/customers/[0-9a-f-]+)"', shop.page("-sandbox/debugger"))
    assert found
    client = shop.client("owner")
    page = client.get(found[1])
    assert page.status_code == 200
    assert "tried" in page.text and "Nothing here is real data" in page.text
    assert client.get(found[1].replace("-sandbox", "", 1)).status_code == 404


def test_every_page_works_in_the_sandbox_or_leads_to_the_project(shop: Shop, sandbox_id: int) -> None:
    client = shop.client("owner")
    for rule in shop.app.url_map.iter_rules():
        name = rule.endpoint.removeprefix(f"{pages.name}.")
        if name == rule.endpoint or "GET" not in (rule.methods or set()):
            continue
        path = re.sub(r"<[^>]*project_id>", f"{shop.project_id}-sandbox", rule.rule)
        if "<" in path:
            continue
        query = "?after=0-0&ends=1&since=2026-01-01T00:00:00Z&version=1"
        response = client.get(path + query)
        if name not in WITH_DATA:
            assert response.status_code == 302, path
            assert response.location == path.replace("-sandbox", "") + query
        else:
            assert response.status_code == 200, f"{path}: {response.text[-300:]}"


@pytest.mark.parametrize("action", ["general", "origins", "keys", "hooks", "keys/1/signing-secret"])
def test_what_is_the_projects_own_is_not_changed_from_the_sandbox(
    shop: Shop, sandbox_id: int, action: str
) -> None:
    response = send(
        shop.client("owner"), f"{shop.base}/settings", f"{shop.base}-sandbox/settings/{action}", name="x"
    )
    assert response.status_code == 404


def test_emptying_the_sandbox_leaves_nothing_in_it(shop: Shop, sandbox_id: int) -> None:
    arrive(shop, {"event": "tried"}, project_id=sandbox_id)
    assert "tried" in shop.page("-sandbox/live")
    client = shop.client("owner")
    base = f"{shop.base}-sandbox"
    response = send(client, f"{base}/live", f"{base}/sandbox/empty")
    assert (response.status_code, response.location) == (302, f"{base}/debugger?emptied=1")
    assert "The sandbox is empty" in client.get(response.location).text
    assert "tried" not in shop.page("-sandbox/live")
    with shop.parts.sessions() as db:
        assert find_sandbox(db, shop.project_id) not in (None, sandbox_id)


def test_a_member_may_look_into_the_sandbox_but_not_empty_it(shop: Shop, sandbox_id: int) -> None:
    assert "Empty the sandbox" not in shop.page("-sandbox/live", "member")
    response = send(shop.client("member"), f"{shop.base}/live", f"{shop.base}-sandbox/sandbox/empty")
    assert response.status_code == 403


def test_without_the_queue_the_debugger_says_that_it_does_not_answer(shop: Shop) -> None:
    shop.parts.stream.client.connection_pool = Redis.from_url("unix:///nowhere").connection_pool
    response = shop.client("owner").get(f"{shop.base}/debugger")
    assert response.status_code == 503
