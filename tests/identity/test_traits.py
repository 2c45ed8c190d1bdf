"""Properties of customers, and who holds an e-mail address."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Trait
from shopalytic.identity.decisions import merge_customers, undo_decision
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.traits import email_owner, save_traits, traits
from tests.identity.people import NOON, Shop, identify, saw


class Office:
    """A shop that says things of its customers."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.shop = Shop(sessions)

    def say(
        self, who: tuple[str, str], properties: dict[str, Any], at: float = 0, message: str = "m"
    ) -> None:
        with self.shop.sessions.begin() as db:
            save_traits(db, self.shop.project, [(*who, properties, NOON + timedelta(seconds=at), message)])

    def traits(self, customer: UUID) -> dict[str, Any]:
        with self.shop.sessions() as db:
            return traits(db, self.shop.project, customer)

    def holder(self, email: str) -> UUID | None:
        with self.shop.sessions.begin() as db:
            return email_owner(db, self.shop.project, email)


@pytest.fixture
def office(sessions: sessionmaker[Session]) -> Office:
    return Office(sessions)


USER = ("user_id", "17")
ANNA = (VISITOR, "anna")


def test_the_newest_value_stays_in_whatever_order_they_arrive(office: Office) -> None:
    office.say(USER, {"country": "new", "name": "Jon"}, at=2)
    office.say(USER, {"country": "old"}, at=1)
    office.say(USER, {"country": "newest"}, at=3)
    assert office.traits(office.shop.customer(*USER)) == {"country": "newest", "name": "Jon"}


def test_of_two_values_said_at_the_same_time_the_later_message_id_stays(office: Office) -> None:
    for message in ("m2", "m3", "m1"):
        office.say(USER, {"country": message}, message=message)
    assert office.traits(office.shop.customer(*USER)) == {"country": "m3"}


def test_two_values_in_one_call_are_the_newer_one(office: Office) -> None:
    with office.shop.sessions.begin() as db:
        later = NOON + timedelta(seconds=1)
        said: Iterable[Any] = [(*USER, {"a": 2}, later, "m2"), (*USER, {"a": 1}, NOON, "m1")]
        save_traits(db, office.shop.project, said)
    assert office.traits(office.shop.customer(*USER)) == {"a": 2}


def test_values_come_back_as_the_json_that_they_were(office: Office) -> None:
    values = {"n": None, "t": True, "d": 1.5, "l": [1, {"x": "y"}], "s": "é🛒", "o": {}, "z": "a\0b"}
    office.say(USER, values)
    assert office.traits(office.shop.customer(*USER)) == values


def test_names_that_no_column_takes_are_left_out(office: Office) -> None:
    office.say(USER, {"": 1, "x" * 256: 2, "a\0b": 3, "\ud800": 4, "fine": 5, "email": "\ud800@\0"})
    assert office.traits(office.shop.customer(*USER))["fine"] == 5
    assert len(office.traits(office.shop.customer(*USER))) == 2


def test_what_was_said_of_an_anonymous_visitor_is_found_before_and_after_he_signs_in(office: Office) -> None:
    office.say(ANNA, {"country": "DE"})
    assert office.traits(office.shop.visitor("anna")) == {"country": "DE"}
    office.shop.receive(saw("", "17", at=1), identify("anna", "17", at=2))
    assert office.traits(office.shop.customer(*USER)) == {"country": "DE"}
    assert office.traits(office.shop.visitor("anna")) == {}


def test_a_customers_properties_are_the_newest_over_all_ids(office: Office) -> None:
    office.shop.receive(identify("anna", "17", at=0))
    office.say(USER, {"country": "AT"}, at=5)
    office.say(ANNA, {"country": "DE", "name": "Anna"}, at=1)
    assert office.traits(office.shop.visitor("anna")) == {"country": "AT", "name": "Anna"}


def test_of_a_shared_browser_each_has_what_was_said_in_his_time(office: Office) -> None:
    office.shop.receive(identify("kiosk", "a", at=0), identify("kiosk", "b", at=10))
    office.say((VISITOR, "kiosk"), {"name": "A"}, at=5)
    assert office.traits(office.shop.visitor("kiosk")) == {"name": "A"}
    assert office.traits(office.shop.customer("user_id", "b")) == {}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_earlier_user_of_a_browser_keeps_what_was_said_in_his_time_whatever_comes_later(
    office: Office, order: tuple[int, ...]
) -> None:
    office.shop.receive(identify("kiosk", "a", at=0), identify("kiosk", "b", at=10))
    said = [({"name": "A", "city": "Ulm"}, 5, "m1"), ({"name": "Ann"}, 6, "m2"), ({"name": "B"}, 15, "m3")]
    for number in order:
        properties, at, message = said[number]
        office.say((VISITOR, "kiosk"), properties, at=at, message=message)
        office.say((VISITOR, "kiosk"), properties, at=at, message=message)
    assert office.traits(office.shop.visitor("kiosk")) == {"name": "Ann", "city": "Ulm"}
    assert office.traits(office.shop.customer("user_id", "b")) == {"name": "B"}


