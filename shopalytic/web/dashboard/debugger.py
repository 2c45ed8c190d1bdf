"""The debugger: a project's messages as they arrive, raw and as understood, with what is wrong with them.

What it shows is told by the workers and the doors for as long as somebody watches (see `stream/feed.py`), and is
gone minutes later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from flask import abort, render_template, request

from shopalytic.accounts.db import reading
from shopalytic.accounts.keys import list_tokens
from shopalytic.pipeline.told import EventShown, Told, decode_told
from shopalytic.stream.feed import ENTRIES_KEPT, START, Entry, Page
from shopalytic.web.dashboard.access import get_parts, here, pages
from shopalytic.web.dashboard.formats import local
from shopalytic.web.dashboard.timeline import ICONS

WATCHING = timedelta(minutes=30)
"""A page that was left open stops by itself: watching costs the worker a little, and shows personal data."""
OUTCOMES = {
    "stored": "Stored",
    "duplicate": "Duplicate",
    "dropped": "Dropped",
    "quarantined": "Quarantined",
    "refused": "Refused",
}
MARKS = {"quarantined": "bad", "refused": "bad", "dropped": "warn", "duplicate": "warn"}
_encode = msgspec.json.Encoder(decimal_format="number").encode
SET_ASIDE = ("refused", "quarantined")


@dataclass(frozen=True)
class Filter:
    """event: part of its name. text: anything that the message holds, or the customer's id. All in any case."""

    event: str = ""
    outcome: str = ""
    text: str = ""
    only_wrong: bool = False

    @property
    def query(self) -> dict[str, str]:
        """As it stands in an address."""
        given = {
            "event": self.event, "outcome": self.outcome, "text": self.text,
            "wrong": "1" if self.only_wrong else "",
        }  # fmt: skip
        return {name: value for name, value in given.items() if value}

    def takes(self, told: Told) -> bool:
        if self.outcome and told.outcome != self.outcome:
            return False
        if self.only_wrong and not is_wrong(told):
            return False
        if self.event and self.event.casefold() not in name_of(told).casefold():
            return False
        return not self.text or self.text.casefold() in _searched(told).casefold()


@dataclass(frozen=True)
class Arrived:
    """One message to show. at: when it was received, in the project's zone. who: the ids that it names.
    summary: the first of what is wrong. took: from its arrival until it was stored. understood: as JSON, '' where it could
    not be understood."""

    id: str
    told: Told
    at: datetime
    label: str
    summary: str
    icon: str
    outcome: str
    mark: str
    who: str
    took: str
    raw: str
    understood: str
    facts: list[tuple[str, str]]


