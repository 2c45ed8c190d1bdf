"""Anonymised: events stay and count, and nothing leads back to the person."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.privacy.conftest import Shop

SECRETS = ("jon-browser", "jon@", "Snow", "Jon", "4417-jon", "+44 20", "Castle", "gift for")
PAGE = {"url": "https://shop.example/a?email=jon@shop.example", "title": "Welcome Jon"}


def order(number: str, total: str, **members: Any) -> dict[str, Any]:
    return {
        "event": "order",
        "properties": {
            "order_id": number,
            "cart_id": f"cart-{number}",
            "total": total,
            "subtotal": total,
            "line_items": [{"sku": "MUG", "name": "Mug", "qty": 2, "price": "5.00"}],
            "billing": {
                "country": "GBR",
                "city": "Winterfell",
                "street": "Castle 1",
                "email": "jon@shop.example",
            },
            "phone": "+44 20 7946 0000",
            "note": "a gift for jon@shop.example",
            "shade": "blue",
        },
    } | members


def jons_day(shop: Shop) -> None:
    shop.visit(
        {"tracking_id": "jon-browser", "context": PAGE},
        {"tracking_id": "jon-browser", "user_id": "4417-jon", "type": "identify",
         "properties": {"first_name": "Jon", "last_name": "Snow", "email": "jon@shop.example", "shoe_size": 44}},
        {"tracking_id": "jon-browser", "user_id": "4417-jon", **order("1001", "10.00")},
        {"tracking_id": "ann-browser", "user_id": "ann", **order("1002", "7.25", properties={
            "order_id": "1002", "cart_id": "c", "total": "7.25", "subtotal": "7.25",
            "line_items": [{"sku": "CUP", "qty": 1, "price": "7.25"}]})},
        {"tracking_id": "jon-phone", "user_id": {"user_id": "4417-jon", "email": "jon@shop.example"}},
    )  # fmt: skip


def everything(shop: Shop) -> str:
    """All that the tables hold of the project's."""
    from sqlalchemy import text

    found: list[Any] = [msgspec.to_builtins(row) for row in shop.rows()]
    with shop.parts.sessions() as db:
        for table in ("link", "identity", "trait", "conflict", "erasure", "erased_id"):
            found += [str(tuple(row)) for row in db.execute(text(f'SELECT * FROM "{table}"'))]
    return str(found)


def test_events_orders_and_revenue_stay_as_they_were(shop: Shop) -> None:
    jons_day(shop)
    before = shop.overview()
    assert (before.totals.orders, str(before.totals.revenue)) == (2, "17.25")
    shop.erase("anonymise", shop.get("4417-jon"))
    assert shop.overview() == before
    assert len(shop.rows()) == 5


def test_nothing_leads_back_to_the_person(shop: Shop) -> None:
    jons_day(shop)
    jon = shop.get("4417-jon")
    assert all(secret in everything(shop) for secret in SECRETS)
    shop.erase("anonymise", jon)
    left = everything(shop)
    assert [secret for secret in (*SECRETS, str(jon), jon.hex) if secret in left] == []
    assert shop.find("4417-jon") is shop.find("jon@shop.example") is shop.find("jon-browser") is None
    [stripped] = [row for row in shop.rows() if row.order_id == "1001"]
    assert stripped.properties == {"billing": {"country": "GBR"}, "shade": "blue"}


def test_a_neighbour_is_left_as_he_was(shop: Shop) -> None:
    jons_day(shop)
    ann = shop.get("ann")
    before = [row for row in shop.rows() if row.owner_id == str(ann)]
    shop.erase("anonymise", shop.get("4417-jon"))
    assert shop.get("ann") == ann
    assert [row for row in shop.rows() if row.owner_id == str(ann)] == before


def test_the_browsers_next_visit_is_a_fresh_visitors(shop: Shop) -> None:
    jons_day(shop)
    shop.erase("anonymise", shop.get("4417-jon"))
    before = {row.owner_id for row in shop.rows()}
    shop.visit({"message_id": "later", "tracking_id": "jon-browser"})
    [later] = [row for row in shop.rows() if row.message_id == "later"]
    assert later.owner_id not in before
    assert later.session_id not in {row.session_id for row in shop.rows() if row.message_id != "later"}
    shop.visit(
        {"message_id": "again", "tracking_id": "jon-browser", "user_id": "4417-jon", "type": "identify"}
    )
    own = [row.message_id for row in shop.rows() if row.owner_id == str(shop.get("4417-jon"))]
    assert own == ["later", "again"]
