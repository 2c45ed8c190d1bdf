"""Who is who, sentence by sentence of the contract."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.identity.people import Shop, alias, identify, saw


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> Shop:
    return Shop(sessions)


def test_a_visitor_who_never_says_who_he_is_is_his_own_customer(shop: Shop) -> None:
    first, second = shop.receive(saw("anna", at=0), saw("anna", at=60))
    assert first.customer_id == second.customer_id == first.origin_id == shop.visitor("anna")
    assert shop.identities() == {}


def test_a_new_id_becomes_one_of_the_visitors_customer_with_events_before_and_after(shop: Shop) -> None:
    before, after = saw("anna", at=0), saw("anna", at=20)
    shop.receive(before)
    [answer] = shop.receive(identify("anna", "17", at=10))
    shop.receive(after)
    assert set(shop.read().values()) == {shop.visitor("anna")}
    assert answer.origin_id == shop.customer("user_id", "17")


def test_the_common_first_sign_in_rewrites_nothing(shop: Shop) -> None:
    shop.receive(saw("anna", at=0))
    shop.receive(identify("anna", "17", at=10), saw("anna", "17", at=11))
    assert shop.overridden() == []


def test_a_known_id_takes_the_visitors_whole_past(shop: Shop) -> None:
    shop.receive(saw("", "17", at=0), saw("anna", at=5))
    shop.receive(identify("anna", "17", at=10))
    assert set(shop.read().values()) == {shop.customer("user_id", "17")}


def test_two_browsers_of_one_customer_are_one_customer(shop: Shop) -> None:
    shop.receive(saw("phone", at=0), identify("phone", "17", at=1), saw("laptop", at=2))
    shop.receive(identify("laptop", "17", at=3), saw("laptop", at=4), saw("phone", at=5))
    assert set(shop.read().values()) == {shop.visitor("phone")}


def test_the_further_ids_of_an_anonymous_visitor_move_with_him(shop: Shop) -> None:
    shop.receive(alias("anna", {"newsletter": "n1"}, at=0), saw("", {"newsletter": "n1"}, at=1))
    shop.receive(saw("", "17", at=2), identify("anna", "17", at=3))
    assert set(shop.read().values()) == {shop.customer("user_id", "17")}


def test_two_people_on_one_device_are_told_apart_in_time(shop: Shop) -> None:
    of_a = [saw("kiosk", at=0), identify("kiosk", "a", at=1), saw("kiosk", at=2)]
    of_b = [identify("kiosk", "b", at=3), saw("kiosk", at=4)]
    again_a = [identify("kiosk", "a", at=5), saw("kiosk", at=6)]
    shop.receive(*of_a, *of_b, *again_a)
    read = shop.read()
    assert {read[one.message_id] for one in of_a + again_a} == {shop.visitor("kiosk")}
    assert {read[one.message_id] for one in of_b} == {shop.customer("user_id", "b")}


def test_two_people_on_one_device_are_told_apart_where_the_first_signs_in_last_to_arrive(shop: Shop) -> None:
    anonymous, late = saw("kiosk", at=2), identify("kiosk", "a", at=1)
    shop.receive(identify("kiosk", "b", at=3), saw("kiosk", at=4), anonymous)
    assert shop.read()[anonymous.message_id] == shop.visitor("kiosk")
    shop.receive(late, saw("", "b", at=5))
    read = shop.read()
    assert read[anonymous.message_id] == read[late.message_id] == shop.visitor("kiosk")
    assert shop.identities()["user_id", "b"][0][1] == shop.customer("user_id", "b")


def test_two_identified_customers_are_never_merged_by_identify(shop: Shop) -> None:
    shop.receive(identify("t1", "a", at=0), identify("t2", "b", at=1))
    shop.receive(identify("t1", "b", at=2), identify("t2", "a", at=3), saw("t1", at=4), saw("t2", at=5))
    owners = shop.identities()
    assert owners["user_id", "a"][0][1] != owners["user_id", "b"][0][1]


def test_a_visitor_who_comes_to_an_anonymous_visitors_further_id_makes_it_a_person(shop: Shop) -> None:
    """Else the next sign-in of the first visitor would carry away the other's history."""
    shop.receive(alias("t1", "z", at=0), identify("t2", "a", at=1), identify("t2", "z", at=2))
    shop.receive(identify("t1", "b", at=3))
    owners = shop.identities()
    assert owners["user_id", "z"][0][1] == shop.visitor("t1")
    assert owners["user_id", "b"][0][1] == shop.customer("user_id", "b")


