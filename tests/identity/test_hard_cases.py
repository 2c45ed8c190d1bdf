"""The cases that systems of this kind get wrong, each with what happens here. docs/identity.md has the table."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Link
from shopalytic.errors import Rejected
from shopalytic.identity.decisions import (
    Change,
    list_decisions,
    merge_customers,
    split_customer,
    undo_decision,
    undo_link,
)
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.lookup import customer_ids, find_customer
from shopalytic.identity.rules import fold
from tests.identity.people import NOON, Shop, alias, all_entries, identify, saw

DAY = 86_400
IDS = 5_000
LINKS_A_DAY = 100
"""The default of `new_links_per_day`."""


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> Shop:
    return Shop(sessions)


def decide(shop: Shop, action: Callable[..., Change], *given: Any, at: float, by: str = "user:1") -> Change:
    """at: seconds after noon."""
    with shop.sessions.begin() as db:
        return action(db, shop.project, *given, by=by, door="dashboard", at=NOON + timedelta(seconds=at))


def owner(shop: Shop, value: str) -> UUID:
    """Whose the id is now."""
    with shop.sessions() as db:
        found = find_customer(db, shop.project, value)
    assert found is not None
    return found


def link_between(shop: Shop, visitor: str, user: str) -> int:
    """The first entry that linked the two."""
    with shop.sessions() as db:
        of_both = (Link.project_id == shop.project, Link.tracking_id == visitor, Link.id_value == user)
        return db.scalars(select(Link.id).where(*of_both).order_by(Link.occurred_at)).first() or 0


def rows_of(shop: Shop, customer: UUID) -> set[str]:
    """The message ids of all rows that are read as the customer's."""
    return {message for message, found in shop.read().items() if found == customer}


# Devices that several people share


def test_two_signed_in_people_of_one_device_keep_what_each_did(shop: Shop) -> None:
    before, of_a = saw("tablet", at=0, message="before"), saw("tablet", at=2, message="a")
    of_b, again = saw("tablet", at=4, message="b"), saw("tablet", at=6, message="a again")
    signs = [identify("tablet", "a", at=1), identify("tablet", "b", at=3), identify("tablet", "a", at=5)]
    shop.receive(before, of_a, of_b, again, *signs)
    assert {"before", "a", "a again"} <= rows_of(shop, owner(shop, "a"))
    assert "b" in rows_of(shop, owner(shop, "b"))
    assert owner(shop, "a") != owner(shop, "b")


def test_what_is_done_after_anonymize_is_a_fresh_visitors(shop: Shop) -> None:
    """The tag takes a new visitor's id, which nobody has signed in on."""
    shop.receive(identify("tablet", "a", at=0), saw("tablet", at=1), saw("tablet-2", at=2, message="after"))
    assert shop.read()["after"] == shop.visitor("tablet-2")
    shop.receive(identify("tablet-2", "b", at=3))
    assert owner(shop, "b") == shop.visitor("tablet-2") != owner(shop, "a")


def test_undoing_a_sign_in_on_a_shared_device_moves_that_persons_time_alone(shop: Shop) -> None:
    shop.receive(identify("tablet", "a", at=0), saw("tablet", at=1, message="of a"))
    shop.receive(identify("tablet", "b", at=2), saw("tablet", at=3, message="of b"))
    shop.receive(identify("tablet", "c", at=4), saw("tablet", at=5, message="of c"))
    a, b, c = owner(shop, "a"), owner(shop, "b"), owner(shop, "c")
    decide(shop, undo_link, b, link_between(shop, "tablet", "b"), at=10)
    read = shop.read()
    assert [read[each] for each in ("of a", "of b", "of c")] == [a, a, c]
    assert owner(shop, "b") == b


def test_a_customer_with_a_shared_device_is_split_without_moving_the_others_time(shop: Shop) -> None:
    share_a_tablet(shop)
    b = owner(shop, "b")
    decide(shop, split_customer, owner(shop, "a"), [(VISITOR, "phone")], at=10)
    read, phone, a = shop.read(), owner(shop, "phone"), owner(shop, "a")
    assert [read[each] for each in ("a's phone", "a's tablet", "b's tablet")] == [phone, a, b]
    assert phone != a


def test_a_shared_device_that_is_split_off_goes_to_who_signed_in_next(shop: Shop) -> None:
    """As what is done before a first sign-in does. Taking it back gives each what was theirs."""
    share_a_tablet(shop)
    a, b = owner(shop, "a"), owner(shop, "b")
    split = decide(shop, split_customer, a, [(VISITOR, "tablet")], at=10)
    read, next_owner = shop.read(), owner(shop, "b")
    assert [read[each] for each in ("a's phone", "a's tablet", "b's tablet")] == [a, next_owner, next_owner]
    assert next_owner == owner(shop, "tablet") != a
    decide(shop, undo_decision, split.decision_id, at=11)
    read = shop.read()
    assert [read[each] for each in ("a's phone", "a's tablet", "b's tablet")] == [a, a, b]


