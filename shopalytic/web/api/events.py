"""`/events` and `/counters`."""

from __future__ import annotations

from uuid import UUID

from msgspec import UNSET

from shopalytic.errors import Rejected
from shopalytic.events.event import Event
from shopalytic.events.properties import event_properties, name_sent, sent_ids
from shopalytic.reports.paging import EventPage
from shopalytic.reports.recent_events import recent_events
from shopalytic.web.api.answers import CountersAnswer, EventAnswer, EventsAnswer, format_store_instant
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import EventsQuery, NoQuery, parse_instant


def get_counters(asked: Asked, query: NoQuery) -> CountersAnswer:
    counted = asked.parts.stream.counters(asked.project.project_id)
    return CountersAnswer(
        accepted=counted.accepted,
        stored=counted.stored,
        duplicate=counted.duplicate,
        dropped=counted.dropped,
        quarantined=counted.quarantined,
        waiting=counted.waiting,
    )


def get_events(asked: Asked, query: EventsQuery) -> EventsAnswer:
    since = None if query.since is UNSET else parse_instant(query.since, "since")
    try:
        page = recent_events(
            asked.parts.store,
            asked.project,
            now=asked.now,
            event=query.event,
            since=since,
            limit=query.limit,
            cursor=query.cursor,
        )
    except ValueError as error:
        raise Rejected(f"cursor: {error}.", at="cursor") from None
    return events_answer(page)


def events_answer(page: EventPage) -> EventsAnswer:
    return EventsAnswer([event_answer(event) for event in page.events], page.next)


def event_answer(event: Event) -> EventAnswer:
    return EventAnswer(
        event=event.event,
        message_id=event.message_id,
        occurred_at=format_store_instant(event.occurred_at),
        received_at=format_store_instant(event.received_at),
        customer_id=UUID(event.customer_id),
        tracking_id=event.tracking_id,
        user_ids=sent_ids(event),
        session_id=event.session_id,
        properties=event_properties(event),
        url=event.url,
        referrer=event.referrer,
        channel=event.channel,
        device=event.device,
        browser=event.browser,
        os=event.os,
        country=event.country,
        ip=event.ip,
        is_bot=event.is_bot,
        source=event.source,
        library=event.library,
        door=event.door,
        violations=event.violations,
        event_sent=name_sent(event),
    )
