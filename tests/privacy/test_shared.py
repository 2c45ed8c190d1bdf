"""Erasing one of several who share a browser, an address, or a message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from shopalytic.accounts.models import Identity, Link
from shopalytic.identity.ledger import refold
from shopalytic.identity.statements import hold_identity
from tests.privacy.conftest import DAY, Shop
from tests.privacy.test_anonymise import everything, order


def at(hour: int, **message: Any) -> dict[str, Any]:
    return {"timestamp": f"{DAY}T{hour:02}:00:00Z", "tracking_id": "till"} | message


def shared_day(shop: Shop) -> None:
    """Anna, then Bert, then Anna again at one browser; Bert has a telephone of his own."""
    shop.visit(
        at(8, message_id="before"),
        at(9, message_id="anna-in", user_id="anna-1", type="identify", properties={"first_name": "Anna"}),
        at(10, message_id="anna-buys", user_id="anna-1", **order("A1", "10.00")),
        at(11, message_id="bert-in", user_id="bert-2", type="identify", properties={"first_name": "Bert"}),
        at(12, message_id="bert-looks"),
        at(13, message_id="bert-buys", user_id="bert-2", **order("B1", "3.50")),
        at(14, message_id="anna-again", user_id="anna-1", type="identify"),
        at(15, message_id="anna-looks"),
        at(16, message_id="phone", tracking_id="bert-phone", user_id="bert-2"),
    )


def of(shop: Shop, id: str) -> list[str]:
    return [row.message_id for row in shop.rows() if row.owner_id == str(shop.get(id))]


@pytest.mark.parametrize("kind", ["anonymise", "forget"])
def test_the_others_history_stays_as_it_was(shop: Shop, kind: Any) -> None:
    shared_day(shop)
    annas = of(shop, "anna-1")
    anna, before = shop.get("anna-1"), [row for row in shop.rows() if row.message_id in annas]
    shop.erase(kind, shop.get("bert-2"))
    assert shop.get("anna-1") == anna
    assert [row for row in shop.rows() if row.message_id in annas] == before
    assert of(shop, "anna-1") == annas
    assert "bert" not in everything(shop).lower().replace("bert-looks", "").replace("bert-buys", "").replace(
        "bert-in", ""
    )


@pytest.mark.parametrize("kind", ["anonymise", "forget"])
def test_who_had_the_browser_first_can_be_erased_too(shop: Shop, kind: Any) -> None:
    shared_day(shop)
    berts, orders = of(shop, "bert-2"), shop.overview().totals.orders
    shop.erase(kind, shop.get("anna-1"))
    assert of(shop, "bert-2") == berts
    assert shop.overview().totals.orders == (orders if kind == "anonymise" else orders - 1)
    assert "anna-1" not in everything(shop)


def test_what_comes_late_of_the_others_time_is_theirs(shop: Shop) -> None:
    shared_day(shop)
    shop.erase("forget", shop.get("bert-2"))
    shop.visit(at(10, message_id="late-annas"), at(12, message_id="late-berts"))
    assert "late-annas" in of(shop, "anna-1")
    assert "late-berts" not in of(shop, "anna-1")


def test_the_ledger_made_anew_says_the_same(shop: Shop) -> None:
    shared_day(shop)
    shop.erase("anonymise", shop.get("bert-2"))

    def identity() -> list[tuple[Any, ...]]:
        with shop.parts.sessions() as db:
            columns = Identity.__table__.c
            query = select(columns.id_type, columns.id_value, columns.from_at, columns.customer_id)
            rows = db.execute(query.where(columns.project_id == shop.project.project_id))
            return sorted(tuple(row) for row in rows)

    before = identity()
    assert before
    with shop.parts.sessions.begin() as db:
        hold_identity(db, shop.project.project_id)
        links = db.scalars(select(Link).where(Link.project_id == shop.project.project_id)).all()
        refold(db, shop.project.project_id, {(link.id_type, link.id_value) for link in links})
    assert identity() == before
    assert min(row[2] for row in before) < datetime(1970, 1, 1, tzinfo=UTC)


def test_money_and_events_stay_where_a_browser_was_shared(shop: Shop) -> None:
    """The browser counts as two visitors from then on: what is nobody's cannot be told to be Anna's browser."""
    shared_day(shop)
    before = shop.overview().totals
    shop.erase("anonymise", shop.get("bert-2"))
    after = shop.overview().totals
    assert (after.orders, after.revenue, after.customers, after.events) == (
        before.orders, before.revenue, before.customers, before.events,
    )  # fmt: skip
    assert after.visitors == before.visitors + 1
