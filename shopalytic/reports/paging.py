"""Keyset cursors: where a page of events ended, so that the next goes on there whatever has come in since."""

from __future__ import annotations

import base64
import binascii

import msgspec

from shopalytic.events.event import Event
from shopalytic.reports.period import parse_sql_instant

EARLIEST = "1970-01-01 00:00:00.000"
LATEST = "2200-01-01 00:00:00.000"


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last event of a page. occurred_at is the store's time text."""

    occurred_at: str
    message_id: str


class EventPage(msgspec.Struct, frozen=True):
    """Events newest first. next: cursor of what follows, None at the end."""

    events: list[Event]
    next: str | None


def format_cursor(event: Event) -> str:
    return pack_cursor(Cursor(event.occurred_at, event.message_id))


def pack_cursor(cursor: Cursor) -> str:
    text = msgspec.json.encode(cursor)
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def parse_cursor(text: str) -> Cursor:
    """Raises ValueError for anything that `pack_cursor` did not make; '' is the cursor of the first page."""
    if not text:
        return Cursor(LATEST, "")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=Cursor)
        parse_sql_instant(cursor.occurred_at)
    except (binascii.Error, ValueError, UnicodeError):
        raise ValueError("this is no cursor that a page of events gave") from None
    if not EARLIEST <= cursor.occurred_at <= LATEST or len(cursor.occurred_at) != len(LATEST):
        raise ValueError("this is no cursor that a page of events gave")
    return cursor


def make_page(events: list[Event], limit: int) -> EventPage:
    """events: up to limit + 1 of them; the one too many says that there is a next page."""
    page = events[:limit]
    return EventPage(page, format_cursor(page[-1]) if len(events) > limit else None)
