"""What a project says of its types of ids, and of ids that mean nobody."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Sandbox
from shopalytic.accounts.sandboxes import open_sandbox
from shopalytic.errors import NotFound
from shopalytic.identity.id_rules import (
    RuleChoice,
    WrongIdRule,
    choice_of,
    count_over,
    list_rules,
    list_types,
    read_policy,
    save_rule,
)
from shopalytic.identity.ids import ForbiddenId, origin_id
from shopalytic.identity.judging import READ_EVERY_SECONDS, Judge, Judges, read_judge, stand_in
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.lookup import find_customer, visitor_customers
from shopalytic.identity.never import (
    Id,
    Listed,
    add_never,
    digest_id,
    erase_never,
    list_never,
    parse_never,
    remove_never,
)
from shopalytic.identity.policy import BEGINNING, LINKS_PER_DAY, TAKES_EFFECT_AFTER, IdRule, Policy

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
UNIQUE = RuleChoice(max_per_customer=1)
SOFT = RuleChoice(is_hard=False)

_projects = itertools.count(70_001)


@dataclass
class Shop:
    """One project on one of the databases."""

    sessions: sessionmaker[Session]
    project: int

    def save(self, id_type: str, choice: RuleChoice, at: datetime = NOON) -> bool:
        with self.sessions.begin() as db:
            return save_rule(db, self.project, id_type, choice, by="user:1", now=at) is not None

    def policy(self) -> Policy:
        with self.sessions() as db:
            return read_policy(db, self.project)

    def add(self, id: Id, at: datetime = NOON) -> int:
        with self.sessions.begin() as db:
            return add_never(db, self.project, id, "user:1", now=at).id

    def remove(self, never_id: int, at: datetime) -> None:
        with self.sessions.begin() as db:
            remove_never(db, self.project, never_id, "user:2", now=at)

    def is_nobody(self, id: Id, at: datetime, secret_key: str = "") -> bool:
        with self.sessions() as db:
            return read_judge(db, self.project, secret_key).is_nobody(id, at)

    def identify(self, visitor: str, **ids: str) -> None:
        with self.sessions.begin() as db:
            resolve(db, self.project, [Sighting("identify", visitor, ids, NOON, f"{visitor}-{ids}"[:64])])


@pytest.fixture
def shop(sessions: sessionmaker[Session]) -> Shop:
    return Shop(sessions, next(_projects))


def test_a_type_that_nothing_was_said_of_links_without_limit_but_for_what_no_person_does() -> None:
    rule = Policy().rule("loyalty_card", NOON)
    assert (rule.is_hard, rule.max_per_customer, rule.new_links_per_day) == (True, None, LINKS_PER_DAY)
    assert rule.from_at == BEGINNING


def test_a_limit_counts_for_what_happened_from_when_it_was_saved(shop: Shop) -> None:
    assert shop.save("card", UNIQUE)
    policy = shop.policy()
    assert policy.rule("card", NOON).max_per_customer == 1
    assert policy.rule("card", NOON - MOMENT).max_per_customer is None
    assert policy.rule("email", NOON).max_per_customer is None


def test_whether_a_type_links_counts_for_what_is_received_a_minute_later(shop: Shop) -> None:
    shop.save("device", SOFT)
    policy = shop.policy()
    assert policy.judging("device", NOON + TAKES_EFFECT_AFTER - MOMENT).is_hard
    assert not policy.judging("device", NOON + TAKES_EFFECT_AFTER).is_hard


def test_saving_a_rule_never_changes_what_was_said_before(shop: Shop) -> None:
    shop.save("card", UNIQUE)
    shop.save("card", RuleChoice(max_per_customer=5), at=NOON + timedelta(days=1))
    assert shop.policy().rule("card", NOON + timedelta(hours=1)).max_per_customer == 1
    with shop.sessions() as db:
        rows = list_rules(db, shop.project, "card")
    assert [(row.max_per_customer, row.set_by) for row in rows] == [(5, "user:1"), (1, "user:1")]


def test_saying_the_same_again_adds_nothing(shop: Shop) -> None:
    assert not shop.save("card", RuleChoice())
    assert shop.save("card", UNIQUE)
    assert not shop.save("card", UNIQUE, at=NOON + timedelta(days=1))
    with shop.sessions() as db:
        assert len(list_rules(db, shop.project)) == 1


def test_a_clock_that_was_set_back_leaves_the_newer_rule_in_force(shop: Shop) -> None:
    shop.save("card", UNIQUE)
    shop.save("card", RuleChoice(max_per_customer=7), at=NOON - timedelta(hours=1))
    assert shop.policy().rule("card", NOON + timedelta(hours=1)).max_per_customer == 7
    assert shop.policy().rule("card", NOON - MOMENT).max_per_customer is None


@pytest.mark.parametrize(
    ("id_type", "choice", "at"),
    [
        ("", UNIQUE, "type"),
        ("x" * 65, UNIQUE, "type"),
        ("a\x00b", UNIQUE, "type"),
        ("card", RuleChoice(max_per_customer=0), "max_per_customer"),
        ("card", RuleChoice(max_per_customer=2_000_000), "max_per_customer"),
        ("card", RuleChoice(new_links_per_day=-1), "new_links_per_day"),
        ("user_id", SOFT, "is_hard"),
        ("tracking_id", SOFT, "is_hard"),
        ("card", RuleChoice(is_told_by_property=True), "is_told_by_property"),
        ("email", RuleChoice(is_told_by_property=True, is_hard=False), "is_told_by_property"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(shop: Shop, id_type: str, choice: RuleChoice, at: str) -> None:
    with pytest.raises(WrongIdRule) as refused:
        shop.save(id_type, choice)
    assert refused.value.at == at


def test_a_type_is_named_as_ids_have_it(shop: Shop) -> None:
    shop.save(" E-Mail ", UNIQUE)
    shop.save(" EMAIL ", UNIQUE)
    shop.save("Tracking_ID", RuleChoice(max_per_customer=3))
    with shop.sessions() as db:
        assert sorted(row.id_type for row in list_rules(db, shop.project)) == [
            "E-Mail",
            "email",
            "tracking_id",
        ]


def test_the_types_are_counted_with_what_is_said_of_each(shop: Shop) -> None:
    shop.identify("laptop", user_id="1", card="a")
    shop.identify("phone", user_id="1", card="b")
    shop.identify("till", user_id="2")
    shop.save("device", SOFT)
    with shop.sessions() as db:
        found = {one.name: one for one in list_types(db, shop.project)}
        assert (count_over(db, shop.project, "card", 1), count_over(db, shop.project, "card", 2)) == (1, 0)
    assert list(found) == ["user_id", "email", "card", "device", "tracking_id"]
    assert [found[name].ids for name in ("user_id", "card", "tracking_id")] == [2, 2, 3]
    assert (found["device"].ids, found["device"].choice, found["email"].choice) == (0, SOFT, RuleChoice())


def test_a_sandbox_goes_by_its_projects_rules(shop: Shop) -> None:
    shop.save("device", SOFT)
    sandbox = open_sandbox(shop.sessions, shop.project)
    with shop.sessions.begin() as db:
        assert not read_policy(db, sandbox).judging("device", NOON + timedelta(hours=1)).is_hard
        db.query(Sandbox).filter_by(project_id=shop.project).delete()


def test_one_project_says_nothing_of_anothers_ids(shop: Shop) -> None:
    shop.save("device", SOFT)
    shop.add(("card", "till"))
    other = Shop(shop.sessions, next(_projects))
    assert other.policy().soft_types() == []
    assert not other.is_nobody(("card", "till"), NOON + timedelta(hours=1))


def test_an_id_means_nobody_from_a_minute_later_until_a_minute_after_it_was_taken_off(shop: Shop) -> None:
    till = ("card", "till")
    number = shop.add(till)
    later = NOON + timedelta(hours=1)
    shop.remove(number, at=later)
    judged = [
        shop.is_nobody(till, at)
        for at in (
            NOON + TAKES_EFFECT_AFTER - MOMENT,
            NOON + TAKES_EFFECT_AFTER,
            later + TAKES_EFFECT_AFTER - MOMENT,
            later + TAKES_EFFECT_AFTER,
        )
    ]
    assert judged == [False, True, True, False]
    assert not shop.is_nobody(("member", "till"), later)


def test_an_id_that_is_on_the_list_is_not_put_there_twice(shop: Shop) -> None:
    first = shop.add(("card", "till"))
    assert shop.add(("card", "till"), at=NOON + timedelta(days=1)) == first
    shop.remove(first, at=NOON + timedelta(days=2))
    shop.remove(first, at=NOON + timedelta(days=3))
    assert shop.add(("card", "till"), at=NOON + timedelta(days=4)) != first
    with shop.sessions() as db:
        assert [row.removed_at for row in list_never(db, shop.project)] == [None, NOON + timedelta(days=2)]


def test_an_id_of_another_projects_list_cannot_be_taken_off(shop: Shop) -> None:
    number = shop.add(("card", "till"))
    other = Shop(shop.sessions, next(_projects))
    with pytest.raises(NotFound):
        other.remove(number, at=NOON)


@pytest.mark.parametrize(
    ("id_type", "value", "at"),
    [
        ("card", "null", "value"),
        ("card", " ", "value"),
        ("", "till", "type"),
        ("tracking_id", "guest", "value"),
    ],
)
def test_what_is_nobodys_id_anyway_needs_no_place_on_the_list(id_type: str, value: str, at: str) -> None:
    with pytest.raises(ForbiddenId) as refused:
        parse_never(id_type, value)
    assert refused.value.at == at


def test_an_address_on_the_list_is_meant_however_it_is_written() -> None:
    assert parse_never(" EMAIL", " Test@Shop.Example ") == ("email", "test@shop.example")
    assert parse_never("Tracking_Id", " t1 ") == ("tracking_id", "t1")


def test_an_erased_persons_id_goes_on_meaning_nobody_and_is_not_kept(shop: Shop) -> None:
    mail = ("email", "jon@shop.example")
    later = NOON + timedelta(hours=1)
    shop.add(mail)
    shop.add(("card", "till"))
    with shop.sessions.begin() as db:
        assert erase_never(db, shop.project, [mail], ["Jon"], "a key") == 1
        assert erase_never(db, shop.project, [mail], ["Jon"], "a key") == 0
    with shop.sessions() as db:
        row = next(row for row in list_never(db, shop.project) if row.id_type == "email")
    assert (row.id_value, row.digest) == ("", digest_id("a key", shop.project, mail))
    assert shop.is_nobody(mail, later, "a key")
    assert not shop.is_nobody(("email", "ann@shop.example"), later, "a key")
    assert shop.is_nobody(("card", "till"), later, "a key")


def test_without_a_secret_key_an_erased_persons_id_leaves_the_list(shop: Shop) -> None:
    shop.add(("email", "jon@shop.example"))
    with shop.sessions.begin() as db:
        assert erase_never(db, shop.project, [("email", "jon@shop.example")], [], "") == 1
        assert list_never(db, shop.project) == []


def test_an_address_that_is_a_persons_only_by_a_property_is_erased_as_well(shop: Shop) -> None:
    shop.add(("email", "jon@shop.example"))
    with shop.sessions.begin() as db:
        assert erase_never(db, shop.project, [], ["Jon@Shop.example"], "a key") == 1


def test_what_a_worker_goes_by_is_younger_than_half_of_what_it_takes_to_count(
    shop: Shop,
) -> None:
    now = 1000.0
    judges = Judges(shop.sessions, clock=lambda: now)
    later = NOON + timedelta(hours=1)
    ask: Callable[[], bool] = lambda: judges.read([shop.project])[shop.project].is_soft("device", later)  # noqa: E731
    assert not ask()
    shop.save("device", SOFT)
    now += READ_EVERY_SECONDS - 1
    assert not ask()
    now += 1
    assert ask()
    assert TAKES_EFFECT_AFTER.total_seconds() >= 2 * READ_EVERY_SECONDS


def test_a_soft_id_finds_the_visitor_whom_it_tells(shop: Shop) -> None:
    shop.save("device", SOFT)
    shop.identify(stand_in("device", "d-1"), user_id="jon")
    with shop.sessions() as db:
        assert find_customer(db, shop.project, "d-1") == find_customer(db, shop.project, "jon") is not None
        assert find_customer(db, shop.project, "d-2") is None
        assert origin_id(shop.project, "tracking_id", "device:d-2") in visitor_customers(
            db, shop.project, "d-2"
        )


def test_a_soft_id_that_is_too_long_for_a_tracking_id_still_tells_one_visitor_from_another() -> None:
    first, second = (stand_in("device", "x" * 254 + end) for end in "ab")
    assert first != second
    assert len(first) <= 255


def test_the_choice_of_a_rule_is_what_was_saved() -> None:
    rule = IdRule(id_type="email", from_at=NOON, max_per_customer=2, is_told_by_property=True)
    assert choice_of(rule) == RuleChoice(max_per_customer=2, is_told_by_property=True)


SECONDS = st.floats(0, 600, allow_nan=False).map(lambda seconds: NOON + timedelta(seconds=round(seconds, 3)))


@given(
    rules=st.lists(st.tuples(SECONDS, st.booleans(), st.booleans()), max_size=5),
    listings=st.lists(st.tuples(SECONDS, st.none() | SECONDS), max_size=3),
    received_at=SECONDS,
    waited=st.floats(0, 3600),
    cache_age=st.floats(0, READ_EVERY_SECONDS),
)
def test_whoever_judges_a_message_whenever_with_whatever_it_remembers_judges_the_same(
    rules: list[tuple[datetime, bool, bool]],
    listings: list[tuple[datetime, datetime | None]],
    received_at: datetime,
    waited: float,
    cache_age: float,
) -> None:
    """What was saved after a worker last looked cannot count yet for a message that it has in hand."""
    till = ("card", "till")
    saved = [
        (at, IdRule(id_type="email", from_at=at, is_hard=hard, is_told_by_property=told and hard))
        for at, hard, told in rules
    ]
    spans = [(at, None if end is None else max(at, end)) for at, end in listings]

    def as_known(by: datetime) -> Judge:
        listed = [
            Listed(
                till, "", at + TAKES_EFFECT_AFTER,
                None if end is None or end > by else end + TAKES_EFFECT_AFTER,
            )
            for at, end in spans
            if at <= by
        ]  # fmt: skip
        return Judge(Policy(rule for at, rule in saved if at <= by), listed)

    looked_at = received_at + timedelta(seconds=waited) - timedelta(seconds=cache_age)
    worker, all_knowing = as_known(looked_at), as_known(NOON + timedelta(days=1))
    for ask in (
        lambda judge: judge.is_soft("email", received_at),
        lambda judge: judge.takes_told_email(received_at),
        lambda judge: judge.is_nobody(till, received_at),
    ):
        assert ask(worker) == ask(all_knowing)
