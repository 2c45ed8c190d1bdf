"""`sandbox: true` at the door, where no worker runs: the answer says what the message says by itself.

What a worker does with it: test_sandbox_processed.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shopalytic.accounts.sandboxes import is_sandbox
from shopalytic.events.catalogue import PREDEFINED
from shopalytic.events.parse import parse_envelope
from tests.collector.conftest import ADDRESS, Shop, error_of

CART_ADD = {"cart_id": "c1", "price": "cheap", "qty": "2"}


def answer_of(shop: Shop, **members: Any) -> dict[str, Any]:
    response = shop.track(sandbox=True, **members)
    assert response.status_code == 200
    answer: dict[str, Any] = json.loads(response.data)
    return answer


def test_the_answer_names_everything_that_is_wrong_with_a_message(shop: Shop) -> None:
    answer = answer_of(shop, event="cart_add", properties=CART_ADD)
    assert (answer["status"], answer["sandbox"], answer["outcome"]) == ("accepted", True, "waiting")
    assert [(each["kind"], each["property"]) for each in answer["violations"]] == [
        ("not_a_decimal", "price"), ("number_as_text", "qty"), ("missing", "sku"),
    ]  # fmt: skip
    assert (
        answer["violations"][2]["message"] == "sku is required, but is missing or null; send it with a value."
    )
    assert shop.stream.real() == []


def test_the_answer_shows_the_event_as_it_is_understood(shop: Shop) -> None:
    event = answer_of(
        shop, event="customer_register", message_id="m1", timestamp="2026-01-31T12:00:00+01:00",
        user_id={"email": "Jon@Shop.Example"}, source="ios", session_id="s1",
        properties={"email": "jon@shop.example", "first_name": "Jon", "last_name": "Snow", "points": 1.50},
        context={"url": "https://shop.example/?utm_source=news&utm_medium=email"},
    )["event"]  # fmt: skip
    assert {name: event[name] for name in ("event", "message_id", "occurred_at", "session_id", "source")} == {
        "event": "account_register", "message_id": "m1", "occurred_at": "2026-01-31T11:00:00.000Z",
        "session_id": "s1", "source": "ios",
    }  # fmt: skip
    assert (event["tracking_id"], event["user_ids"]) == ("visitor-1", {"email": "jon@shop.example"})
    assert event["properties"]["points"] == 1.5
    assert event["channel"] == "email"


def test_a_message_without_fault_has_no_violations(shop: Shop) -> None:
    properties = {"cart_id": "c1", "sku": "22196", "price": "4.95", "qty": 2}
    answer = answer_of(shop, event="cart_add", properties=properties)
    assert answer["violations"] == []
    assert answer["event"]["properties"] == properties


def test_an_id_of_nobody_beside_a_good_one_is_named(shop: Shop) -> None:
    answer = answer_of(shop, user_id="undefined", context={"url": "https://shop.example/"})
    [violation] = answer["violations"]
    assert (violation["kind"], violation["property"]) == ("forbidden_id", "user_id")
    assert answer["event"]["user_ids"] == {}


def test_what_the_worker_will_set_aside_is_told_with_its_reason(shop: Shop) -> None:
    answer = answer_of(shop, timestamp="yesterday", message_id="m1")
    assert (answer["message_id"], answer["event"]) == ("m1", None)
    [violation] = answer["violations"]
    assert (violation["kind"], violation["property"]) == ("bad_timestamp", "timestamp")
    assert "'yesterday'" in violation["message"]
    assert "ISO 8601" in violation["message"]


def test_the_queue_gets_the_message_under_the_sandboxs_number_and_with_a_ticket(shop: Shop) -> None:
    shop.track(sandbox=True, message_id="m1")
    shop.batch([shop.item(sandbox=True), shop.item(event=None), shop.item(sandbox=True)])
    one, first, second = shop.stream.envelopes
    assert {is_sandbox(each.project_id) for each in (one, first, second)} == {True}
    assert len({each.project_id for each in (one, first, second)}) == 1
    assert one.ticket.endswith(":0")
    assert (first.ticket.split(":")[0], second.ticket) == (
        second.ticket.split(":")[0], f"{first.ticket.split(':')[0]}:1",
    )  # fmt: skip
    assert (one.ip, one.message_id) == (ADDRESS, "")
    assert first.message_id and first.message_id != second.message_id


def test_a_batch_is_answered_item_by_item(shop: Shop) -> None:
    items = [
        shop.item(event="cart_add", properties=CART_ADD), shop.item(event=None), shop.item(timestamp="now"),
        shop.item(type="identify", event=None, user_id="jon"),
    ]  # fmt: skip
    answer = json.loads(shop.batch(items, sandbox=True).data)
    assert answer["accepted"] == 3
    wrong, nameless, timeless, identify = answer["results"]
    assert len(wrong["violations"]) == 3
    assert nameless == {"status": "rejected", "error": "The event has no name.", "at": "events[1].event"}
    assert (timeless["status"], timeless["violations"][0]["kind"]) == ("accepted", "bad_timestamp")
    assert (identify["event"]["event"], identify["violations"]) == ("identify", [])
    assert shop.stream.real() == []


def test_one_message_of_a_batch_may_be_in_the_sandbox_while_its_neighbours_are_stored(shop: Shop) -> None:
    answer = json.loads(shop.batch([shop.item(event="a"), shop.item(event="b", sandbox=True)]).data)
    assert answer["accepted"] == 2
    assert ["violations" in result for result in answer["results"]] == [False, True]
    assert [bytes(parse_envelope(each).message) for each in shop.stream.real()] == [shop.item(event="a")]


def test_the_batchs_sent_at_corrects_the_clock_in_the_sandbox_too(shop: Shop) -> None:
    item = shop.item(timestamp="2001-01-01T00:00:00Z")
    [result] = json.loads(shop.batch([item], sandbox=True, sent_at="2001-01-01T00:00:10Z").data)["results"]
    assert result["event"]["occurred_at"] > "2020"


def test_the_path_says_the_type_in_the_sandbox_too(shop: Shop) -> None:
    response = shop.post("/identify", shop.message(event=None, user_id="jon", sandbox=True))
    assert json.loads(response.data)["event"]["event"] == "identify"


def test_the_sandbox_needs_a_key_as_well(shop: Shop) -> None:
    assert shop.track(sandbox=True, token="wrong").status_code == 401


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), event=st.sampled_from(sorted(PREDEFINED)))
def test_whatever_the_properties_each_violation_is_a_sentence_about_one_of_them(
    shop: Shop, data: st.DataObject, event: str
) -> None:
    names = st.sampled_from([each.name for each in PREDEFINED[event]])
    properties = data.draw(st.dictionaries(names, values))
    response = shop.track(sandbox=True, event=event, properties=properties)
    assert response.status_code == 200
    for violation in json.loads(response.data)["violations"]:
        assert violation["message"].startswith(violation["property"])
        assert violation["message"].endswith(".")


@pytest.mark.parametrize("path", ["/track", "/batch"])
def test_the_sandbox_takes_nothing_while_the_queue_is_down(shop: Shop, path: str) -> None:
    shop.stream.is_down = True
    response = shop.track(sandbox=True) if path == "/track" else shop.batch([shop.item()], sandbox=True)
    assert response.status_code == 503


def test_while_the_database_is_away_the_sandbox_asks_to_come_again_and_real_messages_go_on(
    shop: Shop,
) -> None:
    shop.track()
    with shop.sessions.begin() as db:
        db.execute(text("ALTER TABLE sandbox RENAME TO gone"))
    response = shop.track(sandbox=True)
    assert (response.status_code, error_of(response)["code"]) == (503, "database_unavailable")
    assert shop.track().status_code == 200
    assert len(shop.stream.appended) == 2
