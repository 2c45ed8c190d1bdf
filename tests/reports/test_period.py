from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from shopalytic.reports.period import Period, local_today


def test_a_period_holds_both_days_and_ends_where_the_next_begins() -> None:
    period = Period.of_days(date(2010, 12, 1), date(2010, 12, 31), "Europe/London")

    assert period.start == datetime(2010, 12, 1, tzinfo=UTC)
    assert period.end == datetime(2011, 1, 1, tzinfo=UTC)
    assert len(period.days()) == 31


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_of_a_clock_change_has_its_true_length(day: date, hours: int) -> None:
    period = Period.of_days(day, day, "Europe/Berlin")

    assert period.end - period.start == timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_begins_when_the_clock_went_on() -> None:
    day = date(2018, 11, 4)

    period = Period.of_days(day, day, "America/Sao_Paulo")

    assert period.start == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert period.end == datetime(2018, 11, 5, 2, tzinfo=UTC)


def test_a_day_that_a_zone_left_out_is_empty() -> None:
    skipped = date(2011, 12, 30)

    period = Period.of_days(skipped, skipped, "Pacific/Apia")

    assert period.start == period.end


def test_neighbouring_days_leave_no_gap_and_do_not_overlap() -> None:
    for zone in ("America/Havana", "Asia/Kathmandu", "Pacific/Auckland", "UTC"):
        first = date(2025, 1, 1)
        days = [Period.of_days(first + timedelta(n), first + timedelta(n), zone) for n in range(366)]
        assert all(one.end == two.start for one, two in itertools.pairwise(days))


@pytest.mark.parametrize(
    ("first", "last", "complaint"),
    [
        (date(2026, 2, 1), date(2026, 1, 31), "before the first"),
        (date(1969, 12, 31), date(2026, 1, 31), "from 1970-01-01"),
        (date(2026, 1, 1), date(9999, 12, 31), "to 2199-12-31"),
        (date(2000, 1, 1), date(2020, 1, 1), "at most 3660 days"),
    ],
)
def test_days_that_make_no_period_are_refused_with_the_reason(
    first: date, last: date, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Period.of_days(first, last, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        Period.of_days(date(2026, 1, 1), date(2026, 1, 1), zone)


def test_today_is_the_day_of_the_project_not_of_the_server() -> None:
    now = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)

    assert local_today("Europe/Berlin", now) == date(2026, 2, 1)
    assert local_today("America/New_York", now) == date(2026, 1, 31)