def test_a_sign_in_told_late_takes_the_properties_of_its_time_along(office: Office) -> None:
    office.shop.receive(saw("", "b", at=0), identify("kiosk", "a", at=0))
    office.say((VISITOR, "kiosk"), {"name": "A"}, at=5, message="m1")
    office.say((VISITOR, "kiosk"), {"name": "B"}, at=15, message="m2")
    assert office.traits(office.shop.visitor("kiosk")) == {"name": "B"}
    office.shop.receive(identify("kiosk", "b", at=10))
    assert office.traits(office.shop.visitor("kiosk")) == {"name": "A"}
    assert office.traits(office.shop.customer("user_id", "b")) == {"name": "B"}


def test_of_a_browser_that_says_it_on_every_page_only_the_newest_are_kept(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.identity.traits.SAYINGS_KEPT", 3)
    for number in (4, 1, 5, 2, 3):
        office.say(ANNA, {"name": f"n{number}"}, at=number, message=f"m{number}")
    with office.shop.sessions() as db:
        rows = db.scalars(select(Trait.value).where(Trait.project_id == office.shop.project))
        assert sorted(map(str, rows)) == ["n3", "n4", "n5"]
    assert office.traits(office.shop.visitor("anna")) == {"name": "n5"}


def test_merged_the_newer_value_counts_and_taken_back_each_has_his_own_again(office: Office) -> None:
    shop = office.shop
    shop.receive(identify("anna", "17", at=0), identify("ben", "18", at=0))
    anna, ben = shop.visitor("anna"), shop.visitor("ben")
    office.say(("user_id", "17"), {"city": "Ulm", "name": "Anna"}, at=5)
    office.say((VISITOR, "ben"), {"city": "Bonn", "age": 7}, at=6, message="m6")
    office.say((VISITOR, "anna"), {"age": 9}, at=7, message="m7")
    own = (office.traits(anna), office.traits(ben))
    for _ in range(2):
        with shop.sessions.begin() as db:
            merged = merge_customers(db, shop.project, anna, ben, by="user:1", door="dashboard")
        assert office.traits(anna) == {"city": "Bonn", "name": "Anna", "age": 9}
        assert office.traits(ben) == {}
        with shop.sessions.begin() as db:
            undo_decision(db, shop.project, merged.decision_id, by="user:1", door="dashboard")
        assert (office.traits(anna), office.traits(ben)) == own


def test_an_email_address_has_the_customer_of_whom_it_was_said(office: Office) -> None:
    office.shop.receive(identify("anna", "17", at=0))
    assert office.holder("jon@x.example") is None
    office.say(USER, {"email": " Jon@X.example "}, at=1)
    assert office.holder("jon@x.example") == office.shop.visitor("anna")
    assert office.holder(" JON@x.example") == office.shop.visitor("anna")
    assert office.holder("on@x.example") is None
    assert office.holder(" ") is None


def test_an_email_address_that_is_an_id_has_its_owner(office: Office) -> None:
    office.shop.receive(identify("anna", {"email": "jon@x.example"}, at=0))
    assert office.holder("Jon@x.example") == office.shop.visitor("anna")


def test_an_email_address_is_free_again_once_its_customer_has_another(office: Office) -> None:
    office.shop.receive(identify("anna", "17", at=0))
    office.say(ANNA, {"email": "old@x.example"}, at=1)
    office.say(USER, {"email": "new@x.example"}, at=2)
    assert office.holder("old@x.example") is None
    assert office.holder("new@x.example") == office.shop.visitor("anna")


def test_a_property_of_another_name_holds_no_address(office: Office) -> None:
    office.say(USER, {"name": "jon@x.example", "friend": "jon@x.example"})
    assert office.holder("jon@x.example") is None


def test_of_many_who_want_an_address_at_once_one_gets_it(office: Office) -> None:
    shop = office.shop
    granted: list[str] = []
    start = threading.Barrier(4)

    def register(user: str) -> None:
        start.wait(timeout=30)
        with shop.sessions.begin() as db:
            if email_owner(db, shop.project, "jon@x.example") is None:
                save_traits(db, shop.project, [("user_id", user, {"email": "jon@x.example"}, NOON, user)])
                granted.append(user)

    threads = [threading.Thread(target=register, args=(f"u{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with shop.sessions() as db:
        rows = db.scalar(select(func.count()).select_from(Trait).where(Trait.project_id == shop.project))
    assert (len(granted), rows) == (1, 1)