def share_a_tablet(shop: Shop) -> None:
    """a has a phone, too; b comes later."""
    shop.receive(identify("phone", "a", at=0), saw("phone", at=1, message="a's phone"))
    shop.receive(identify("tablet", "a", at=2), saw("tablet", at=3, message="a's tablet"))
    shop.receive(identify("tablet", "b", at=4), saw("tablet", at=5, message="b's tablet"))


# Ids that are somebody's already


def test_an_alias_that_another_owns_changes_nothing_until_somebody_merges_the_two(shop: Shop) -> None:
    theft = alias("phone", "b", at=2)
    shop.receive(identify("phone", "a", at=0), identify("laptop", "b", at=1), theft)
    a, b = owner(shop, "a"), owner(shop, "b")
    assert a != b
    assert shop.conflicts() == {(theft.message_id, "alias", "user_id", "b")}
    made = decide(shop, merge_customers, a, b, at=10)
    assert (owner(shop, "b"), shop.conflicts()) == (a, set())
    decide(shop, undo_decision, made.decision_id, at=11)
    assert (owner(shop, "b"), shop.conflicts()) == (b, {(theft.message_id, "alias", "user_id", "b")})


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_identify_before_and_after_the_anonymous_events_in_any_order_of_arrival(
    shop: Shop, order: tuple[int, ...]
) -> None:
    messages = [
        saw("", "17", at=0, message="told by the server"),
        saw("phone", at=1, message="before"),
        identify("phone", "17", at=2, message="sign-in"),
        saw("phone", at=3, message="after"),
    ]
    for place in order:
        shop.receive(messages[place])
    assert set(shop.read().values()) == {shop.customer("user_id", "17")}


def test_merged_people_who_sign_in_on_each_others_devices_stay_one_and_part_again_by_undo(shop: Shop) -> None:
    """After the undo, the sign-in says whose the other's device is from then on; what was before goes back."""
    shop.receive(identify("phone", "a", at=0), saw("phone", at=1, message="a"))
    shop.receive(identify("laptop", "b", at=2), saw("laptop", at=3, message="b"))
    a, b = owner(shop, "a"), owner(shop, "b")
    merge = decide(shop, merge_customers, a, b, at=10)
    shop.receive(identify("laptop", "a", at=20), saw("laptop", at=21, message="a on the laptop"))
    assert set(shop.read().values()) == {a}
    decide(shop, undo_decision, merge.decision_id, at=30)
    read = shop.read()
    assert [read[each] for each in ("a", "b", "a on the laptop")] == [a, b, a]


# Decisions taken back


def test_merge_then_undo_then_merge_again(shop: Shop) -> None:
    shop.receive(identify("phone", "a", at=0), identify("laptop", "b", at=1))
    a, b = owner(shop, "a"), owner(shop, "b")
    first = decide(shop, merge_customers, a, b, at=10)
    assert set(shop.read().values()) == {a}
    back = decide(shop, undo_decision, first.decision_id, at=11)
    assert set(shop.read().values()) == {a, b}
    # The other way round this time: it is b's key that stays.
    decide(shop, merge_customers, b, a, at=12)
    assert set(shop.read().values()) == {b}
    with shop.sessions() as db:
        made = list_decisions(db, shop.project)
    assert [one.kind for one in made] == ["merge", "undo", "merge"]
    assert [one.undone_by for one in made] == ["", "", back.decision_id]


def test_an_undo_is_undone_and_that_again(shop: Shop) -> None:
    shop.receive(identify("phone", "a", at=0), identify("laptop", "b", at=1))
    a, b = owner(shop, "a"), owner(shop, "b")
    made = decide(shop, merge_customers, a, b, at=10)
    for at in range(11, 15):
        made = decide(shop, undo_decision, made.decision_id, at=at)
        assert set(shop.read().values()) == ({a, b} if at % 2 else {a})


def test_a_decision_is_taken_back_once(shop: Shop) -> None:
    shop.receive(identify("phone", "a", at=0), identify("laptop", "b", at=1))
    made = decide(shop, merge_customers, owner(shop, "a"), owner(shop, "b"), at=10)
    decide(shop, undo_decision, made.decision_id, at=11)
    before = shop.tables()
    with pytest.raises(Rejected, match="taken back already"):
        decide(shop, undo_decision, made.decision_id, at=12)
    assert shop.tables() == before


