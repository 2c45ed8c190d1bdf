"""Finding customers, and saying why they are one person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Link
from shopalytic.identity.explain import CustomerLink, links, sentences
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.ledger import Sighting, refold
from shopalytic.identity.lookup import CustomerId, customer_ids, find_customer, origins_of, search_customers
from shopalytic.identity.statements import hold_identity
from shopalytic.identity.traits import save_traits
from tests.identity.people import NOON, Shop, alias, identify, saw


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> Shop:
    return Shop(sessions)


def find(shop: Shop, value: str) -> UUID | None:
    with shop.sessions() as db:
        return find_customer(db, shop.project, value)


def ids(shop: Shop, customer: UUID) -> list[CustomerId]:
    with shop.sessions() as db:
        return customer_ids(db, shop.project, customer)


def search(shop: Shop, text: str, limit: int = 10) -> list[tuple[UUID, str, str]]:
    with shop.sessions() as db:
        found = search_customers(db, shop.project, text, limit)
        return [(one.customer_id, one.by, one.value) for one in found]


def explain(shop: Shop, customer: UUID) -> list[CustomerLink]:
    with shop.sessions() as db:
        return links(db, shop.project, customer)


def say(shop: Shop, user: str, properties: dict[str, Any]) -> None:
    with shop.sessions.begin() as db:
        save_traits(db, shop.project, [("user_id", user, properties, NOON, "m")])


def test_a_customer_is_found_by_any_id(shop: Shop) -> None:
    shop.receive(identify("anna", {"user_id": "17", "email": "a@b.example"}, at=0))
    owner = shop.visitor("anna")
    assert [find(shop, value) for value in ("anna", "17", " A@B.example", "18", "")] == [owner] * 3 + [
        None
    ] * 2


def test_of_one_value_under_several_types_user_id_goes_first_and_a_visitor_last(shop: Shop) -> None:
    shop.receive(identify("17", "a", at=0), saw("", {"crm": "17"}, at=1))
    assert find(shop, "17") == shop.customer("crm", "17")
    shop.receive(saw("", "17", at=2))
    assert find(shop, "17") == shop.customer("user_id", "17")


def test_a_shared_browser_is_found_as_whose_it_is_now(shop: Shop) -> None:
    shop.receive(identify("kiosk", "a", at=0), identify("kiosk", "b", at=1))
    assert find(shop, "kiosk") == shop.customer("user_id", "b")


def test_another_projects_ids_are_not_found(shop: Shop) -> None:
    other = Shop(shop.sessions)
    other.receive(identify("anna", "17", at=0))
    say(other, "17", {"name": "Jon"})
    assert find(shop, "17") is None
    assert search(shop, "17") == search(shop, "jon") == []
    assert ids(shop, other.visitor("anna")) == []
    assert explain(shop, other.visitor("anna")) == []


def test_ids_come_with_when_they_became_the_customers(shop: Shop) -> None:
    shop.receive(identify("phone", {"user_id": "17", "email": "a@b.example"}, at=1))
    shop.receive(saw("laptop", at=0), identify("laptop", "17", at=9))
    since = [(one.type, one.value, (one.since - NOON).seconds) for one in ids(shop, shop.visitor("phone"))]
    assert since == [
        ("user_id", "17", 1),
        ("email", "a@b.example", 1),
        (VISITOR, "phone", 1),
        (VISITOR, "laptop", 9),
    ]


def test_an_id_that_moved_with_its_visitor_is_the_customers_since_then(shop: Shop) -> None:
    shop.receive(alias("anna", {"card": "c1"}, at=0), saw("", "17", at=1), identify("anna", "17", at=5))
    since = {one.type: (one.since - NOON).seconds for one in ids(shop, shop.customer("user_id", "17"))}
    assert since == {"user_id": 1, "card": 5, VISITOR: 5}


def test_origins_are_all_ids_and_the_customers_own_key(shop: Shop) -> None:
    shop.receive(saw("", "17", at=0), identify("anna", "17", at=1))
    with shop.sessions() as db:
        owner = shop.customer("user_id", "17")
        assert origins_of(db, shop.project, owner) == [owner, shop.visitor("anna")]
        assert origins_of(db, shop.project, shop.visitor("nobody")) == [shop.visitor("nobody")]


def test_a_search_finds_ids_addresses_and_names_by_their_beginning(shop: Shop) -> None:
    shop.receive(identify("anna", "cust-17", at=0), identify("bert", "cust-18", at=1))
    say(
        shop,
        "cust-17",
        {"email": "Jon@X.example", "first_name": "Jon", "last_name": "Smith", "country": "Jonia"},
    )
    owner = shop.visitor("anna")
    assert search(shop, "jon@") == [(owner, "email", "Jon@X.example")]
    assert [one[0] for one in search(shop, "SMI")] == [owner]
    assert search(shop, "jon sm")[0][0] == owner
    assert search(shop, "jon meyer") == search(shop, "mith") == search(shop, " ") == []
    assert [one[2] for one in search(shop, "cust-")] == ["cust-17", "cust-18"]
    assert len(search(shop, "cust-", limit=1)) == 1


def test_a_search_takes_wildcards_for_what_they_are(shop: Shop) -> None:
    shop.receive(identify("anna", "100%", at=0), identify("bert", "100a", at=1), identify("c", "a_b", at=2))
    assert [one[2] for one in search(shop, "100%")] == ["100%"]
    assert [one[2] for one in search(shop, "a_")] == ["a_b"]
    assert search(shop, "%") == search(shop, "_") == search(shop, "\0") == []


def test_links_say_in_sentences_why_these_are_one_person(shop: Shop) -> None:
    at = NOON + timedelta(seconds=1)
    url = "https://shop.example/thanks"
    shop.receive(saw("", "17", at=0, message="m0"))
    shop.receive(Sighting("track", "anna", {"user_id": "17"}, at, "m1", cause="order", url=url))
    shop.receive(identify("anna", {"user_id": "17", "email": "a@b.example"}, at=2, message="m2"))
    shop.receive(alias("anna", {"card": "c1"}, at=3, message="m3"))
    found = explain(shop, shop.customer("user_id", "17"))
    assert [(link.message_id, link.kind, link.refused) for link in found] == [
        ("m0", "seen", None), ("m1", "track", None), ("m2", "identify", None), ("m2", "same", None),
        ("m3", "alias", None),
    ]  # fmt: skip
    assert sentences(found) == [
        "2026-01-31 12:00:00 UTC: user_id 17 was first seen, without a browser: the event page_view named it.",
        f"2026-01-31 12:00:01 UTC: on the page {url}, the event order of browser anna named user_id 17, which linked "
        "them.",
        "2026-01-31 12:00:02 UTC: identify('17') linked browser anna with user_id 17.",
        "2026-01-31 12:00:02 UTC: an identify call named both user_id 17 and email a@b.example, which made them one "
        "customer’s.",
        "2026-01-31 12:00:03 UTC: alias({card: 'c1'}) gave browser anna the further id card c1.",
    ]


def test_links_of_a_shared_browser_are_told_apart(shop: Shop) -> None:
    shop.receive(identify("kiosk", "a", at=0, message="m0"), identify("kiosk", "b", at=1, message="m1"))
    assert [link.message_id for link in explain(shop, shop.visitor("kiosk"))] == ["m0"]
    [of_b] = explain(shop, shop.customer("user_id", "b"))
    assert of_b.earlier_elsewhere
    assert sentences([of_b])[0].endswith("earlier ones stay where they were.")


def test_a_refused_alias_is_told_to_both(shop: Shop) -> None:
    shop.receive(identify("anna", "a", at=0), identify("bert", "b", at=1), alias("anna", "b", at=2))
    for owner in (shop.visitor("anna"), shop.visitor("bert")):
        last = explain(shop, owner)[-1]
        assert (last.kind, last.refused) == ("alias", "owned_by_another")
        assert "refused" in sentences([last])[0]


def test_a_struck_link_is_told_as_undone_by_those_it_joined(shop: Shop) -> None:
    shop.receive(saw("", "17", at=0), identify("anna", "17", at=1, message="m1"))
    with shop.sessions.begin() as db:
        hold_identity(db, shop.project)
        db.execute(
            update(Link).where(Link.project_id == shop.project, Link.message_id == "m1").values(active=False)
        )
        refold(db, shop.project, [("user_id", "17")])
    for owner in (shop.visitor("anna"), shop.customer("user_id", "17")):
        struck = explain(shop, owner)[-1]
        assert (struck.message_id, struck.active) == ("m1", False)
        assert sentences([struck])[0].endswith("this was undone.")


def test_an_alias_of_a_known_id_is_told_with_that_id(shop: Shop) -> None:
    shop.receive(
        saw("", "old", at=0), alias("", "new", previous="old", at=1), alias("", "c", previous="anna", at=2)
    )
    with shop.sessions() as db:
        found = links(db, shop.project, shop.customer("user_id", "old"))
        assert "alias('new') gave user_id old the further id user_id new." in sentences(found)[-1]
        [of_visitor] = links(db, shop.project, shop.visitor("anna"))
    assert of_visitor.refused is None
    assert "alias('c') gave browser anna the further id user_id c." in sentences([of_visitor])[0]