def test_an_event_with_a_visitor_and_an_id_says_as_much_as_identify(shop: Shop) -> None:
    shop.receive(saw("", "17", at=0), saw("anna", at=1), saw("anna", "17", at=2))
    assert set(shop.read().values()) == {shop.customer("user_id", "17")}


def test_alias_adds_an_id_and_does_not_make_the_visitor_somebody(shop: Shop) -> None:
    shop.receive(alias("anna", {"card": "c1"}, at=0), saw("", {"card": "c1"}, at=1))
    shop.receive(saw("", "17", at=2), identify("anna", "17", at=3), saw("anna", at=4))
    assert set(shop.read().values()) == {shop.customer("user_id", "17")}


def test_alias_of_an_identified_visitor_adds_an_id_to_its_customer(shop: Shop) -> None:
    shop.receive(identify("anna", "17", at=0), alias("anna", {"card": "c1"}, at=1))
    shop.receive(saw("", {"card": "c1"}, at=2))
    assert set(shop.read().values()) == {shop.visitor("anna")}
    assert shop.conflicts() == set()


def test_alias_of_an_id_that_another_has_changes_nothing_and_is_a_conflict(shop: Shop) -> None:
    theft = alias("anna", "b", at=2)
    shop.receive(identify("anna", "a", at=0), identify("bert", "b", at=1))
    [answer] = shop.receive(theft)
    assert answer.refused == "owned_by_another"
    assert answer.customer_id == shop.visitor("anna")
    assert shop.conflicts() == {(theft.message_id, "alias", "user_id", "b")}
    assert shop.identities()["user_id", "b"][0][1] == shop.visitor("bert")


def test_a_conflict_goes_once_an_earlier_message_shows_that_they_are_one(shop: Shop) -> None:
    early = alias("anna", "b", at=2)
    shop.receive(saw("", "b", at=0), early)
    assert shop.conflicts() == {(early.message_id, "alias", "user_id", "b")}
    shop.receive(identify("anna", "b", at=1))
    assert shop.conflicts() == set()


def test_a_conflict_is_fulfilled_by_signing_in_later(shop: Shop) -> None:
    early = alias("anna", "b", at=2)
    shop.receive(saw("", "b", at=0), early, identify("anna", "b", at=9))
    assert shop.conflicts() == set()
    assert shop.resolve([early])[0].refused is None


def test_alias_of_a_known_id_gives_its_customer_a_further_one(shop: Shop) -> None:
    shop.receive(identify("anna", "old", at=0))
    [answer] = shop.receive(alias("", "new", previous="old", at=1))
    shop.receive(saw("", "new", at=2), saw("laptop", at=3), identify("laptop", "new", at=4))
    assert answer.refused is None
    assert set(shop.read().values()) == {shop.visitor("anna")}
    assert shop.conflicts() == set()
    assert set(shop.identities()) == {
        ("tracking_id", "anna"), ("user_id", "old"), ("user_id", "new"), ("tracking_id", "laptop"),
    }  # fmt: skip


def test_alias_of_a_known_id_holds_in_whatever_order_it_arrives(shop: Shop) -> None:
    shop.receive(saw("", "new", at=2))
    shop.receive(alias("", "new", previous="old", at=1))
    shop.receive(identify("anna", "old", at=0))
    assert set(shop.read().values()) == {shop.visitor("anna")}
    assert ("tracking_id", "old") not in shop.identities()


@pytest.mark.parametrize("names", list(itertools.permutations("abc")))
def test_alias_holds_between_what_was_said_in_the_same_millisecond(
    shop: Shop, names: tuple[str, ...]
) -> None:
    """A program signs in, renames and orders faster than the clock counts; message ids say nothing of the order."""
    first, renaming, last = names
    messages = [
        saw("", "old", at=0, message=first),
        alias("", "new", previous="old", at=0, message=renaming),
        saw("", "new", at=0, message=last),
    ]
    for message in messages if first < last else messages[::-1]:
        shop.receive(message)
    assert len(set(shop.read().values())) == 1
    assert shop.conflicts() == set()


