"""What people decided is told with the links, on each of the pages that it concerns; what counts no more says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.identity.decisions import (
    Change,
    merge_customers,
    split_customer,
    undo_decision,
    undo_link,
)
from shopalytic.identity.explain import CustomerLink, links, sentences
from tests.identity.people import NOON, Shop, alias, identify, saw

NAMES = {"user:1": "olga@shop.example"}
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> Shop:
    return Shop(sessions)


def explain(shop: Shop, customer: UUID) -> list[CustomerLink]:
    with shop.sessions() as db:
        return links(db, shop.project, customer)


def told(shop: Shop, customer: UUID) -> list[str]:
    """Without the instants."""
    return [one.partition(" UTC: ")[2] for one in sentences(explain(shop, customer), NAMES)]


def decide(shop: Shop, action: Callable[..., Change], *given: Any, minutes: int = 0) -> Change:
    with shop.sessions.begin() as db:
        at = LATER + timedelta(minutes=minutes)
        return action(db, shop.project, *given, by="user:1", door="dashboard", at=at)


def test_an_undone_link_is_told_to_both_with_who_undid_it(shop: Shop) -> None:
    shop.receive(saw("", "42", at=0), identify("anna", "42", at=1))
    owner, visitor = shop.customer("user_id", "42"), shop.visitor("anna")
    decide(shop, undo_link, owner, explain(shop, owner)[-1].link_id)
    for customer in (owner, visitor):
        assert [(one.kind, one.active) for one in explain(shop, customer)][-2:] == [
            ("identify", False), ("undo", True),
        ]  # fmt: skip
        assert told(shop, customer)[-2:] == [
            "identify('42') linked browser anna with user_id 42; this was undone.",
            "olga@shop.example undid the link between browser anna and user_id 42.",
        ]


def test_an_undo_that_was_taken_back_says_so_and_the_link_counts_again(shop: Shop) -> None:
    shop.receive(saw("", "42", at=0), identify("anna", "42", at=1))
    owner = shop.customer("user_id", "42")
    made = decide(shop, undo_link, owner, explain(shop, owner)[-1].link_id)
    decide(shop, undo_decision, made.decision_id, minutes=1)
    assert [(one.kind, one.active) for one in explain(shop, owner)] == [
        ("seen", True), ("identify", True), ("undo", False), ("undo", True),
    ]  # fmt: skip
    assert told(shop, owner)[-2:] == [
        "olga@shop.example undid the link between browser anna and user_id 42; this was taken back.",
        "olga@shop.example took back an earlier decision about browser anna and user_id 42.",
    ]


def test_a_later_sighting_shares_the_fate_of_the_first_and_a_new_sign_in_counts(shop: Shop) -> None:
    shop.receive(saw("", "42", at=0), saw("anna", "42", at=1))
    owner = shop.customer("user_id", "42")
    decide(shop, undo_link, owner, explain(shop, owner)[-1].link_id)
    shop.receive(saw("anna", "42", at=7200), identify("anna", "42", at=7300))
    kinds = [(one.kind, one.active) for one in explain(shop, owner)]
    assert ("identify", True) in kinds
    assert {active for kind, active in kinds if kind == "track"} == {False}


def test_a_merge_is_told_on_the_one_page_that_is_left_and_on_both_once_it_is_taken_back(shop: Shop) -> None:
    shop.receive(identify("anna", "42", at=0), identify("bert", "43", at=1))
    anna, bert = shop.visitor("anna"), shop.visitor("bert")
    made = decide(shop, merge_customers, anna, bert)
    assert told(shop, anna)[-1] == "olga@shop.example merged user_id 42 with user_id 43."
    assert explain(shop, bert) == []
    decide(shop, undo_decision, made.decision_id, minutes=1)
    for customer in (anna, bert):
        assert "olga@shop.example merged user_id 42 with user_id 43; this was undone." in told(shop, customer)


def test_a_merge_of_two_visitors_is_told(shop: Shop) -> None:
    shop.receive(alias("anna", {"card": "1"}, at=0), alias("bert", {"card": "2"}, at=1))
    anna, bert = shop.visitor("anna"), shop.visitor("bert")
    left = decide(shop, merge_customers, anna, bert).customers[0]
    assert any("merged" in one and "card 1" in one and "card 2" in one for one in told(shop, left))


def test_a_split_tells_what_was_undone_and_what_was_kept_together(shop: Shop) -> None:
    shop.receive(identify("anna", "42", at=0), identify("bert", "42", at=1), identify("carl", "42", at=2))
    owner = shop.visitor("anna")
    chosen = [("tracking_id", "bert"), ("tracking_id", "carl")]
    decide(shop, split_customer, owner, chosen)
    undone = [one.tracking_id for one in explain(shop, owner) if not one.active]
    assert undone == ["bert", "carl"]
    apart = told(shop, shop.visitor("bert")) + told(shop, shop.visitor("carl"))
    assert any("kept browser" in one and one.endswith(" together.") for one in apart)


def test_who_is_not_known_any_more_is_called_what_the_ledger_calls_him(shop: Shop) -> None:
    shop.receive(identify("anna", "42", at=0), identify("bert", "43", at=1))
    decide(shop, merge_customers, shop.visitor("anna"), shop.visitor("bert"))
    assert "user:1 merged" in sentences(explain(shop, shop.visitor("anna")))[-1]


def test_a_link_that_a_limit_refused_says_which(shop: Shop) -> None:
    shop.receive(*(identify(f"till-{n:03}", "42", at=n) for n in range(102)))
    refused = [one for one in explain(shop, shop.visitor("till-000")) if one.refused]
    assert {one.refused for one in refused} == {"too_many_links"}
    assert "had too many new links that day" in sentences(refused)[0]