@pages.get("/debugger", endpoint="debugger")
def show_debugger() -> str:
    wanted = read_filter(request.args)
    feed, project = get_parts().stream.feed, here().project
    feed.watch(project.id)
    page = feed.read(project.id)
    now = datetime.now(UTC)
    return render_template(
        "dashboard/debugger.html",
        messages=make_messages(page, wanted),
        filter=wanted,
        outcomes=OUTCOMES,
        emptied="emptied" in request.args,
        token=find_token(),
        address=get_parts().settings.public_url.rstrip("/") or request.host_url.rstrip("/"),
        minutes=int(WATCHING.total_seconds() // 60),
        **_next_poll(page, START, now + WATCHING),
    )


@pages.get("/debugger/new", endpoint="debugger_new")
def show_new_messages() -> str:
    """The part of the page that htmx puts on top, and the next poll; none after the page's time."""
    wanted = read_filter(request.args)
    after = request.args.get("after", START)
    ends_at = _read_end(request.args.get("ends", ""))
    feed, project = get_parts().stream.feed, here().project
    now = datetime.now(UTC)
    is_over = now >= ends_at
    was_watched = True if is_over else feed.watch(project.id)
    try:
        page = feed.read(project.id, after)
    except ValueError:
        abort(400, "The address is wrong: `after` is no message of this page.")
    return render_template(
        "dashboard/_debugger_new.html",
        messages=make_messages(page, wanted),
        filter=wanted,
        is_over=is_over,
        is_gap=page.is_gap or not was_watched,
        kept=ENTRIES_KEPT,
        minutes=int(WATCHING.total_seconds() // 60),
        **_next_poll(page, after, ends_at),
    )


def read_filter(values: Mapping[str, str]) -> Filter:
    """An outcome that there is none is as good as any."""
    outcome = values.get("outcome", "")
    return Filter(
        event=values.get("event", "").strip()[:200],
        outcome=outcome if outcome in OUTCOMES else "",
        text=values.get("text", "").strip()[:200],
        only_wrong=values.get("wrong") == "1",
    )


def make_messages(page: Page, wanted: Filter) -> list[Arrived]:
    """The newest first. What another version of the worker wrote in another way is left out."""
    found = []
    for entry in reversed(page.entries):
        try:
            told = decode_told(entry.content)
        except msgspec.MsgspecError:
            continue
        if wanted.takes(told):
            found.append(make_message(entry, told))
    return found


def make_message(entry: Entry, told: Told) -> Arrived:
    name = name_of(told)
    facts = (
        ("Came through", told.door),
        ("Sent as", told.name_sent),
        ("HTTP status", str(told.status) if told.status else ""),
        ("User agent", told.user_agent),
    )
    return Arrived(
        id=entry.id,
        told=told,
        at=local(datetime.fromtimestamp(told.received_at_ms / 1000, UTC), here().project.time_zone),
        label=name or "Message",
        summary=told.sentence or (told.findings[0].message if told.findings else ""),
        icon="set-aside" if told.outcome in SET_ASIDE else ICONS.get(name, "dot"),
        outcome=OUTCOMES.get(told.outcome, told.outcome),
        mark=MARKS.get(told.outcome, ""),
        who=_who(told.event),
        took=f"{max(0, told.told_at_ms - told.received_at_ms)} ms" if told.outcome != "refused" else "",
        raw=indent(told.raw),
        understood=understood(told.event) if told.event is not None else "",
        facts=[(label, value) for label, value in facts if value],
    )


def is_wrong(told: Told) -> bool:
    return bool(told.findings) or told.outcome in (*SET_ASIDE, "dropped")


def name_of(told: Told) -> str:
    """The event's name as understood, else as far as the message says one; '' where it does not."""
    if told.event is not None:
        return told.event.event
    try:
        sent = msgspec.json.decode(told.raw)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    named = (sent.get("event") or sent.get("type")) if isinstance(sent, dict) else ""
    return named if isinstance(named, str) else ""


def indent(raw: str) -> str:
    """The message to read. What is no JSON stands as it came."""
    try:
        return msgspec.json.format(raw, indent=2)
    except (msgspec.MsgspecError, RecursionError):
        return raw


def understood(event: EventShown) -> str:
    """As JSON, without what is not known."""
    known = {
        name: value for name, value in msgspec.structs.asdict(event).items() if value not in ("", {}, False)
    }
    return indent(_encode(known).decode())


def find_token() -> str:
    with reading(get_parts().sessions) as db:
        return next(iter(list_tokens(db, here().shop.id)), "")


def _next_poll(page: Page, after: str, ends_at: datetime) -> dict[str, Any]:
    """waiting: messages of the project that no worker has come to, where nothing else is there to see."""
    last = page.entries[-1].id if page.entries else after
    waiting = 0 if page.entries else get_parts().stream.waiting(here().project.id)
    return {"after": last, "ends": int(ends_at.timestamp()), "waiting": waiting}


def _read_end(text: str) -> datetime:
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        abort(400, "The address is wrong: `ends` is no time.")
    # No page may watch for longer than a page may: the address is not to be trusted.
    return min(datetime.fromtimestamp(int(text), UTC), datetime.now(UTC) + WATCHING)


def _who(event: EventShown | None) -> str:
    if event is None:
        return ""
    return next(iter(event.user_ids.values()), "") or event.tracking_id


def _searched(told: Told) -> str:
    return " ".join((told.raw, told.message_id, told.event.customer_id if told.event else ""))
