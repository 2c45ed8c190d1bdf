"""`POST /batch`: one answer an item, in order, and no item at the expense of another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.collector.conftest import Shop, error_of

DAMAGED = {
    "not_a_number": b'{"event":"x","tracking_id":"v","properties":{"a":NaN}}',
    "nul_byte": b'{"event":"x\0","tracking_id":"v"}',
    "half_a_surrogate_pair": b'{"event":"x","tracking_id":"v","properties":{"a":"\\ud800 and more text"}}',
    "half_a_pair_at_the_end": b'{"event":"x","tracking_id":"v","context":{"a":"\\ud800"}}',
    "not_utf8": b'{"event":"x","tracking_id":"v","properties":{"a":"\xff"}}',
    "deep": b'{"event":"x","tracking_id":"v","properties":{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
    "very_deep": b'{"a":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_001,
    "value_missing": b'{"event":}',
    "trailing_comma": b'{"event":"x","tracking_id":"v",}',
    "bad_escape": b'{"event":"\\x"}',
    "python": b"{'event': 'x'}",
    "nothing": b"",
    "null": b"null",
    "a_number": b"1e400",
    "a_text": b'"x"',
    "an_array": b"[1,[2,{}]]",
    "no_name": b'{"tracking_id":"v"}',
    "wrong_type": b'{"event":["x"],"tracking_id":"v"}',
    "no_id": b'{"event":"x"}',
    "id_of_nobody": b'{"event":"x","tracking_id":"undefined"}',
    "too_large": b'{"event":"x","tracking_id":"v","properties":{"a":"' + b"a" * 40_000 + b'"}}',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_item_is_refused_with_its_place_and_its_neighbours_are_taken(shop: Shop, name: str) -> None:
    first, last = shop.item(event="first"), shop.item(event="last")
    response = shop.batch([first, DAMAGED[name], last])
    answer = json.loads(response.data)
    assert response.status_code == 200
    assert answer["accepted"] == 2
    statuses = [result["status"] for result in answer["results"]]
    assert statuses == ["accepted", "rejected", "accepted"]
    refused = answer["results"][1]
    assert set(refused) == {"status", "error", "at"}
    assert refused["at"].startswith("events[1]")
    assert refused["error"].endswith(".")
    assert [parsed.event.event for parsed in shop.stream.parsed()] == ["first", "last"]


def test_the_place_names_the_member(shop: Shop) -> None:
    answer = shop.batch([shop.item(), shop.item(event=7), shop.item(tracking_id=None)]).json
    assert answer is not None
    assert [result.get("at") for result in answer["results"]] == [
        None,
        "events[1].event",
        "events[2].tracking_id",
    ]


def test_all_damages_at_once_leave_the_good_ones_in_their_order(shop: Shop) -> None:
    # One that is nested deeply and one that is too large fill a body alone.
    damages = [item for item in DAMAGED.values() if len(item) < 1000]
    items = [
        item for number, damage in enumerate(damages) for item in (shop.item(event=f"e{number}"), damage)
    ]
    answer = json.loads(shop.batch(items).data)
    assert [result["status"] for result in answer["results"]] == ["accepted", "rejected"] * len(damages)
    assert [parsed.event.event for parsed in shop.stream.parsed()] == [f"e{n}" for n in range(len(damages))]


def test_a_batch_of_only_bad_items_is_answered_item_by_item(shop: Shop) -> None:
    response = shop.batch([b"5", b"NaN"])
    assert response.status_code == 200
    assert json.loads(response.data)["accepted"] == 0
    assert shop.stream.calls == 0


def test_a_batch_is_one_write(shop: Shop) -> None:
    shop.batch([shop.item(tracking_id=f"v{number}") for number in range(500)])
    assert shop.stream.calls == 1
    assert shop.stream.keys == [f"v{number}" for number in range(500)]


def test_items_say_their_own_type(shop: Shop) -> None:
    shop.batch([shop.item(type="identify", event=None, user_id="jon"), shop.item()])
    assert [parsed.kind for parsed in shop.stream.parsed()] == ["identify", "track"]


def test_each_item_without_an_id_gets_one_of_its_own(shop: Shop) -> None:
    shop.batch([shop.item(), shop.item(message_id="mine"), shop.item()])
    first, mine, last = (parsed.event.message_id for parsed in shop.stream.parsed())
    assert mine == "mine"
    assert len({first, mine, last}) == 3


@pytest.mark.parametrize("sent_at", [1_700_000_000, "2026-01-31T12:00:00Z", 1_700_000_000.25])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_when_the_batch_was_sent_is_known_to_each_item(shop: Shop, sent_at: Any, is_damaged: bool) -> None:
    shop.batch([shop.item(), *([b"NaN"] if is_damaged else [])], sent_at=sent_at)
    assert [envelope.sent_at for envelope in shop.stream.envelopes] == [sent_at]


def test_an_empty_batch_is_nothing_wrong(shop: Shop) -> None:
    assert json.loads(shop.batch([]).data) == {"accepted": 0, "results": []}


@pytest.mark.parametrize("item", [b"{}", b"NaN"])
def test_more_items_than_a_batch_holds_are_refused_as_a_whole(shop: Shop, item: bytes) -> None:
    assert shop.batch([item] * 500).status_code == 200
    response = shop.batch([item] * 501)
    assert (response.status_code, error_of(response)["at"]) == (413, "events")


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"null", None),
        (b"[" * 100_000, None),
        (b'{"a":' * 80_000, None),
        (b'{"token":"TOKEN"}', None),
        (b'{"token":"TOKEN","events":{}}', "events"),
        (b'{"token":"TOKEN","events":NaN}', "events"),
        (b'{"token":"TOKEN","events":[{},{}', None),
        (b'{"token":"TOKEN","events":[{"event":"x"}', None),
        (b'{"token":"TOKEN","events":[{"event":"x]}', None),
        (b'{"token":"TOKEN","events":[NaN}]', None),
        (b'{"token":"TOKEN","events":[NaN]} {}', None),
        (b'{"token":"TOKEN","events":[NaN] "a":1}', None),
        (b'{"token":"TOKEN" "events":[NaN]}', None),
        (b'{"token":NaN,"events":[]}', None),
        (b'{"token":5,"events":[NaN]}', "token"),
        (b'{"token":"TOKEN","sent_at":[],"events":[]}', "sent_at"),
    ],
)
def test_a_batch_whose_own_structure_is_broken_is_refused(shop: Shop, body: bytes, at: str | None) -> None:
    response = shop.post("/batch", body.replace(b"TOKEN", shop.token.encode()))
    assert response.status_code == 400
    assert error_of(response).get("at") == at


def test_brackets_and_commas_in_texts_separate_nothing(shop: Shop) -> None:
    tricky = shop.item(event='a],{"\\', properties={"]}": '\\"},{'})
    answer = json.loads(shop.batch([tricky, b"NaN", tricky]).data)
    assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "accepted"]
    assert [parsed.event.event for parsed in shop.stream.parsed()] == ['a],{"\\'] * 2
