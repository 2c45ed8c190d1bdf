from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from shopalytic.identity.ids import origin_id
from tests.api.conftest import Shop
from tests.factories import make_event, make_order, make_refund


def test_counters_of_a_new_project_are_zero(shop: Shop) -> None:
    answer = shop.get("/counters")

    assert answer.status_code == 200
    assert answer.json == {
        "accepted": 0, "stored": 0, "duplicate": 0, "dropped": {}, "quarantined": 0, "waiting": 0,
    }  # fmt: skip


def test_counters_tell_of_messages_that_wait(shop: Shop) -> None:
    entry = b'{"p":%d,"r":1,"m":{}}' % shop.project_id
    shop.parts.stream.append(shop.project_id, [("anna", entry), ("ben", entry)])

    assert shop.get("/counters").json == {
        "accepted": 2, "stored": 0, "duplicate": 0, "dropped": {}, "quarantined": 0, "waiting": 2,
    }  # fmt: skip


def test_an_anonymous_visitor_is_found_by_the_tracking_id(shop: Shop) -> None:
    customer = str(origin_id(shop.project_id, "tracking_id", "t-1"))
    row = {"visitor": "t-1", "origin_id": customer, "customer_id": customer}
    shop.insert(make_event(at="2026-01-10 10:00:00", **row), make_event(at="2026-01-11 10:00:00.5", **row))

    assert shop.get("/customers", id="t-1").json == {
        "customer_id": customer,
        "ids": [{"type": "tracking_id", "value": "t-1", "since": "2026-01-10T10:00:00.000Z"}],
        "properties": {},
        "first_seen": "2026-01-10T10:00:00.000Z",
        "last_seen": "2026-01-11T10:00:00.500Z",
        "orders": 0,
        "revenue": "0.00",
    }


def test_a_customer_is_found_by_any_id_with_what_two_browsers_did(shop: Shop) -> None:
    customer = shop.identify(
        "phone", datetime(2026, 1, 10, tzinfo=UTC), user_id="jon", email="jon@example.com"
    )
    assert shop.identify("laptop", datetime(2026, 1, 11, tzinfo=UTC), user_id="jon") == customer
    for visitor, order, total in (("phone", "1", "10.50"), ("laptop", "2", "4")):
        origin = str(origin_id(shop.project_id, "tracking_id", visitor))
        shop.insert(
            make_order(order_id=order, visitor=visitor, total=total, origin_id=origin, customer_id=customer)
        )

    for value in ("jon", "Jon@Example.com", "phone", "laptop", customer):
        answer = shop.get("/customers", id=value).json
        assert (answer["customer_id"], answer["orders"], answer["revenue"]) == (customer, 2, "14.50")
    assert {(one["type"], one["value"]) for one in answer["ids"]} == {
        ("user_id", "jon"), ("email", "jon@example.com"), ("tracking_id", "phone"), ("tracking_id", "laptop"),
    }  # fmt: skip


def test_a_customer_who_has_no_events_yet_has_ids_and_no_dates(shop: Shop) -> None:
    shop.identify("phone", datetime(2026, 1, 10, tzinfo=UTC), user_id="jon")

    answer = shop.get("/customers", id="jon").json

    assert (answer["first_seen"], answer["last_seen"], answer["orders"]) == (None, None, 0)
    assert len(answer["ids"]) == 2


@pytest.mark.parametrize("value", ["nobody", "a\0b", "ünknown", str(uuid4()), " "])
def test_an_id_that_nobody_has_is_not_found(shop: Shop, value: str) -> None:
    answer = shop.get("/customers", id=value)

    assert answer.status_code == 404
    assert answer.json["error"] == {
        "code": "not_found", "message": "Nobody in this project has this id.", "at": "id",
    }  # fmt: skip


