"""What a platform tells is judged by the project's tracking plan like what a page sends."""

from __future__ import annotations

from shopalytic.accounts.plans import save_plan
from shopalytic.events.plan import Plan
from tests.collector.hooks.conftest import Hooks, payload


def test_a_notification_carries_the_version_that_is_in_force(hooks: Hooks) -> None:
    for choice in (Plan("tell"), Plan("refuse")):
        with hooks.shop.sessions.begin() as db:
            plan_id = save_plan(db, hooks.shop.project.project.id, choice, saved_by="a test").id
        assert hooks.send("woocommerce", "order.created", payload("woocommerce_order")).status_code == 200
        assert hooks.shop.stream.envelopes[-1].plan_id == plan_id
