"""Erasing whose ids are soft, were written in other ways, or mean nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shopalytic.identity.id_rules import RuleChoice, save_rule
from shopalytic.identity.never import add_never, list_never
from shopalytic.pipeline.run import Runner
from shopalytic.pipeline.steps import StepContext
from shopalytic.privacy.record import find_subject
from shopalytic.settings import get_secret_key
from tests.privacy.conftest import Shop
from tests.privacy.test_anonymise import everything, order

LONG_AGO = timedelta(hours=1)


def soft_devices(shop: Shop) -> None:
    with shop.parts.sessions.begin() as db:
        choice = RuleChoice(is_hard=False)
        save_rule(
            db, shop.project.project_id, "device", choice, by="user:1", now=datetime.now(UTC) - LONG_AGO
        )


@pytest.mark.parametrize("kind", ["anonymise", "forget"])
def test_whom_a_soft_id_tells_is_found_by_it_and_erased_with_what_was_set_aside(
    shop: Shop, kind: Any
) -> None:
    soft_devices(shop)
    device = {"user_id": {"device": "pad-4711"}}
    shop.visit({**device, **order("1", "5.00")}, {**device, "timestamp": "never"})
    shop.visit({"user_id": {"device": "pad-9999"}})
    customer = find_subject(shop.parts, shop.project, "pad-4711")
    assert customer is not None
    shop.erase(kind, customer)
    assert find_subject(shop.parts, shop.project, "pad-4711") is None
    assert find_subject(shop.parts, shop.project, "pad-9999") is not None
    assert "pad-4711" not in everything(shop)
    assert shop.overview().totals.orders == (1 if kind == "anonymise" else 0)
    assert (shop.counters().quarantined, shop.counters().dropped) == (0, {"erased": 1})
    assert shop.counters_add_up()


@pytest.mark.parametrize("kind", ["anonymise", "forget"])
def test_an_id_in_somebody_elses_row_goes_however_it_was_written(shop: Shop, kind: Any) -> None:
    shop.visit(
        {"tracking_id": "t1", "user_id": {"user_id": "17", "email": "Jon@Shop.Example"}},
        {"tracking_id": "t2", "user_id": "ann", "type": "identify"},
    )
    for sent in (" JON@shop.example", "jon@shop.example"):
        shop.visit({"tracking_id": "t2", "user_id": {" Email ": sent, "card": "7"}, "type": "alias"})
    shop.visit({"tracking_id": "t2", "user_id": {"email": "jon@shop.example.org"}})
    shop.erase(kind, shop.get("17"))
    assert "jon@shop.example'" not in everything(shop).lower()
    assert [row.user_ids for row in shop.rows() if row.tracking_id == "t2"] == [
        {"user_id": "ann"}, {"card": "7"}, {"card": "7"}, {"email": "jon@shop.example.org"},
    ]  # fmt: skip


def test_an_anonymised_persons_ids_are_one_however_they_were_written(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    for sent in (" Jon@Shop.Example", "jon@shop.example"):
        shop.visit({"tracking_id": "t1", "user_id": {"email": sent}})
    shop.erase("anonymise", shop.get("jon@shop.example"))
    first, second = shop.rows()
    assert first.user_ids == second.user_ids
    assert first.user_ids["email"].startswith("anonymised-")


def test_an_erased_persons_id_goes_on_meaning_nobody_and_stands_nowhere(shop: Shop) -> None:
    shop.visit({"tracking_id": "t1", "user_id": "jon-4711", "type": "identify"})
    project_id, long_ago = shop.project.project_id, datetime.now(UTC) - LONG_AGO
    with shop.parts.sessions.begin() as db:
        add_never(db, project_id, ("user_id", "jon-4711"), "user:1", now=long_ago)
        add_never(db, project_id, ("user_id", "till"), "user:1", now=long_ago)
    shop.erase("forget", shop.get("jon-4711"))
    with shop.parts.sessions() as db:
        assert "jon-4711" not in str([tuple(row) for row in db.execute(text("SELECT * FROM never_id"))])
        values = [row.id_value for row in list_never(db, project_id)]
    assert sorted(values) == ["", "till"]
    shop.runner = Runner(
        shop.parts.store, shop.parts.sessions, StepContext(), session_timeout_minutes=30,
        secret_key=get_secret_key(shop.parts.settings),
    )  # fmt: skip
    shop.visit(
        {"message_id": "his", "tracking_id": "t2", "user_id": "jon-4711"},
        {"message_id": "anns", "tracking_id": "t3", "user_id": "ann"},
    )
    assert shop.find("jon-4711") is None
    assert {row.message_id: row.user_ids for row in shop.rows()} == {"his": {}, "anns": {"user_id": "ann"}}
