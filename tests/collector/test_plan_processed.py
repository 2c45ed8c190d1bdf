"""What the sandbox tells of a message that the tracking plan judges, with a queue, a worker and a store."""

from __future__ import annotations

import pytest

from shopalytic.accounts.plans import save_plan
from shopalytic.events.plan import EventRule, Plan, PropertyRule
from tests.collector.test_sandbox_processed import Shop, shop, valkey_url

__all__ = ["shop", "valkey_url"]


@pytest.mark.parametrize(
    ("choice", "outcome", "reason"),
    [("refuse", "dropped", "refused_by_plan"), ("quarantine", "quarantined", "against_plan")],
)
def test_the_sandbox_tells_what_the_projects_plan_does(
    shop: Shop, choice: str, outcome: str, reason: str
) -> None:
    rule = EventRule(
        on_violation="refuse" if choice == "refuse" else "quarantine",
        properties={"query": PropertyRule("text", required=True)},
    )
    with shop.parts.sessions.begin() as db:
        save_plan(db, shop.project.project.id, Plan(events={"search": rule}), saved_by="a test")
    answer = shop.track(event="search", message_id="m1", properties={"hits": 3})
    assert (answer["status"], answer["outcome"], answer["reason"]) == ("accepted", outcome, reason)
    assert [(each["kind"], each["property"]) for each in answer["violations"]] == [("missing", "query")]
    assert shop.track(event="search", message_id="m2", properties={"query": "mug"})["outcome"] == "stored"
    assert shop.stored(shop.sandbox_id) == ["search"]
    assert shop.stored(shop.project.project.id) == []
