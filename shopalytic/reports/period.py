"""Stretches of time that a report covers, cut into a project's days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2199, 12, 31)
"""Earlier and later days are outside of what the store's time column can hold."""
LONGEST_DAYS = 3660


class Period(msgspec.Struct, frozen=True):
    """`[start, end)`, aware UTC, from the first moment of `first_day` to the last of `last_day` in `time_zone`.

    Make it with `Period.of_days`. Where the clocks change, a day has 23 or 25 hours.
    """

    first_day: date
    last_day: date
    start: datetime
    end: datetime
    time_zone: str

    @classmethod
    def of_days(cls, first_day: date, last_day: date, time_zone: str) -> Period:
        """Both days are included. Raises ValueError where they are in the wrong order, too far apart or too far off."""
        if last_day < first_day:
            raise ValueError(f"the last day, {last_day}, is before the first, {first_day}")
        if first_day < FIRST_DAY or last_day > LAST_DAY:
            raise ValueError(f"days are taken from {FIRST_DAY} to {LAST_DAY}")
        if (last_day - first_day).days >= LONGEST_DAYS:
            raise ValueError(f"a period has at most {LONGEST_DAYS} days")
        return cls(
            first_day,
            last_day,
            first_moment(first_day, time_zone),
            first_moment(last_day + timedelta(days=1), time_zone),
            time_zone,
        )

    def days(self) -> list[date]:
        """Every local day, ascending."""
        return [self.first_day + timedelta(days=n) for n in range((self.last_day - self.first_day).days + 1)]

    def bounds(self) -> dict[str, str]:
        """`start`, `end` (UTC texts) and `time_zone` as the SQL files name them."""
        return {"start": sql_instant(self.start), "end": sql_instant(self.end), "time_zone": self.time_zone}


def first_moment(day: date, time_zone: str) -> datetime:
    """When a local day begins, in UTC; a day that a zone skipped begins when the next one does."""
    # A midnight that a clock change skips is read with the offset before the change: that is the change itself.
    return datetime.combine(day, wall_time.min, tzinfo=get_zone(time_zone)).astimezone(UTC)


def get_zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {time_zone!r}") from None


def local_today(time_zone: str, now: datetime) -> date:
    return now.astimezone(get_zone(time_zone)).date()


def sql_instant(instant: datetime) -> str:
    """`2026-01-31 12:00:00.123`, in UTC, as DateTime64(3) reads it; finer parts are cut off."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def parse_sql_instant(text: str) -> datetime:
    """The store's time text, as aware UTC. Raises ValueError."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