def test_of_two_people_who_take_a_decision_back_at_once_one_is_told_that_it_was_done(shop: Shop) -> None:
    shop.receive(identify("phone", "a", at=0), identify("laptop", "b", at=1))
    a, b = owner(shop, "a"), owner(shop, "b")
    made = decide(shop, merge_customers, a, b, at=10)
    told: list[str] = []
    start = threading.Barrier(2)

    def take_back(user: str) -> None:
        start.wait(timeout=30)
        try:
            decide(shop, undo_decision, made.decision_id, at=11, by=user)
            told.append("done")
        except Rejected as error:
            told.append(error.message)

    threads = [threading.Thread(target=take_back, args=(user,)) for user in ("user:1", "user:2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(told) == ["This decision was taken back already.", "done"]
    assert set(shop.read().values()) == {a, b}


def test_a_sign_in_after_an_undo_links_again_and_an_event_alone_does_not(shop: Shop) -> None:
    """An event carries an id that a page remembers; a sign-in is somebody who says who he is."""
    shop.receive(saw("", "a", at=0), saw("", "b", at=0), saw("phone", "a", at=1, message="wrong"))
    a = owner(shop, "a")
    assert owner(shop, "phone") == a
    decide(shop, undo_link, a, link_between(shop, "phone", "a"), at=10)
    shop.receive(saw("phone", "a", at=20), saw("phone", at=21, message="still nobody's"))
    assert shop.read()["still nobody's"] == shop.visitor("phone")
    shop.receive(identify("phone", "a", at=30))
    assert shop.read()["still nobody's"] == a


def test_an_undone_link_counts_again_where_the_undo_is_taken_back_after_a_new_sign_in(shop: Shop) -> None:
    shop.receive(saw("", "a", at=0), identify("phone", "a", at=1, message="a's"))
    a = owner(shop, "a")
    undo = decide(shop, undo_link, a, link_between(shop, "phone", "a"), at=10)
    shop.receive(saw("phone", at=15, message="between"), identify("phone", "b", at=20))
    shop.receive(saw("phone", at=21, message="b's"))
    b = owner(shop, "b")
    read = shop.read()
    assert (read["between"], read["b's"]) == (b, b) == (shop.visitor("phone"), b)
    decide(shop, undo_decision, undo.decision_id, at=30)
    read = shop.read()
    assert (read["a's"], read["between"], read["b's"]) == (a, a, owner(shop, "b"))
    assert owner(shop, "b") != a


def test_a_late_message_of_before_an_undo_does_not_bring_the_link_back(shop: Shop) -> None:
    shop.receive(saw("", "a", at=0), identify("phone", "a", at=5))
    decide(shop, undo_link, owner(shop, "a"), link_between(shop, "phone", "a"), at=10)
    shop.receive(identify("phone", "a", at=1), saw("phone", "a", at=2))
    assert owner(shop, "phone") == shop.visitor("phone") != owner(shop, "a")


# Ids by the thousand


def test_five_thousand_ids_of_one_customer_are_resolved_folded_and_one_is_undone(shop: Shop) -> None:
    """As many as the default lets pass a day, each on a browser of its own."""
    shop.receive(saw("", "jon", at=0))
    links = [
        identify(f"t{number}", "jon", at=number // (LINKS_A_DAY - 1) * DAY + number) for number in range(IDS)
    ]
    shop.receive(*links[:-500])
    shop.receive(*links[-500:])
    jon, last = shop.customer("user_id", "jon"), IDS // (LINKS_A_DAY - 1) * DAY + 2 * DAY
    assert set(shop.read().values()) == {jon}
    answers = shop.resolve([saw(f"t{number}", at=last) for number in range(IDS)])
    assert {one.customer_id for one in answers} == {jon}
    with shop.sessions() as db:
        assert len(customer_ids(db, shop.project, jon)) == IDS + 1
    decide(shop, undo_link, jon, link_between(shop, "t77", "jon"), at=last)
    read = shop.read()
    assert read.pop(links[77].message_id) == jon  # it came with jon's own id
    assert shop.resolve([saw("t77", at=last)])[0].customer_id == shop.visitor("t77")
    assert shop.resolve([saw("t78", at=last)])[0].customer_id == jon
    assert shop.conflicts() == set()


def test_a_crawler_who_signs_in_everywhere_links_a_hundred_browsers_a_day(shop: Shop) -> None:
    """Further links wait for a decision; the browsers stay visitors of their own, and nothing of theirs is lost."""
    messages = [identify(f"t{number}", "crawler", at=number) for number in range(LINKS_A_DAY + 50)]
    shop.receive(*messages)
    timelines = fold(shop.project, all_entries(messages)).timelines
    owners = {
        value: steps[0].customer_id for (id_type, value), steps in timelines.items() if id_type == VISITOR
    }
    assert sum(found == owner(shop, "crawler") for found in owners.values()) == LINKS_A_DAY
    assert len(shop.conflicts()) == 50
    waiting = next(each for each, found in owners.items() if found != owner(shop, "crawler"))
    assert owner(shop, waiting) == shop.visitor(waiting)
    decide(shop, merge_customers, owner(shop, "crawler"), owner(shop, waiting), at=1000)
    assert owner(shop, waiting) == owner(shop, "crawler")
