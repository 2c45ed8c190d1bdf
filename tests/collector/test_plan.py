"""Each door writes into a message's envelope which version of the tracking plan was in force."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from shopalytic.accounts.models import Project
from shopalytic.accounts.plans import save_plan
from shopalytic.events.plan import EventRule, Plan, PropertyRule
from tests.collector.conftest import Shop
from tests.collector.segment.test_calls import call
from tests.collector.test_pixel import show

SEARCH = Plan(
    "tell",
    {"search": EventRule(on_violation="refuse", properties={"query": PropertyRule("text", required=True)})},
)


def save(shop: Shop, plan: Plan = SEARCH) -> int:
    with shop.sessions.begin() as db:
        return save_plan(db, shop.project.project.id, plan, saved_by="a test").id


DOORS: dict[str, Callable[[Shop], object]] = {
    "track": lambda shop: shop.track(),
    "identify": lambda shop: shop.post("/identify", shop.message(event=None, user_id="42")),
    "batch": lambda shop: shop.batch([shop.item()]),
    "segment": lambda shop: call(shop, "track", event="Sofa Tested"),
    "pixel": lambda shop: show(shop, event="email_open", user_id="42"),
    "sandbox": lambda shop: shop.track(sandbox=True),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_message_carries_the_version_that_is_in_force(shop: Shop, door: str) -> None:
    save(shop, Plan("tell"))
    plan_id = save(shop)
    DOORS[door](shop)
    assert [envelope.plan_id for envelope in shop.stream.envelopes] == [plan_id]


@pytest.mark.parametrize("door", DOORS)
def test_without_a_plan_the_envelope_is_no_longer(shop: Shop, door: str) -> None:
    DOORS[door](shop)
    [(_, _, envelope)] = shop.stream.appended
    assert b'"v":' not in envelope.partition(b'"m":')[0]


def test_another_projects_plan_is_not_its_own(shop: Shop) -> None:
    with shop.sessions.begin() as db:
        other = Project(name="Other", origins=[])
        db.add(other)
        db.flush()
        save_plan(db, other.id, SEARCH, saved_by="a test")
    shop.track()
    assert [envelope.plan_id for envelope in shop.stream.envelopes] == [0]


def test_a_client_cannot_choose_the_plan_that_judges_it(shop: Shop) -> None:
    shop.track(plan_id=7, v=7)
    assert [envelope.plan_id for envelope in shop.stream.envelopes] == [0]


def test_the_sandbox_says_what_the_plan_would_do_though_no_worker_has_come_to_it(shop: Shop) -> None:
    save(shop)
    refused = json.loads(shop.track(sandbox=True, event="search", properties={}).data)
    [finding] = refused["violations"]
    assert finding["kind"] == "refused_by_plan"
    assert "query is required" in finding["message"]
    told = json.loads(shop.track(sandbox=True, event="wish").data)
    assert [(each["kind"], each["property"]) for each in told["violations"]] == [("unplanned_event", "event")]
