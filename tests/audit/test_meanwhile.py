"""What happens while a check is under way: messages, crashes, erasures, another worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from shopalytic.accounts.models import Erasure, IdentityCheck
from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.audit import rows, run
from shopalytic.audit.record import begin, begin_due, find_check, find_latest, last_night, take, unfinished
from shopalytic.audit.run import advance
from shopalytic.errors import StoreUnavailable
from shopalytic.identity.ledger import Sighting, resolve
from shopalytic.identity.strip import read_holdings, strip_customer
from shopalytic.pipeline import fold
from tests.audit.conftest import at, check, instant, read, told, work_off
from tests.audit.test_check import change_row_of_a_stranger, drop_identity, lose_override
from tests.privacy.conftest import Shop

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LINKS_AT_ONCE", 1)
    monkeypatch.setattr(run, "CUSTOMERS_AT_ONCE", 1)
    monkeypatch.setattr(run, "CONFLICTS_AT_ONCE", 1)
    monkeypatch.setattr(rows, "ORIGINS_AT_ONCE", 2)


@pytest.mark.usefixtures("small_pieces")
def test_pieces_of_any_size_come_to_the_same(shop: Shop) -> None:
    found = check(shop)
    assert (found.row.customers, found.row.entries, found.row.rows) == (3, 6, 9)
    drop_identity(shop)
    change_row_of_a_stranger(shop)
    expected = told(shop, "identity_missing", "email", "carl@a.example") | told(
        shop, "rows_wrong", "tracking_id", "stranger"
    )
    assert check(shop).told == expected


@pytest.mark.usefixtures("small_pieces")
def test_messages_between_any_two_pieces_are_no_difference(shop: Shop) -> None:
    """Somebody signs in, rows move, another one signs in on the same browser, between each piece and the next."""
    begun = begin(shop.parts.sessions, shop.project.project_id, asked_by="command")
    turn: int | None = 0
    visits = 0
    while turn is not None:
        if visits < 8:
            visits += 1
            browser, user = f"browser-{visits}", ("anna", "bert", "carl")[visits % 3]
            shop.visit(
                at(40, tracking_id=browser),
                at(45, type="identify", tracking_id=browser, user_id=user),
                at(50, type="identify", tracking_id="phone", user_id=f"guest-{visits}"),
            )
        turn = advance(shop.parts, begun.check.id, turn, seconds=0)
    assert (read(shop, begun.check.id).told, visits) == (set(), 8)
    assert check(shop).told == set()


def between(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Callable[[], None]) -> None:
    """Have something happen once, right after this function has read and before anything is made of it."""
    real = getattr(module, name)
    waiting = [act]

    def read_and_act(*args: Any, **more: Any) -> Any:
        answer = real(*args, **more)
        if waiting:
            waiting.pop()()
        return answer

    monkeypatch.setattr(module, name, read_and_act)


@pytest.mark.parametrize(
    ("module", "name"), [(run, "read_slice"), (rows, "read_owners"), (rows, "find_wrong")]
)
def test_a_sign_in_between_reading_and_comparing_is_no_difference(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    is_lost = name == "find_wrong"
    if is_lost:
        # Something to look at again, else nobody asks it. The sign-in writes the lost override anew.
        lose_override(shop)

    def sign_in() -> None:
        shop.visit(at(46, type="identify", tracking_id="stranger", user_id="anna"))
        shop.visit(at(47, type="identify", tracking_id="laptop", user_id="bert"))

    between(monkeypatch, module, name, sign_in)
    assert check(shop).told == set()
    assert check(shop).told == set()


def test_an_override_that_a_dead_worker_did_not_send_is_sent_and_no_difference(shop: Shop) -> None:
    sighting = Sighting("identify", "stranger", {"user_id": "anna"}, instant(46), "never sent")
    with shop.parts.sessions.begin() as db:
        [resolved] = resolve(db, shop.project.project_id, [sighting])
    assert check(shop).told == set()
    [row] = [row for row in shop.rows() if row.tracking_id == "stranger"]
    assert row.owner_id == str(resolved.customer_id)


def test_overrides_that_are_folded_into_the_rows_are_no_difference(sqlite_shop: Shop) -> None:
    """After each step of the folding, and when it is done."""
    parts, now = sqlite_shop.parts, datetime.now(UTC)
    fold.begin(parts.sessions, now)
    ends_at = time.monotonic() + 120
    steps, is_done = 0, False
    while not is_done:
        is_done = fold.go_on(parts.store, parts.sessions, parts.stream, now, rest=timedelta(0))
        if steps < 5 or is_done:
            assert check(sqlite_shop).told == set()
        steps += 1
        assert time.monotonic() < ends_at
    lose_override(sqlite_shop)
    assert check(sqlite_shop).told == set()


@pytest.mark.usefixtures("small_pieces")
def test_a_check_that_died_anywhere_goes_on_and_counts_nothing_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_identity(shop)
    change_row_of_a_stranger(shop)
    expected = check(shop)
    begun = begin(shop.parts.sessions, shop.project.project_id, asked_by="command")
    real, calls = run.save, 0

    def die_every_other_time(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise StoreUnavailable("gone")
        real(*args)

    monkeypatch.setattr(run, "save", die_every_other_time)
    turn: int | None = 0
    while turn is not None:
        try:
            turn = advance(shop.parts, begun.check.id, turn, seconds=0)
        except StoreUnavailable:
            [(_, turn)] = forget_hold(shop, begun.check.id)
    found = read(shop, begun.check.id)
    assert calls > 10
    assert found.told == expected.told
    assert (found.row.customers, found.row.entries, found.row.rows, found.row.differences) == (
        expected.row.customers, expected.row.entries, expected.row.rows, 2,
    )  # fmt: skip


def forget_hold(shop: Shop, check_id: int) -> list[tuple[int, int]]:
    """The minute passes for which it was put off; gives what the sweeper would queue of it."""
    assert check_id not in {one for one, _ in unfinished(shop.parts.sessions)}
    past = datetime.now(UTC) - timedelta(seconds=1)
    with shop.parts.sessions.begin() as db:
        db.execute(update(IdentityCheck).where(IdentityCheck.id == check_id).values(held_until=past))
    return [one for one in unfinished(shop.parts.sessions) if one[0] == check_id]


def test_a_worker_that_was_overtaken_keeps_nothing(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sqlite_shop
    begun = begin(shop.parts.sessions, shop.project.project_id, asked_by="command")

    def overtake() -> None:
        assert take(shop.parts.sessions, begun.check.id, 1) is not None

    between(monkeypatch, run, "read_slice", overtake)
    assert advance(shop.parts, begun.check.id, 0, seconds=0) is None
    row = find_check(shop.parts.sessions, begun.check.id)
    assert row is not None and (row.turn, row.entries) == (2, 0)


def test_of_two_who_take_a_turn_one_gets_it(sqlite_shop: Shop) -> None:
    begun = begin(sqlite_shop.parts.sessions, sqlite_shop.project.project_id, asked_by="command")
    taken = [take(sqlite_shop.parts.sessions, begun.check.id, 0) for _ in range(2)]
    assert [one is not None for one in taken] == [True, False]


def test_rows_wait_while_somebody_is_being_erased(sqlite_shop: Shop) -> None:
    """In between the ledger does not know the person any more, and the rows are still there."""
    shop = sqlite_shop
    with shop.parts.sessions.begin() as db:
        db.add(
            Erasure(
                id="1" * 36, project_id=shop.project.project_id, kind="forget", asked_by="command", step="rows",
                plan={}, counts={},
            )
        )  # fmt: skip
        strip_customer(
            db, shop.project.project_id, read_holdings(db, shop.project.project_id, shop.get("carl"))
        )
    begun = begin(shop.parts.sessions, shop.project.project_id, asked_by="command")
    work_off(shop.parts, begun.check.id)
    row = find_check(shop.parts.sessions, begun.check.id)
    assert row is not None and (row.step, row.done_at, row.differences) == ("rows", None, 0)
    with shop.parts.sessions.begin() as db:
        ours = Erasure.project_id == shop.project.project_id
        db.execute(update(Erasure).where(ours).values(done_at=datetime.now(UTC)))
    [(check_id, turn)] = forget_hold(shop, begun.check.id)
    following: int | None = turn
    while following is not None:
        following = advance(shop.parts, check_id, following, seconds=60)
    assert find_latest(shop.parts.sessions, shop.project.project_id)[1] is None


def test_what_was_told_of_an_erased_person_goes_with_it(shop: Shop) -> None:
    drop_identity(shop)
    lose_override(shop)
    found = check(shop)
    assert len(found.told) == 2
    with shop.parts.sessions.begin() as db:
        strip_customer(
            db, shop.project.project_id, read_holdings(db, shop.project.project_id, shop.get("anna"))
        )
    left = read(shop, found.row.id)
    assert left.told == told(shop, "identity_missing", "email", "carl@a.example")


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 7, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 1, tzinfo=UTC)),
        (datetime(2026, 7, 15, 0, 59, tzinfo=UTC), datetime(2026, 7, 14, 1, tzinfo=UTC)),
        (datetime(2026, 1, 15, 2, 0, tzinfo=UTC), datetime(2026, 1, 15, 2, tzinfo=UTC)),
    ],
)
def test_the_night_is_the_projects_own(now: datetime, night: datetime) -> None:
    assert last_night(now, "Europe/Berlin") == night


def test_each_project_is_checked_once_a_night_and_a_missed_night_is_made_up(sqlite_shop: Shop) -> None:
    project_id, sessions = sqlite_shop.project.project_id, sqlite_shop.parts.sessions
    with sessions.begin() as db:
        db.execute(update(ProjectRow).values(created_at=NOON - timedelta(days=30)))
        db.execute(update(ProjectRow).where(ProjectRow.id == project_id).values(created_at=NOON))

    def begun(now: datetime) -> list[bool]:
        made = [one for one in begin_due(sessions, now) if one.project_id == project_id]
        for one in made:
            work_off(sqlite_shop.parts, one.id)
            with sessions.begin() as db:
                db.execute(update(IdentityCheck).where(IdentityCheck.id == one.id).values(started_at=now))
        return [one.asked_by == "schedule" for one in made]

    assert begun(NOON + timedelta(hours=1)) == []
    # The machine was off at three o'clock.
    assert begun(NOON + timedelta(days=1)) == [True]
    assert begun(NOON + timedelta(days=1, hours=2)) == []
    assert begun(NOON + timedelta(days=1, hours=15)) == [True]
