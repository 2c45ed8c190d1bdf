"""A customer with 5,000 ids: every page and every call about it answers, and one link is undone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from shopalytic.accounts.keys import hash_secret_key
from shopalytic.accounts.models import Key, Link
from shopalytic.events.event import Event
from shopalytic.identity.ids import origin_id
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.pipeline.overrides import send_overrides
from tests.factories import make_order
from tests.web.conftest import Shop

BROWSERS = 4_999
A_DAY = 99
"""Fewer new links than wait for a decision."""
LAST = f"t{BROWSERS - 1}"
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
SECRET = "sha_sec_" + "s" * 32


def order(shop: Shop, visitor: str, order_id: str, total: str) -> Event:
    own = str(origin_id(shop.project_id, "tracking_id", visitor))
    return make_order(
        order_id=order_id, total=total, project_id=shop.project_id, visitor=visitor, origin_id=own, customer_id=own,
    )  # fmt: skip


@pytest.fixture
def jon(shop: Shop) -> UUID:
    """One person with a new browser every quarter of an hour, and an order from the first and the last."""
    signs = [
        Sighting(
            "identify", f"t{number}", {"user_id": "jon"}, NOON + timedelta(days=number // A_DAY, seconds=number),
            f"m{number}", cause="identify",
        )
        for number in range(BROWSERS)
    ]  # fmt: skip
    shop.happened(order(shop, "t0", "1", "10.00"), order(shop, LAST, "2", "2.50"))
    with shop.parts.sessions.begin() as db:
        resolve(db, shop.project_id, signs)
        db.add(
            Key(
                project_id=shop.project_id, kind="secret", value=hash_secret_key(SECRET), hint=SECRET[:12]
            )
        )  # fmt: skip
    send_overrides(shop.parts.store, shop.parts.sessions)
    return origin_id(shop.project_id, "tracking_id", "t0")


def test_the_pages_and_the_api_answer_for_a_customer_with_five_thousand_ids(shop: Shop, jon: UUID) -> None:
    of_jon = f"/customers/{jon}"
    for page in (of_jon, f"{of_jon}/identity", f"{of_jon}/identity?from=4900", f"{of_jon}/identity/split"):
        assert "jon" in shop.page(page)
    assert "t4998" in shop.page(f"{of_jon}/identity?from=4900")
    api = shop.client()
    key = {"Authorization": f"Bearer {SECRET}"}
    customer = api.get("/api/v1/customers?id=jon", headers=key).json
    assert (customer["customer_id"], len(customer["ids"]), customer["revenue"]) == (
        str(jon),
        BROWSERS + 1,
        "12.50",
    )
    told = api.get(f"/api/v1{of_jon}/identity", headers=key).json
    assert len(told["links"]) == len(told["sentences"]) == BROWSERS


def test_one_of_five_thousand_links_is_undone_and_its_events_go_with_it(shop: Shop, jon: UUID) -> None:
    with shop.parts.sessions() as db:
        query = select(Link.id).where(Link.project_id == shop.project_id, Link.tracking_id == LAST)
        link_id = db.scalars(query).one()
    api, key = shop.client(), {"Authorization": f"Bearer {SECRET}"}
    made = api.post(f"/api/v1/customers/{jon}/undo", json={"link_id": link_id}, headers=key).json
    assert made["moves"] == {"events": 1, "orders": 1, "revenue": "2.50"}
    customer = api.get("/api/v1/customers?id=jon", headers=key).json
    assert (len(customer["ids"]), customer["revenue"]) == (BROWSERS, "10.00")
    assert api.get(f"/api/v1/customers?id={LAST}", headers=key).json["revenue"] == "2.50"
