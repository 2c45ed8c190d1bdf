"""Refused links by the question that they ask, read and decided, on both kinds of database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Conflict
from shopalytic.errors import NotFound
from shopalytic.identity.conflict_words import tell_said, tell_why
from shopalytic.identity.conflicts import (
    LEFT,
    NEVER,
    Case,
    count_open,
    count_reasons,
    decide_case,
    decide_id,
    get_case,
    list_cases,
    reopen_case,
)
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.wording import spell
from tests.identity.people import NOON, Shop, alias, identify, saw


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> Shop:
    """Ann, Ben and Cid; Ben's browser said twice that he has Ann's id, and Cid's once, in between."""
    made = Shop(sessions)
    made.receive(identify("t1", "ann", 0), identify("t2", "ben", 0), identify("t3", "cid", 0))
    made.receive(alias("t2", "ann", 10), alias("t3", "ann", 20), alias("t2", "ann", 30))
    return made


def cases(shop: Shop, **how: object) -> list[Case]:
    with shop.sessions() as db:
        return list_cases(db, shop.project, **how)  # type: ignore[arg-type]


def test_the_same_of_the_same_two_is_one_case_told_as_it_was_said_last(shop: Shop) -> None:
    first, second = cases(shop)
    assert (first.tracking_id, first.times) == ("t2", 2)
    assert (first.first_at, first.last_at) == (NOON + timedelta(seconds=10), NOON + timedelta(seconds=30))
    assert first.customers == [shop.visitor("t1"), shop.visitor("t2")]
    assert (second.tracking_id, second.times, second.cause) == ("t3", 1, "alias")


def test_several_browsers_of_one_customer_ask_one_question(shop: Shop) -> None:
    shop.receive(identify("t4", "ben", 5), alias("t4", "ann", 40))
    first, _ = cases(shop)
    assert (first.tracking_id, first.times) == ("t4", 3)


def test_of_one_instant_the_one_that_came_last_is_told(shop: Shop) -> None:
    shop.receive(alias("t2", "ann", 50, message="first"))
    shop.receive(alias("t2", "ann", 50, message="also"))
    [first, _] = cases(shop)
    assert (first.message_id, first.times) == ("also", 4)


def test_what_arrives_late_is_counted_and_the_last_is_still_told(shop: Shop) -> None:
    shop.receive(alias("t2", "ann", 5, message="late"))
    first, _ = cases(shop)
    assert (first.times, first.first_at) == (3, NOON + timedelta(seconds=5))
    assert first.last_at == NOON + timedelta(seconds=30)
    assert first.message_id != "late"


def test_pages_follow_one_another(shop: Shop) -> None:
    first, second = cases(shop)
    assert cases(shop, limit=1) == [first]
    assert cases(shop, before=first.place) == [second]
    assert cases(shop, before=second.place) == []


def test_an_id_is_found_by_how_it_begins_and_not_by_a_pattern(shop: Shop) -> None:
    assert len(cases(shop, text="An")) == 2
    assert len(cases(shop, text="an")) == 2
    assert [one.tracking_id for one in cases(shop, text=" t3 ")] == ["t3"]
    assert cases(shop, text="%") == cases(shop, text="_nn") == []
    assert len(cases(shop, text="\0")) == 2


def test_reasons_and_open_cases_are_counted_by_case(shop: Shop) -> None:
    with shop.sessions() as db:
        assert count_reasons(db, shop.project) == {"owned_by_another": 2}
        assert count_open(db, shop.project) == 2
        assert count_reasons(db, shop.project, is_open=False) == {}


def test_any_link_of_a_case_finds_it_and_no_other_projects(shop: Shop) -> None:
    first, _ = cases(shop)
    with shop.sessions() as db:
        numbers = [row.id for row in db.query(Conflict).filter_by(project_id=shop.project, tracking_id="t2")]
        assert [get_case(db, shop.project, number) for number in numbers] == [first, first]
        for project, number in ((shop.project + 1, first.conflict_id), (shop.project, 2**70)):
            with pytest.raises(NotFound):
                get_case(db, project, number)


def test_a_case_is_decided_once_and_may_be_asked_again(shop: Shop) -> None:
    first, second = cases(shop)
    with shop.sessions.begin() as db:
        assert decide_case(db, shop.project, first, LEFT, "user:1") == 2
    with shop.sessions.begin() as db:
        assert decide_case(db, shop.project, first, LEFT, "user:2") == 0
    assert [one.conflict_id for one in cases(shop)] == [second.conflict_id]
    [decided] = cases(shop, is_open=False)
    assert (decided.decision, decided.decided_by, decided.times) == ("left", "user:1", 2)
    with shop.sessions.begin() as db:
        assert reopen_case(db, shop.project, decided) == 2
    assert cases(shop) == [first, second]


def test_all_cases_about_an_id_are_decided_together(shop: Shop) -> None:
    shop.receive(alias("t3", "ben", 60))
    with shop.sessions.begin() as db:
        assert decide_id(db, shop.project, ("user_id", "ann"), NEVER, "key:1") == 3
    assert [one.id[1] for one in cases(shop)] == ["ben"]


def test_of_whom_nothing_is_known_is_a_case_as_well(shop: Shop) -> None:
    with shop.sessions.begin() as db:
        db.execute(
            update(Conflict).where(Conflict.project_id == shop.project).values(owner_id=None, asked_id=None)
        )
    [one] = cases(shop)
    assert (one.times, one.customers) == (3, [])
    with shop.sessions.begin() as db:
        assert get_case(db, shop.project, one.conflict_id) == one
        assert decide_case(db, shop.project, one, LEFT, "user:1") == 3


def test_what_was_said_and_why_it_was_refused_are_sentences(shop: Shop) -> None:
    first, _ = cases(shop)
    assert spell(tell_said(first)) == "alias('ann') was to give browser t2 the further id user_id ann"
    assert spell(tell_why(first)) == (
        "user_id ann belongs to another customer than browser t2, and an id belongs to one customer."
    )


def test_two_ids_of_one_event_are_told_by_both(shop: Shop) -> None:
    shop.receive(identify("t9", {"email": "b@shop.example"}, 0))
    shop.receive(saw("", {"user_id": "ann", "email": "b@shop.example"}, at=90))
    first, *_ = cases(shop)
    assert first.ids == {"id": ("email", "b@shop.example"), "other": ("user_id", "ann")}
    assert spell(tell_said(first)) == "the event page_view named both user_id ann and email b@shop.example"


REASONS = ["owned_by_another", "second_of_unique_type", "too_many_ids", "too_many_links", "both_identified"]


@pytest.mark.parametrize("reason", [*REASONS, "of_a_later_version"])
@pytest.mark.parametrize("kind", ["identify", "track", "alias", "same", "merge", "seen"])
def test_every_reason_and_kind_has_its_sentence(reason: str, kind: str) -> None:
    case = Case(
        conflict_id=1, reason=reason, id=("user_id", "ann"), other=("", ""), kind=kind, tracking_id="t2", message_id="m",
        last_at=NOON, first_at=NOON, times=1, newest_id=1, owner_id=None, asked_id=None, decision="", decided_by="",
        decided_at=None, cause="order", door="import", url="https://shop.example/",
    )  # fmt: skip
    assert spell(tell_said(case)).startswith("on the page https://shop.example/, ")
    why = spell(tell_why(case))
    assert why.endswith(".")
    assert (reason in why) == (reason not in REASONS)
    assert case.ids["browser"] == (VISITOR, "t2")
