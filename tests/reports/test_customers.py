from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shopalytic.reports.customer_events import customer_events
from shopalytic.reports.customer_summary import customer_summaries, find_customer_summary
from shopalytic.reports.paging import EventPage, format_cursor, parse_cursor
from shopalytic.reports.project import Project
from shopalytic.reports.recent_customers import recent_customers
from shopalytic.reports.recent_events import recent_events
from shopalytic.store import Store
from tests.factories import insert_events, make_event, make_order, override_owner, some_uuid

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)


def ids(page: EventPage) -> list[str]:
    return [event.message_id for event in page.events]


def test_a_summary_counts_an_order_once_and_only_the_projects_money(store: Store, project_id: int) -> None:
    rows = [
        make_event(project_id=project_id, at="2026-01-01 10:00:00"),
        make_order(project_id=project_id, order_id="1", total="10.005", at="2026-01-02 10:00:00"),
        make_order(project_id=project_id, order_id="1", total="99", at="2026-01-03 10:00:00"),
        make_order(project_id=project_id, order_id="2", total="5", currency="EUR", at="2026-01-04 10:00:00"),
        make_order(project_id=project_id, order_id="3", total="7", currency="USD", at="2026-01-05 10:00:00"),
        make_order(project_id=project_id, order_id="4", visitor="ben"),
    ]
    insert_events(store, rows)

    summary = find_customer_summary(store, Project(project_id), some_uuid("anna"), [some_uuid("anna")])

    assert summary is not None
    assert (summary.orders, summary.revenue) == (3, Decimal("15.005"))
    assert (summary.first_seen, summary.last_seen) == ("2026-01-01 10:00:00.000", "2026-01-05 10:00:00.000")
    assert (summary.events, summary.tracking_id) == (5, "anna")


def test_a_customer_without_events_has_no_summary(store: Store, project_id: int) -> None:
    assert find_customer_summary(store, Project(project_id), some_uuid("anna"), [some_uuid("anna")]) is None


def test_a_shared_browsers_events_are_told_apart_by_when_they_happened(store: Store, project_id: int) -> None:
    insert_events(
        store,
        [
            make_event(
                project_id=project_id, visitor="kiosk", message_id=f"m{hour}", at=f"2026-01-10 {hour}:00:00"
            )
            for hour in range(10, 16)
        ],
    )
    override_owner(store, project_id, origin="kiosk", owner="ben", since="2026-01-10 13:00:00")
    project = Project(project_id)

    def events_of(owner: str) -> list[str]:
        return ids(customer_events(store, project, some_uuid(owner), [some_uuid(owner), some_uuid("kiosk")]))

    assert events_of("kiosk") == ["m12", "m11", "m10"]
    assert events_of("ben") == ["m15", "m14", "m13"]
    summaries = customer_summaries(store, project, [some_uuid("kiosk")])
    assert {who: one.events for who, one in summaries.items()} == {some_uuid("kiosk"): 3, some_uuid("ben"): 3}


def test_recent_customers_come_newest_first_with_all_their_orders(store: Store, project_id: int) -> None:
    insert_events(
        store,
        [
            make_order(project_id=project_id, order_id="old", total="100", at="2024-06-01 10:00:00"),
            make_order(project_id=project_id, order_id="old", total="100", at="2024-06-02 10:00:00"),
            make_event(project_id=project_id, at="2026-01-20 10:00:00", user_ids={"user_id": "anna-1"}),
            make_event(project_id=project_id, visitor="ben", at="2026-01-20 11:00:00"),
            make_event(project_id=project_id, visitor="crawler", at="2026-01-20 11:30:00", is_bot=True),
            make_event(project_id=project_id, visitor="long-ago", at="2025-01-01 11:30:00"),
        ],
    )

    found = recent_customers(store, Project(project_id), now=NOW)

    assert [(one.customer_id, one.orders, one.revenue, one.user_ids) for one in found] == [
        (some_uuid("ben"), 0, Decimal(0), {}),
        (some_uuid("anna"), 1, Decimal(100), {"user_id": "anna-1"}),
        (some_uuid("long-ago"), 0, Decimal(0), {}),
    ]
    assert [one.customer_id for one in recent_customers(store, Project(project_id), now=NOW, limit=1)] == [
        some_uuid("ben")
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_over_days_and_years_give_every_event_once(store: Store, project_id: int, limit: int) -> None:
    days = ["2026-01-20", "2026-01-19", "2026-01-01", "2025-12-25", "2024-02-29", "2011-01-01"]
    insert_events(
        store,
        [make_event(project_id=project_id, at=f"{day} 10:00:00", message_id=day) for day in days],
    )
    seen: list[str] = []
    cursor = ""
    for _ in days:
        page = recent_events(store, Project(project_id), now=NOW, limit=limit, cursor=cursor)
        seen += ids(page)
        if page.next is None:
            break
        cursor = page.next

    assert seen == days
    assert page.next is None


def test_an_event_that_came_while_a_page_was_read_does_not_push_others_out(
    store: Store, project_id: int
) -> None:
    rows = [
        make_event(project_id=project_id, message_id=f"m{n}", at=f"2026-01-10 10:00:0{n}") for n in range(4)
    ]
    insert_events(store, rows)
    project = Project(project_id)
    first = recent_events(store, project, now=NOW, limit=2)
    insert_events(store, [make_event(project_id=project_id, message_id="new", at="2026-01-10 11:00:00")])
    insert_events(store, [make_event(project_id=project_id, message_id="late", at="2026-01-10 10:00:01.5")])

    second = recent_events(store, project, now=NOW, limit=5, cursor=first.next or "")

    assert ids(first) == ["m3", "m2"]
    assert ids(second) == ["late", "m1", "m0"]


def test_a_cursor_says_the_same_after_its_journey() -> None:
    event = make_event(at="2026-01-10 10:00:00.123", message_id="ä\"'\\ \n")

    cursor = parse_cursor(format_cursor(event))

    assert (cursor.occurred_at, cursor.message_id) == (event.occurred_at, event.message_id)


@pytest.mark.parametrize(
    "text",
    ["x", "====", "e30", "W10", "WyIyMDI2LTAxLTEwIiwiYSJd", "WyI5OTk5LTEyLTMxIDIzOjU5OjU5Ljk5OSIsImEiXQ"],
)
def test_a_text_that_no_page_gave_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        parse_cursor(text)