def test_a_customers_history_joins_what_was_moved_to_him(shop: Shop) -> None:
    customer = shop.identify("phone", datetime(2026, 1, 10, tzinfo=UTC), user_id="jon")
    origin = str(origin_id(shop.project_id, "tracking_id", "phone"))
    shop.insert(
        make_event(at="2026-01-10 10:00:00", visitor="phone", origin_id=origin, customer_id=customer),
        make_order(order_id="1", at="2026-01-10 11:00:00", visitor="phone", origin_id=origin,
                   customer_id=customer),
        make_event(at="2026-01-10 10:30:00", visitor="stranger"),
    )  # fmt: skip

    everything = shop.get(f"/customers/{customer}/events").json
    orders = shop.get(f"/customers/{customer}/events", event="order").json

    assert [event["event"] for event in everything["events"]] == ["order", "page_view"]
    assert [event["event"] for event in orders["events"]] == ["order"]
    assert everything["next"] is None


@pytest.mark.parametrize("call", ["events", "identity"])
def test_a_customer_of_another_project_is_not_found(shop: Shop, make_shop: Any, call: str) -> None:
    other: Shop = make_shop()
    customer = other.identify("phone", datetime(2026, 1, 10, tzinfo=UTC), user_id="jon")

    answer = shop.get(f"/customers/{customer}/{call}")

    assert answer.status_code == 404
    assert answer.json["error"]["message"] == "This project has no such customer."
    assert other.get(f"/customers/{customer}/{call}").status_code == 200


def test_identity_gives_each_link_with_its_cause_and_the_same_in_words(shop: Shop) -> None:
    customer = shop.identify("phone", datetime(2026, 1, 10, 9, 30, tzinfo=UTC), user_id="jon")

    answer = shop.get(f"/customers/{customer}/identity").json

    assert answer["customer_id"] == customer
    (link,) = answer["links"]
    assert link.pop("link_id") > 0
    assert link.pop("message_id").startswith("sighting-")
    assert link == {
        "type": "user_id", "value": "jon", "since": "2026-01-10T09:30:00.000Z", "cause": "identify",
        "active": True,
    }  # fmt: skip
    assert len(answer["sentences"]) == 1
    assert "jon" in answer["sentences"][0]


def test_an_event_carries_all_that_scripts_need(shop: Shop) -> None:
    event = make_order(
        order_id="1", at="2026-01-10 11:00:00.25", total="10.50", user_ids={"user_id": "jon"}, source="web",
        library="shopalytic.js", url="https://shop.example/thanks", referrer="https://shop.example/cart",
        channel="direct", device="phone", browser="Firefox", os="Android", country="DE",
        violations=["missing:subtotal"], properties={"gift": True, "nested": {"a": [1, 2]}},
    )  # fmt: skip
    shop.insert(event)

    (answer,) = shop.get("/events").json["events"]

    properties = answer.pop("properties")
    assert (properties["order_id"], properties["total"]) == ("1", "10.5")
    assert (properties["gift"], properties["nested"]) == (True, {"a": [1, 2]})
    assert answer == {
        "event": "order", "message_id": event.message_id, "occurred_at": "2026-01-10T11:00:00.250Z",
        "received_at": "2026-01-10T11:00:00.250Z", "customer_id": event.customer_id, "tracking_id": "anna",
        "user_ids": {"user_id": "jon"}, "session_id": "anna-session", "url": "https://shop.example/thanks",
        "referrer": "https://shop.example/cart", "channel": "direct", "device": "phone",
        "browser": "Firefox", "os": "Android", "country": "DE", "ip": "", "is_bot": False, "source": "web",
        "library": "shopalytic.js", "door": "native", "violations": ["missing:subtotal"],
        "event_sent": "",
    }  # fmt: skip


def test_a_newly_owned_event_says_who_its_customer_is_today(shop: Shop) -> None:
    shop.insert(make_event(visitor="phone"))
    from tests.factories import override_owner, some_uuid

    override_owner(shop.parts.store, shop.project_id, origin="phone", owner="jon")

    (event,) = shop.get("/events").json["events"]
    assert UUID(event["customer_id"]) == some_uuid("jon")


def test_pages_of_events_neither_repeat_nor_miss_one_while_new_ones_come_in(shop: Shop) -> None:
    # Five at the same instant: the message id alone tells them apart.
    shop.insert(*(make_event(at="2026-01-10 10:00:00", message_id=f"m{n}") for n in range(5)))
    shop.insert(*(make_event(at=f"2025-0{n}-10 10:00:00", message_id=f"old{n}") for n in range(1, 5)))
    seen: list[str] = []
    cursor = ""
    for page in range(20):
        answer = shop.get("/events", limit=2, cursor=cursor).json
        seen += [event["message_id"] for event in answer["events"]]
        shop.insert(make_event(at="2026-01-11 10:00:00", message_id=f"new{page}"))
        cursor = answer["next"]
        if cursor is None:
            break

    assert seen == ["m4", "m3", "m2", "m1", "m0", "old4", "old3", "old2", "old1"]


