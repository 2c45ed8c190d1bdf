"""What a project does not keep any more is deleted by whole months; what others keep, stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic import jobs
from shopalytic.accounts.models import Project as ProjectRow
from shopalytic.errors import ConfigurationError, NotFound
from shopalytic.privacy.retention import (
    GRACE,
    MONTHS_MAX,
    delete_expired,
    find_cutoff,
    forecast_retention,
    set_retention,
)
from shopalytic.store import Store
from shopalytic.stream import Partition, Stream
from shopalytic.stream.hold import hold_partitions
from tests.factories import insert_events, make_event, make_order
from tests.privacy.conftest import Shop

FIRST, LAST = datetime(2026, 1, 1), datetime(2040, 1, 1)  # noqa: DTZ001
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Count(msgspec.Struct):
    number: int


@pytest.fixture
def other_id(project_id: int) -> int:
    return project_id + 500_000


@pytest.fixture
def shop_with_history(shop: Shop, other_id: int) -> Iterator[Shop]:
    """An event and an order in each month from July to November; another project has events in August."""
    for month in range(7, 12):
        at = f"2026-{month:02}-15 12:00:00"
        mine = [
            make_event(project_id=shop.project.project_id, at=at),
            make_order(project_id=shop.project.project_id, order_id=f"o{month}", at=at),
        ]
        insert_events(shop.parts.store, mine)
    insert_events(shop.parts.store, [make_event(project_id=other_id, at="2026-08-20 12:00:00")])
    with shop.parts.sessions.begin() as db:
        db.add(ProjectRow(id=other_id, name="Other"))
    yield shop
    # Months are everybody's: the next test's begin empty.
    shop.parts.store.command("TRUNCATE TABLE {{events}}")


def months(shop: Shop, project_id: int | None = None) -> list[int]:
    found = shop.parts.store.rows(
        Count,
        "SELECT DISTINCT toMonth(occurred_at) AS number FROM {{events}} "
        "WHERE project_id = {project:UInt32} ORDER BY number",
        project=project_id or shop.project.project_id,
    )
    return [each.number for each in found]


def keep(shop: Shop, months: int | None, project_id: int | None = None, at: datetime = NOW - GRACE) -> None:
    with shop.parts.sessions.begin() as db:
        set_retention(db, project_id or shop.project.project_id, months, at)


def parts_of_month(store: Store, month: int) -> int:
    [found] = store.rows(
        Count,
        "SELECT count() AS number FROM system.parts WHERE database = {database:String} AND table = 'events' "
        "AND active AND partition = {month:String}",
        database=store.naming.database, month=f"2026{month:02}",
    )  # fmt: skip
    return found.number


def test_months_that_lie_far_enough_back_go_and_others_stay(shop_with_history: Shop) -> None:
    shop = shop_with_history
    keep(shop, 2)
    assert delete_expired(shop.parts, NOW)
    assert months(shop) == [9, 10, 11]
    assert delete_expired(shop.parts, NOW)
    assert months(shop) == [9, 10, 11]


def test_a_month_that_another_project_keeps_loses_the_projects_rows_alone(
    shop_with_history: Shop, other_id: int
) -> None:
    shop = shop_with_history
    keep(shop, 1)
    assert delete_expired(shop.parts, NOW)
    assert (months(shop), months(shop, other_id)) == ([10, 11], [8])
    assert parts_of_month(shop.parts.store, 7) == 0
    assert parts_of_month(shop.parts.store, 8) > 0


def test_a_month_that_all_projects_have_let_go_of_is_dropped_as_a_partition(
    shop_with_history: Shop, other_id: int
) -> None:
    shop = shop_with_history
    keep(shop, 1)
    keep(shop, 2, other_id)
    assert delete_expired(shop.parts, NOW)
    assert (months(shop), months(shop, other_id)) == ([10, 11], [])
    assert [parts_of_month(shop.parts.store, month) for month in (7, 8, 9)] == [0, 0, 0]


def test_what_somebody_else_stores_just_before_a_month_is_dropped_stays(
    shop_with_history: Shop, other_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_with_history
    keep(shop, 1)

    @contextmanager
    def hold(stream: Stream) -> Iterator[list[Partition]]:
        insert_events(shop.parts.store, [make_event(project_id=other_id, at="2026-07-02 12:00:00")])
        with hold_partitions(stream) as held:
            yield held

    monkeypatch.setattr("shopalytic.privacy.retention.hold_partitions", hold)
    assert delete_expired(shop.parts, NOW)
    assert months(shop, other_id) == [7, 8]
    assert delete_expired(shop.parts, NOW)
    assert (months(shop), months(shop, other_id)) == ([10, 11], [7, 8])


def test_no_month_is_dropped_while_a_claimed_batch_may_be_stored_at_any_moment(
    shop_with_history: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_with_history
    keep(shop, 1)
    with monkeypatch.context() as patched:
        patched.setattr(Partition, "has_batch", lambda self: True)
        assert not delete_expired(shop.parts, NOW)
    assert months(shop) == [7, 8, 9, 10, 11]
    assert delete_expired(shop.parts, NOW)
    assert months(shop) == [10, 11]


def test_a_choice_that_is_taken_back_while_months_go_stops_the_next(
    shop_with_history: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_with_history
    keep(shop, 1)
    looks = iter([False])

    @contextmanager
    def hold(stream: Stream) -> Iterator[list[Partition]]:
        if next(looks, True):
            keep(shop, None)
        with hold_partitions(stream) as held:
            yield held

    monkeypatch.setattr("shopalytic.privacy.retention.hold_partitions", hold)
    assert not delete_expired(shop.parts, NOW)
    assert months(shop) == [9, 10, 11]
    assert delete_expired(shop.parts, NOW)
    assert months(shop) == [9, 10, 11]


def test_who_says_nothing_keeps_everything(shop_with_history: Shop) -> None:
    shop = shop_with_history
    assert delete_expired(shop.parts, NOW + timedelta(days=3650))
    keep(shop, 3)
    keep(shop, None)
    assert delete_expired(shop.parts, NOW)
    assert months(shop) == [7, 8, 9, 10, 11]


def test_nothing_goes_on_the_day_on_which_it_was_saved(shop_with_history: Shop) -> None:
    shop = shop_with_history
    keep(shop, 1, at=NOW - GRACE + timedelta(seconds=1))
    assert delete_expired(shop.parts, NOW)
    assert months(shop) == [7, 8, 9, 10, 11]


def test_saving_the_same_again_begins_no_new_day(shop: Shop) -> None:
    keep(shop, 1, at=NOW - GRACE)
    keep(shop, 1, at=NOW)
    with shop.parts.sessions() as db:
        assert db.get_one(ProjectRow, shop.project.project_id).retention_set_at == NOW - GRACE


def test_the_preview_counts_what_goes(shop_with_history: Shop) -> None:
    shop = shop_with_history
    expected = forecast_retention(shop.parts.store, shop.project.project_id, 2, NOW)
    assert expected.before == datetime(2026, 9, 1, tzinfo=UTC)
    assert (expected.events, expected.orders, expected.oldest) == (4, 2, "2026-07-15 12:00:00.000")
    nothing = forecast_retention(shop.parts.store, shop.project.project_id, 100, NOW)
    assert (nothing.events, nothing.orders, nothing.oldest) == (0, 0, "")


def test_a_run_that_was_cut_short_is_gone_on_with(shop_with_history: Shop) -> None:
    shop = shop_with_history
    keep(shop, 1)
    ticks = iter([0.0, 0.0, 1000.0])
    assert not delete_expired(shop.parts, NOW, clock=lambda: next(ticks))
    assert months(shop) == [8, 9, 10, 11]
    with shop.parts.sessions() as db:
        assert db.get_one(ProjectRow, shop.project.project_id).events_deleted_before is None
    assert delete_expired(shop.parts, NOW)
    assert months(shop) == [10, 11]
    with shop.parts.sessions() as db:
        deleted = db.get_one(ProjectRow, shop.project.project_id).events_deleted_before
    assert deleted == datetime(2026, 10, 1, tzinfo=UTC)


def test_counters_still_add_up_and_what_arrives_late_goes_with_the_next_run(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.visit({"tracking_id": "a", "timestamp": "2024-01-01T00:00:00Z"}, {"tracking_id": "a"})
    keep(shop, 12)
    later = datetime(2026, 3, 1, tzinfo=UTC)
    with shop.parts.sessions.begin() as db:
        db.get_one(ProjectRow, shop.project.project_id).retention_set_at = later - GRACE
    assert delete_expired(shop.parts, later)
    assert len(shop.rows()) == 1
    assert shop.counters().stored == 2
    shop.visit({"tracking_id": "a", "timestamp": "2024-01-02T00:00:00Z"})
    assert (len(shop.rows()), shop.counters().stored) == (2, 3)
    assert delete_expired(shop.parts, later)
    assert len(shop.rows()) == 1
    assert shop.counters_add_up()


def test_what_is_set_aside_goes_too_and_counts_as_dropped(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.visit({"tracking_id": "a", "timestamp": "never"}, {"tracking_id": "b", "timestamp": "never"})
    assert shop.counters().quarantined == 2
    in_years = datetime.now(UTC) + timedelta(days=800)
    keep(shop, 12, at=in_years - GRACE)
    for _ in range(2):
        assert delete_expired(shop.parts, in_years)
    assert (shop.counters().quarantined, shop.counters().dropped) == (0, {"expired": 2})
    assert shop.counters_add_up()
    [left] = shop.parts.store.rows(
        Count,
        "SELECT count() AS number FROM {{quarantine}} WHERE project_id = {project:UInt32}",
        project=shop.project.project_id,
    )
    assert left.number == 0


def test_the_hourly_job_deletes_what_is_due(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = sqlite_shop
    insert_events(
        shop.parts.store, [make_event(project_id=shop.project.project_id, at="2020-01-01 00:00:00")]
    )
    keep(shop, 12, at=datetime.now(UTC) - GRACE)
    monkeypatch.setattr("shopalytic.jobs._parts", lambda: (shop.parts, shop.runner))
    jobs.tidy()
    assert shop.rows() == []


def test_who_is_who_and_properties_stay(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.visit({"tracking_id": "a", "user_id": "7", "type": "identify", "properties": {"name": "Jon"}})
    in_years = datetime.now(UTC) + timedelta(days=800)
    keep(shop, 12, at=in_years - GRACE)
    assert delete_expired(shop.parts, in_years)
    assert shop.rows() == []
    assert shop.find("a") == shop.find("7")


@pytest.mark.parametrize("months", [0, -1, MONTHS_MAX + 1])
def test_no_other_number_of_months_is_taken(shop: Shop, months: int) -> None:
    with pytest.raises(ConfigurationError):
        keep(shop, months)
    with pytest.raises(NotFound):
        keep(shop, 1, shop.project.project_id + 7)


@given(st.integers(1, MONTHS_MAX), st.datetimes(timezones=st.just(UTC), min_value=FIRST, max_value=LAST))
def test_what_goes_is_older_than_the_months_and_what_stays_at_most_a_month_more(
    months: int, at: datetime
) -> None:
    cutoff = find_cutoff(months, at)
    assert (cutoff.day, cutoff.hour, cutoff.minute, cutoff.second, cutoff.microsecond) == (1, 0, 0, 0, 0)
    whole_months = (at.year - cutoff.year) * 12 + at.month - cutoff.month
    assert whole_months == months
