"""Forgotten: no row, no file and no table knows the person any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shopalytic.accounts.db import make_engine, make_sessions, upgrade
from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.identity.never import add_never
from shopalytic.parts import Parts
from shopalytic.privacy.record import find_erasure
from shopalytic.privacy.run import advance
from shopalytic.privacy.stops import stop_tracking
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.store.migrate import migrate_store
from shopalytic.stream import Stream
from tests.conftest import running_store
from tests.privacy.conftest import Shop
from tests.privacy.test_anonymise import jons_day, order
from tests.privacy.traces import as_stored, files_with, tables_with
from tests.servers import running_valkey

MARK = "Zanzibarius"
SECRETS = (MARK, "cookie-7f3a9", "shopper-81724", "+49 8817 246")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def whole_shop(folder: Path) -> Iterator[Shop]:
    """A shop with a store, a database and a queue of its own, all in one data folder, as `up` makes them."""
    queue = folder / "queue"
    queue.mkdir(parents=True)
    settings = Settings(data_dir=folder)
    log = ("--appendonly", "yes", "--appendfsync", "always", "--dir", str(queue))
    with running_store(folder) as url, running_valkey(*log) as queue_url:
        store = Store(url, "shopalytic")
        migrate_store(store)
        for table in ("events", "dropped", "quarantine", "overrides"):
            # As it is, only sooner.
            store.command(
                f"ALTER TABLE {{{{table('{table}')}}}} MODIFY SETTING old_parts_lifetime = 1, "
                "cleanup_delay_period = 1, max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0"
            )
            # The clean-up sleeps half a minute by what it was told first.
            store.command(f"DETACH TABLE {{{{table('{table}')}}}}")
            store.command(f"ATTACH TABLE {{{{table('{table}')}}}}")
        upgrade(settings.relational_url)
        engine = make_engine(settings.relational_url)
        parts = Parts(settings, make_sessions(engine), store, Stream(queue_url, partitions=2))
        with parts.sessions.begin() as db:
            db.add(ProjectRow(id=1, name="Shop"))
        yield Shop(parts, 1)
        parts.stream.close()
        engine.dispose()


def days_of_somebody(shop: Shop) -> None:
    """Visits, an order, a changed address, a refused link and messages set aside, of one who shares nothing."""
    mail = f"{MARK.lower()}@mail.example"
    person: dict[str, Any] = {
        "tracking_id": "cookie-7f3a9",
        "user_id": {"user_id": "shopper-81724", "email": mail},
    }
    shop.visit(
        {"tracking_id": "cookie-7f3a9", "context": {"url": f"https://shop.example/?for={MARK}", "title": MARK}},
        {**person, "type": "identify", "properties": {"first_name": MARK, "phone": "+49 8817 246", "email": mail}},
        {**person, **order("9001", "10.00", properties={
            "order_id": "9001", "cart_id": "cart-1", "total": "10.00", "subtotal": "10.00",
            "line_items": [{"sku": "MUG", "qty": 1, "price": "10.00"}],
            "billing": {"name": MARK, "country": "DEU", "email": mail, "phone": "+49 8817 246"}})},
        {"tracking_id": "ann-browser", "user_id": "ann", **order("9002", "5.00", properties={
            "order_id": "9002", "cart_id": "c", "total": "5.00", "subtotal": "5.00",
            "line_items": [{"sku": "CUP", "qty": 1, "price": "5.00"}]})},
    )  # fmt: skip
    shop.visit({**person, "event": "search", "timestamp": "no time", "properties": {"q": MARK}})
    # Refused, since both are known: Ann's row has the other's id in it.
    shop.visit({"tracking_id": "ann-browser", "user_id": "shopper-81724", "type": "alias"})
    shop.visit({"tracking_id": "ann-browser", "user_id": {"email": f" {mail.upper()} "}, "type": "alias"})
    with shop.parts.sessions.begin() as db:
        for each in (("user_id", "shopper-81724"), ("email", mail), ("tracking_id", "cookie-7f3a9")):
            add_never(db, shop.project.project_id, each, "user:1")
    shop.visit(
        {"tracking_id": "ann-browser", "user_id": "ann", "type": "identify", "event": None,
         "properties": {"city": "Ulm"}},
        {**person, "event": "account_update", "properties": {"last_name": f"von {MARK}", "email": mail}},
    )  # fmt: skip


def test_forget_leaves_no_trace_in_any_file_or_table(whole_shop: Shop, folder: Path) -> None:
    shop = whole_shop
    days_of_somebody(shop)
    customer = shop.get("shopper-81724")
    before = files_with(folder, *SECRETS)
    assert files_with(folder, as_stored(customer))
    assert any(name.startswith("store/") for name in before)
    assert any(name.startswith("queue/") for name in before)
    assert any(name.startswith("shopalytic.db") for name in before)
    assert tables_with(shop.parts.store, *SECRETS)
    # Whom it stops is kept as digests, which stay.
    assert stop_tracking(shop.parts, shop.project, customer, by="command").stop_id
    asked = shop.ask("forget", customer)
    shop.work(asked.erasure_id)
    assert tables_with(shop.parts.store, *SECRETS, str(customer)) == []
    assert files_with(folder, *SECRETS, str(customer), customer.hex) == []
    assert files_with(folder, as_stored(customer)) == []
    assert shop.overview().totals.orders == 1
    assert shop.counters_add_up()
    proof = find_erasure(shop.parts.sessions, asked.erasure_id)
    assert proof is not None
    assert (proof.kind, proof.asked_by, proof.plan, proof.step) == ("forget", "command", None, "done")
    assert proof.counts["orders"] == 1


def test_the_search_finds_what_is_compressed(whole_shop: Shop, folder: Path) -> None:
    """Else the test above would find nothing for want of looking."""
    shop = whole_shop
    shop.visit(
        *({"tracking_id": f"v{n}", "context": {"title": f"{MARK} {n % 7} " * 20}} for n in range(3000))
    )
    store_files = [name for name in files_with(folder, MARK) if name.startswith("store/")]
    assert store_files


def test_orders_and_revenue_of_others_stay(shop: Shop) -> None:
    jons_day(shop)
    ann = shop.get("ann")
    before = [row for row in shop.rows() if row.owner_id == str(ann)]
    shop.erase("forget", shop.get("4417-jon"))
    assert shop.rows() == before
    assert (shop.overview().totals.orders, str(shop.overview().totals.revenue)) == (1, "7.25")


def test_an_order_told_again_after_its_buyer_was_forgotten_is_dropped(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    jons_day(shop)
    shop.erase("forget", shop.get("4417-jon"))
    shop.visit({"message_id": "late", "user_id": "4417-jon", **order("1001", "10.00")})
    assert shop.overview().totals.orders == 1
    assert shop.counters().dropped == {"order_known": 1}


def test_what_waits_in_the_queue_is_forgotten_too(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    jons_day(shop)
    shop.send(
        {"message_id": "waiting", "tracking_id": "jon-browser", "event": "search", "properties": {"q": "Jon"}}
    )
    asked = shop.ask("forget", shop.get("4417-jon"))
    shop.send({"message_id": "after", "tracking_id": "ann-browser", "user_id": "ann"})
    assert shop.counters().waiting == 2
    # Nothing happens before a worker has drained the queue.
    assert not advance(shop.parts, shop.runner, asked.erasure_id)
    assert shop.find("4417-jon") is not None
    shop.drain()
    shop.erase_on(asked.erasure_id)
    assert {row.message_id for row in shop.rows() if row.tracking_id == "jon-browser"} == set()
    assert "after" in {row.message_id for row in shop.rows()}


def test_a_batch_that_a_dead_worker_left_is_forgotten_too(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    jons_day(shop)
    shop.send({"message_id": "claimed", "tracking_id": "jon-browser"})
    asked = shop.ask("forget", shop.get("4417-jon"))
    for number in range(2):
        partition = shop.parts.stream.partition(number)
        assert partition.lease()
        partition.claim(1000)
    for key in shop.parts.stream.client.scan_iter("*lease"):
        shop.parts.stream.client.delete(key)
    shop.drain()
    shop.erase_on(asked.erasure_id)
    assert [row for row in shop.rows() if row.tracking_id == "jon-browser"] == []


def test_messages_in_quarantine_are_gone_and_counted_as_dropped(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    jons_day(shop)
    shop.visit(
        {"tracking_id": "jon-browser", "timestamp": "never"},
        {"tracking_id": "eve", "timestamp": "never", "properties": {"friend": "JON@shop.example"}},
        {"tracking_id": "eve", "timestamp": "never", "properties": {"friend": "ann@shop.example"}},
    )
    assert shop.counters().quarantined == 3
    erasure_id = shop.erase("forget", shop.get("4417-jon"))
    assert (shop.counters().quarantined, shop.counters().dropped) == (1, {"erased": 2})
    assert shop.counters_add_up()
    proof = find_erasure(shop.parts.sessions, erasure_id)
    assert proof is not None
    assert proof.counts["set_aside"] == 2


def test_asked_again_it_says_that_it_was_done(shop: Shop) -> None:
    jons_day(shop)
    jon = shop.get("4417-jon")
    first = shop.erase("forget", jon)
    again = shop.ask("forget", jon)
    assert (again.erasure_id, again.is_repeat) == (first, True)


def test_who_comes_back_after_being_forgotten_is_somebody_new_and_can_be_forgotten_again(shop: Shop) -> None:
    jons_day(shop)
    first = shop.erase("forget", shop.get("4417-jon"))
    shop.visit({"tracking_id": "jon-browser", "user_id": "4417-jon", "type": "identify"})
    second = shop.ask("forget", shop.get("4417-jon"))
    assert second.erasure_id != first
    shop.erase_on(second.erasure_id)
    assert shop.find("4417-jon") is None