def test_alias_of_a_visitors_id_without_the_visitor_is_that_visitors(shop: Shop) -> None:
    shop.receive(saw("anna", at=0), alias("", "17", previous="anna", at=1), saw("", "17", at=2))
    assert set(shop.read().values()) == {shop.visitor("anna")}
    assert set(shop.identities()) == {("tracking_id", "anna"), ("user_id", "17")}


def test_alias_of_two_customers_ids_changes_nothing_and_is_a_conflict(shop: Shop) -> None:
    shop.receive(saw("", "a", at=0), saw("", "b", at=1))
    theft = alias("", "b", previous="a", at=2)
    [answer] = shop.receive(theft)
    assert answer.refused == "owned_by_another"
    assert shop.conflicts() == {(theft.message_id, "alias", "user_id", "b")}
    owners = shop.identities()
    assert owners["user_id", "a"][0][1] == shop.customer("user_id", "a")
    assert owners["user_id", "b"][0][1] == shop.customer("user_id", "b")


def test_alias_of_an_id_to_itself_says_nothing(shop: Shop) -> None:
    [answer] = shop.receive(alias("", "17", previous="17", at=0))
    assert answer.refused is None
    assert set(shop.identities()) == {("user_id", "17")}


def test_alias_without_a_visitor_is_a_sighting_of_the_id(shop: Shop) -> None:
    shop.receive(alias("", "17", at=0))
    assert shop.identities()["user_id", "17"][0][1] == shop.customer("user_id", "17")


def test_several_ids_in_one_message_are_one_customers(shop: Shop) -> None:
    shop.receive(identify("anna", {"user_id": "17", "email": "a@b.example"}, at=0))
    shop.receive(saw("", {"email": "a@b.example"}, at=1))
    assert set(shop.read().values()) == {shop.visitor("anna")}
    assert shop.overridden() == []


def test_an_unknown_id_beside_a_known_one_joins_its_customer(shop: Shop) -> None:
    shop.receive(saw("", {"email": "a@b.example"}, at=0), saw("anna", at=1))
    shop.receive(identify("anna", {"user_id": "17", "email": "a@b.example"}, at=2))
    assert set(shop.read().values()) == {shop.customer("email", "a@b.example")}
    assert shop.conflicts() == set()


def test_a_further_id_that_comes_with_a_users_id_is_no_longer_anonymous(shop: Shop) -> None:
    """Else the visitor's next sign-in would carry user 17 away to somebody else."""
    card = {"card": "c1"}
    shop.receive(alias("anna", card, at=0), saw("", {"user_id": "17"} | card, at=1), saw("", "18", at=2))
    shop.receive(identify("anna", "18", at=3))
    owners = shop.identities()
    assert owners["user_id", "17"][0][1] == shop.visitor("anna")
    assert owners["user_id", "18"][0][1] == shop.customer("user_id", "18")


def test_two_customers_ids_in_one_message_are_a_conflict_and_no_merge(shop: Shop) -> None:
    both = saw("", {"user_id": "17", "email": "a@b.example"}, at=2)
    shop.receive(saw("", "17", at=0), saw("", {"email": "a@b.example"}, at=1))
    [answer] = shop.receive(both)
    assert (answer.customer_id, answer.refused) == (shop.customer("user_id", "17"), "owned_by_another")
    assert shop.conflicts() == {(both.message_id, "same", "email", "a@b.example")}


def test_the_same_id_under_two_types_is_two_ids(shop: Shop) -> None:
    shop.receive(saw("", "17", at=0), saw("", {"crm": "17"}, at=1))
    assert len(set(shop.read().values())) == 2


def test_projects_share_nobody(sessions: sessionmaker[Session]) -> None:
    one, other = Shop(sessions), Shop(sessions)
    one.receive(saw("", "17", at=0), identify("anna", "17", at=1))
    other.receive(saw("anna", at=2))
    assert set(other.read().values()) == {other.visitor("anna")}
    assert other.visitor("anna") != one.visitor("anna")


def test_a_step_starts_at_the_millisecond_of_its_message(shop: Shop) -> None:
    shop.receive(identify("kiosk", "a", at=0), identify("kiosk", "b", at=1.0007), saw("kiosk", at=0.9999))
    at_once, before = saw("kiosk", at=1.0001), saw("kiosk", at=0.9991)
    answers = shop.receive(at_once, before)
    expected = [shop.customer("user_id", "b"), shop.visitor("kiosk")]
    assert [answer.customer_id for answer in answers] == expected
    assert [shop.read()[one.message_id] for one in (at_once, before)] == expected
