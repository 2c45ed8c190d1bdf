"""Instants as clients write them, and what time an event is given."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_MILLISECOND = timedelta(milliseconds=1)

HOUR_MS = 3_600_000
MILLISECONDS_FROM = 10**11
"""A number this large is milliseconds: as seconds it would be the year 5138."""
LATEST_MS = 10_413_792_000_000 - 1
"""The last millisecond of 2299, where the store's DateTime64 ends."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMPACT_DATE = re.compile(r"(19[7-9][0-9]|2[0-9]{3})(0[1-9]|1[0-2])([0-2][0-9]|3[01])")


def parse_instant(value: object) -> int:
    """UTC milliseconds of seconds, milliseconds (from 10^11 on) or ISO 8601; without a zone it is UTC.

    Digits in a text are a number, but for eight that read as a date (`20101201`), which as seconds would lie in a
    year without web shops. The result may lie outside what the store takes: a wrong clock is corrected first.
    Raises ValueError.
    """
    number: Any = value
    if isinstance(number, str):
        text = number.strip()
        if not _NUMBER.fullmatch(text):
            return _parse_iso(text)
        if _COMPACT_DATE.fullmatch(text):
            return _parse_iso(f"{text[:4]}-{text[4:6]}-{text[6:]}")
        number = Decimal(text)
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        raise ValueError("neither a number nor a text")
    if not (-(10**30) < number < 10**30):  # NaN is in no range either
        raise ValueError("out of range")
    is_seconds = -MILLISECONDS_FROM < number < MILLISECONDS_FROM
    return round(number * 1000 if is_seconds else number)


def is_day(value: object) -> bool:
    """Whether an instant that `parse_instant` takes says a day and no time of day."""
    if not isinstance(value, str):
        return False
    text = value.strip()
    return _DAY.fullmatch(text) is not None or _COMPACT_DATE.fullmatch(text) is not None


def _parse_iso(text: str) -> int:
    if len(text) > 40:
        raise ValueError("too long")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MILLISECOND


def is_near_day(instant_ms: int, day_ms: int) -> bool:
    """Whether the instant may lie in that day, wherever on earth the clock hangs. day_ms: its midnight in UTC."""
    return day_ms - 14 * HOUR_MS <= instant_ms < day_ms + 36 * HOUR_MS


def is_storable(instant_ms: int) -> bool:
    """From 1970 to the end of 2299."""
    return 0 <= instant_ms <= LATEST_MS


@lru_cache(maxsize=1024)
def instant_text(instant_ms: int) -> str:
    """`2026-01-31 12:00:00.123`, as the store takes it."""
    return (_NAIVE_EPOCH + timedelta(milliseconds=instant_ms)).isoformat(" ", "milliseconds")


def instant(instant_ms: int) -> datetime:
    """Aware UTC. Raises OverflowError outside the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=instant_ms)


def correct_clock(original_ms: int, sent_at_ms: int | None, received_at_ms: int) -> int:
    """When it happened by the collector's clock.

    sent_at_ms: the sender's clock at sending; its difference from `received_at_ms` is what the clock is wrong by
    (and the way took). Without it the sender's clock is believed. What would lie in the future happened on arrival,
    but for an instant that no store takes: that is not a clock running fast, and is left for the caller to refuse.
    """
    corrected_ms = original_ms if sent_at_ms is None else received_at_ms - (sent_at_ms - original_ms)
    if received_at_ms < corrected_ms <= LATEST_MS:
        return received_at_ms
    return corrected_ms