def test_events_since_an_instant_include_that_instant(shop: Shop) -> None:
    shop.insert(*(make_event(at=f"2026-01-10 1{n}:00:00", message_id=f"m{n}") for n in range(3)))

    def since(text: str) -> list[str]:
        return [event["message_id"] for event in shop.get("/events", since=text).json["events"]]

    assert since("2026-01-10T11:00:00Z") == ["m2", "m1"]
    assert since("2026-01-10T12:00:00+01:00") == ["m2", "m1"]
    assert since("2026-01-10T11:00:00.001Z") == ["m2"]


def test_a_plus_that_a_script_forgot_to_escape_is_understood(shop: Shop) -> None:
    shop.insert(make_event(at="2026-01-10 11:00:00"))
    headers = {"Authorization": f"Bearer {shop.made.secret_key}"}

    answer = shop.client.get("/api/v1/events?since=2026-01-10T12:00:00+01:00", headers=headers)

    assert len(answer.get_json()["events"]) == 1


def test_an_events_name_may_be_anything(shop: Shop) -> None:
    odd = "a\tb\\c'd\n€"
    shop.insert(make_event(event=odd), make_event())

    assert [event["event"] for event in shop.get("/events", event=odd).json["events"]] == [odd]


def test_the_overview_has_money_as_text_days_both_included_and_the_projects_zone(make_shop: Any) -> None:
    shop: Shop = make_shop(time_zone="Europe/London", currency="GBP")
    shop.insert(
        make_order(order_id="1", at="2010-12-01 10:00:00", total="93000.17"),
        make_order(order_id="2", at="2010-12-02 23:59:59", total="29.30", visitor="ben"),
        make_order(order_id="3", at="2010-12-03 00:00:00", total="1"),
        make_refund(order_id="2", at="2010-12-02 23:59:59", visitor="ben"),
    )

    answer = shop.get("/reports/overview", start="2010-12-01", end="2010-12-02").json

    assert answer["name"] == "overview"
    assert answer["period"] == {
        "start": "2010-12-01", "end": "2010-12-02",
        "start_at": "2010-12-01T00:00:00.000Z", "end_at": "2010-12-03T00:00:00.000Z",
    }  # fmt: skip
    assert (answer["time_zone"], answer["currency"]) == ("Europe/London", "GBP")
    totals = answer["totals"]
    assert totals["orders"] == 2
    assert totals["revenue"] == "93029.47"
    assert totals["refunds"] == "29.30"
    assert totals["net_revenue"] == "93000.17"
    assert totals["average_order"] == "46514.74"
    assert [(row["day"], row["revenue"]) for row in answer["rows"]] == [
        ("2010-12-01", "93000.17"), ("2010-12-02", "29.30"),
    ]  # fmt: skip
    assert [column["name"] for column in answer["columns"]][:2] == ["day", "visitors"]
    assert {column["name"] for column in answer["columns"]} == set(answer["rows"][0])


def test_money_of_a_currency_without_decimals_has_none(make_shop: Any) -> None:
    shop: Shop = make_shop(currency="JPY")
    shop.insert(make_order(order_id="1", total="1200"))

    totals = shop.get("/reports/overview", start="2026-01-01", end="2026-01-31").json["totals"]

    assert (totals["revenue"], totals["average_order"]) == ("1200", "1200")


def test_a_report_without_days_is_of_the_last_thirty_with_today(make_shop: Any) -> None:
    shop: Shop = make_shop(time_zone="Pacific/Auckland")
    now = datetime.now(UTC)
    shop.insert(make_event(at=f"{now:%Y-%m-%d %H:%M:%S}"))

    answer = shop.get("/reports/overview").json

    assert len(answer["rows"]) == 30
    assert answer["totals"]["visitors"] == 1
    assert answer["rows"][-1]["visitors"] == 1
