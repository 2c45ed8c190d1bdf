from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.events.clock import (
    LATEST_MS,
    correct_clock,
    instant_text,
    is_day,
    is_near_day,
    is_storable,
    parse_instant,
)

RECEIVED_MS = 1_700_000_000_000
MINUTE_MS, DAY_MS = 60_000, 86_400_000


@pytest.mark.parametrize(
    ("sent", "expected_ms"),
    [
        (0, 0),
        (1_700_000_000, 1_700_000_000_000),
        (1_700_000_000.123, 1_700_000_000_123),
        (Decimal("1700000000.5"), 1_700_000_000_500),
        (99_999_999_999, 99_999_999_999_000),
        (100_000_000_000, 100_000_000_000),
        (1_700_000_000_123, 1_700_000_000_123),
        (-5, -5000),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.25", 1_700_000_000_250),
        (" 1700000000123 ", 1_700_000_000_123),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T22:13:20", 1_700_000_000_000),
        ("2023-11-14 22:13:20.123456789", 1_700_000_000_123),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000_000),
        ("2023-11-14", 1_699_920_000_000),
        ("20231114", 1_699_920_000_000),
    ],
)
def test_seconds_milliseconds_and_iso_8601_are_the_same_instant(sent: object, expected_ms: int) -> None:
    assert parse_instant(sent) == expected_ms


@pytest.mark.parametrize(
    "sent",
    ["", " ", "yesterday", "2023-13-01", "2023-02-30", "14.11.2023", "12:30", "1e9", "nan", "2023-11-14T25:00:00", "9" * 50,
     True, None, [], {}, Decimal("1E+999"), float("nan"), 10**30],
)  # fmt: skip
def test_what_is_no_time_raises_a_value_error(sent: object) -> None:
    with pytest.raises(ValueError):
        parse_instant(sent)


def test_the_ends_of_the_time_scale_do_not_overflow() -> None:
    assert not is_storable(parse_instant("0001-01-01T00:00:00+23:59"))
    assert not is_storable(parse_instant("9999-12-31T23:59:59-23:59"))
    assert not is_storable(parse_instant(10**29))
    assert is_storable(0)
    assert is_storable(LATEST_MS)
    assert not is_storable(LATEST_MS + 1)
    assert instant_text(LATEST_MS) == "2299-12-31 23:59:59.999"


@given(st.text() | st.integers() | st.floats() | st.decimals(allow_nan=False))
def test_any_value_is_an_instant_or_a_value_error(sent: object) -> None:
    try:
        instant_ms = parse_instant(sent)
    except ValueError:
        return
    assert isinstance(instant_ms, int)


@given(st.integers(0, LATEST_MS))
def test_a_stored_instant_reads_back_as_itself(instant_ms: int) -> None:
    assert parse_instant(instant_text(instant_ms)) == instant_ms


def test_a_clock_that_is_an_hour_fast_is_put_right() -> None:
    hour = 3_600_000
    assert correct_clock(RECEIVED_MS + hour - 5000, RECEIVED_MS + hour, RECEIVED_MS) == RECEIVED_MS - 5000


def test_a_message_kept_for_three_days_keeps_its_time() -> None:
    occurred_ms = RECEIVED_MS - 3 * DAY_MS
    assert correct_clock(occurred_ms, RECEIVED_MS, RECEIVED_MS) == occurred_ms


def test_without_a_time_of_sending_the_clients_clock_is_believed() -> None:
    assert correct_clock(RECEIVED_MS - DAY_MS, None, RECEIVED_MS) == RECEIVED_MS - DAY_MS


def test_what_lies_in_the_future_happened_on_arrival() -> None:
    assert correct_clock(RECEIVED_MS + DAY_MS, None, RECEIVED_MS) == RECEIVED_MS
    assert correct_clock(RECEIVED_MS + 2 * MINUTE_MS, RECEIVED_MS, RECEIVED_MS) == RECEIVED_MS


def test_the_year_9999_is_not_a_clock_running_fast() -> None:
    assert not is_storable(correct_clock(parse_instant("9999-01-01"), None, RECEIVED_MS))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2023-11-14", True),
        ("20231114", True),
        ("2023-11-14T00:00", False),
        ("1700000000", False),
        (20231114, False),
    ],
)
def test_a_day_is_told_from_an_instant(sent: object, expected: bool) -> None:
    assert is_day(sent) is expected


def test_a_day_spans_every_zone_on_earth() -> None:
    day_ms = parse_instant("2023-11-14")
    assert is_near_day(parse_instant("2023-11-13T10:00:00Z"), day_ms)
    assert is_near_day(parse_instant("2023-11-15T11:59:59Z"), day_ms)
    assert not is_near_day(parse_instant("2023-11-13T09:59:59Z"), day_ms)
    assert not is_near_day(parse_instant("2023-11-15T12:00:00Z"), day_ms)
