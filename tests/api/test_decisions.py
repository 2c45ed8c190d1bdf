"""`undo`, `split`, `merge` and `/decisions` over HTTP, and that orders and revenue follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.pipeline.overrides import send_overrides
from tests.api.conftest import Shop
from tests.api.test_erasures import post
from tests.factories import make_order

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


def order(shop: Shop, visitor: str, order_id: str, total: str) -> None:
    """An order that a visitor made before anybody knew who it was."""
    own = str(origin_id(shop.project_id, VISITOR, visitor))
    shop.insert(make_order(order_id=order_id, total=total, visitor=visitor, origin_id=own, customer_id=own))


def sign_in(shop: Shop, visitor: str, user: str) -> str:
    customer = shop.identify(visitor, NOON, user_id=user)
    send_overrides(shop.parts.store, shop.parts.sessions)
    return customer


def revenue(shop: Shop, customer: str) -> str | None:
    answer = shop.get("/customers", id=customer)
    return answer.json["revenue"] if answer.status_code == 200 else None


def customer_of(shop: Shop, known_id: str) -> str:
    return str(shop.get("/customers", id=known_id).json["customer_id"])


@pytest.fixture
def jon(shop: Shop) -> str:
    """A customer with two browsers, each with an order."""
    order(shop, "phone", "1", "10.50")
    order(shop, "laptop", "2", "4.25")
    sign_in(shop, "phone", "jon")
    sign_in(shop, "laptop", "jon")
    # Of two sign-ins of one instant, the message ids say whose key stays.
    return customer_of(shop, "jon")


@pytest.fixture
def ann(shop: Shop) -> str:
    order(shop, "tablet", "3", "100.00")
    return sign_in(shop, "tablet", "ann")


def link_of(shop: Shop, customer: str, tracking_id: str) -> int:
    """The entry that linked the browser: of a list in the order of time and message, the one whose sentence names it."""
    found = shop.get(f"/customers/{customer}/identity").json
    [link_id] = [
        link["link_id"]
        for link, sentence in zip(found["links"], found["sentences"], strict=True)
        if tracking_id in sentence
    ]
    return int(link_id)


def test_undoing_a_link_takes_its_orders_away_and_taking_that_back_brings_them_again(
    shop: Shop, jon: str
) -> None:
    assert revenue(shop, jon) == "14.75"
    link = link_of(shop, jon, "laptop")
    tried = post(shop, f"/customers/{jon}/undo", {"link_id": link, "dry_run": True}).json
    assert tried["moves"] == {"events": 1, "orders": 1, "revenue": "4.25"}
    assert (tried["decision_id"], revenue(shop, jon)) == (None, "14.75")
    made = post(shop, f"/customers/{jon}/undo", {"link_id": link}).json
    assert (made["moves"], made["customers"]) == (tried["moves"], tried["customers"])
    laptop = customer_of(shop, "laptop")
    assert sorted(made["customers"]) == sorted([jon, laptop])
    assert (revenue(shop, jon), revenue(shop, laptop)) == ("10.50", "4.25")
    assert post(shop, f"/customers/{jon}/undo", {"link_id": link}).status_code == 400
    back = post(shop, f"/decisions/{made['decision_id']}/undo").json
    assert (back["moves"], revenue(shop, jon)) == (made["moves"], "14.75")
    again = post(shop, f"/decisions/{made['decision_id']}/undo")
    assert (again.status_code, again.json["error"]["at"]) == (400, "decision_id")


def test_a_merge_moves_all_of_the_other_and_is_taken_back_to_the_penny(
    shop: Shop, jon: str, ann: str
) -> None:
    tried = post(shop, f"/customers/{jon}/merge", {"with": ann, "dry_run": True}).json
    assert (tried["moves"], tried["customers"]) == ({"events": 1, "orders": 1, "revenue": "100.00"}, [jon])
    made = post(shop, f"/customers/{jon}/merge", {"with": ann}).json
    assert (revenue(shop, "ann"), customer_of(shop, "ann")) == ("114.75", jon)
    assert post(shop, f"/customers/{jon}/merge", {"with": ann}).status_code == 404
    post(shop, f"/decisions/{made['decision_id']}/undo")
    assert (revenue(shop, "ann"), revenue(shop, "jon")) == ("100.00", "14.75")


def test_a_visitor_whom_only_the_store_knows_can_be_merged(shop: Shop, jon: str) -> None:
    order(shop, "kiosk", "9", "1.00")
    kiosk = customer_of(shop, "kiosk")
    made = post(shop, f"/customers/{kiosk}/merge", {"with": jon}).json
    assert made["customers"] == [jon]
    assert revenue(shop, jon) == "15.75"


def test_two_visitors_become_one_and_both_follow_a_sign_in(shop: Shop) -> None:
    for number, visitor in enumerate(("one", "two")):
        order(shop, visitor, str(number), "5.00")
    one, two = customer_of(shop, "one"), customer_of(shop, "two")
    assert post(shop, f"/customers/{one}/merge", {"with": two}).json["customers"] == [one]
    assert revenue(shop, two) is None
    assert sign_in(shop, "two", "jon") == two
    assert (customer_of(shop, "one"), revenue(shop, "jon")) == (two, "10.00")


def test_the_second_click_on_a_merge_finds_nobody_left_to_merge(shop: Shop, jon: str) -> None:
    order(shop, "kiosk", "9", "1.00")
    kiosk = customer_of(shop, "kiosk")
    assert post(shop, f"/customers/{jon}/merge", {"with": kiosk}).status_code == 200
    assert post(shop, f"/customers/{jon}/merge", {"with": kiosk}).status_code == 404
    assert len(shop.get("/decisions").json["decisions"]) == 1


def test_the_first_browser_that_is_split_off_is_what_moves_though_the_number_goes_with_it(shop: Shop) -> None:
    for number, visitor in enumerate(("one", "two", "three")):
        order(shop, visitor, str(number), f"{number + 1}.00")
        sign_in(shop, visitor, "jon")
    jon = customer_of(shop, "jon")
    chosen = next(
        one
        for one in shop.get("/customers", id="jon").json["ids"]
        if str(origin_id(shop.project_id, one["type"], one["value"])) == jon
    )
    first = {"one": "1.00", "two": "2.00", "three": "3.00"}[chosen["value"]]
    made = post(
        shop, f"/customers/{jon}/split", {"ids": [{"type": chosen["type"], "value": chosen["value"]}]}
    ).json
    assert made["moves"] == {"events": 1, "orders": 1, "revenue": first}
    assert customer_of(shop, chosen["value"]) == jon != customer_of(shop, "jon")


def test_a_split_of_who_has_one_id_says_so(shop: Shop) -> None:
    order(shop, "kiosk", "9", "1.00")
    kiosk = customer_of(shop, "kiosk")
    answer = post(shop, f"/customers/{kiosk}/split", {"ids": [{"type": "tracking_id", "value": "kiosk"}]})
    assert (answer.status_code, "nothing to split" in answer.json["error"]["message"]) == (400, True)


def test_an_address_is_found_however_it_is_written(shop: Shop) -> None:
    shop.identify("phone", NOON, user_id="jon", email="jon@shop.example")
    jon = customer_of(shop, "jon")
    chosen = [{"type": "email", "value": " Jon@Shop.example"}]
    answer = post(shop, f"/customers/{jon}/split", {"ids": chosen, "dry_run": True})
    assert answer.status_code == 200


def test_a_link_that_an_alias_says_too_is_undone_as_one(shop: Shop) -> None:
    shop.identify("phone", NOON, user_id="jon")
    shop.identify("phone", NOON + timedelta(seconds=1), kind="alias", user_id="jon")
    shop.identify("phone", NOON + timedelta(seconds=2), kind="track", user_id="jon")
    jon = customer_of(shop, "jon")
    links = shop.get(f"/customers/{jon}/identity").json["links"]
    post(shop, f"/customers/{jon}/undo", {"link_id": links[0]["link_id"]})
    assert customer_of(shop, "jon") != customer_of(shop, "phone")


def test_a_merge_that_a_split_took_back_is_told_so(shop: Shop, jon: str, ann: str) -> None:
    merged = post(shop, f"/customers/{jon}/merge", {"with": ann}).json["decision_id"]
    ids = [{"type": "user_id", "value": "ann"}, {"type": "tracking_id", "value": "tablet"}]
    split = post(shop, f"/customers/{jon}/split", {"ids": ids}).json["decision_id"]
    by_id = {one["decision_id"]: one for one in shop.get("/decisions").json["decisions"]}
    assert by_id[merged]["undone_by"] == split


def test_after_two_merges_the_first_is_taken_back_and_the_second_stays(
    shop: Shop, jon: str, ann: str
) -> None:
    sign_in(shop, "desk", "aaa")
    first = post(shop, f"/customers/{jon}/merge", {"with": customer_of(shop, "aaa")}).json
    post(shop, f"/customers/{jon}/merge", {"with": ann})
    post(shop, f"/decisions/{first['decision_id']}/undo")
    assert customer_of(shop, "ann") == customer_of(shop, "jon") != customer_of(shop, "aaa")


def test_a_split_makes_one_customer_of_the_chosen_ids(shop: Shop, jon: str) -> None:
    order(shop, "tv", "7", "0.25")
    sign_in(shop, "tv", "jon")
    chosen = [{"type": "tracking_id", "value": value} for value in ("laptop", "tv")]
    made = post(shop, f"/customers/{jon}/split", {"ids": chosen}).json
    assert made["moves"] == {"events": 2, "orders": 2, "revenue": "4.50"}
    assert customer_of(shop, "laptop") == customer_of(shop, "tv") != jon
    assert (revenue(shop, jon), revenue(shop, "tv")) == ("10.50", "4.50")
    post(shop, f"/decisions/{made['decision_id']}/undo")
    assert revenue(shop, jon) == "15.00"


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ([], "length"),
        ([{"type": "user_id", "value": "ann"}], "user_id ann is not an id of this customer."),
        (
            [
                {"type": "user_id", "value": "jon"},
                {"type": "tracking_id", "value": "phone"},
                {"type": "tracking_id", "value": "laptop"},
            ],
            "not all of them",
        ),
    ],
)
def test_a_split_that_splits_nothing_is_refused_with_the_reason(
    shop: Shop, jon: str, ids: list[dict[str, str]], says: str
) -> None:
    answer = post(shop, f"/customers/{jon}/split", {"ids": ids})
    assert answer.status_code == 400
    assert says in answer.json["error"]["message"]


def test_decisions_are_listed_with_who_made_them_and_what_became_of_them(shop: Shop, jon: str) -> None:
    made = post(shop, f"/customers/{jon}/undo", {"link_id": link_of(shop, jon, "phone")}).json
    back = post(shop, f"/decisions/{made['decision_id']}/undo").json
    newest, first = shop.get("/decisions").json["decisions"]
    assert (first["decision_id"], first["undone_by"]) == (made["decision_id"], back["decision_id"])
    assert (newest["takes_back"], newest["undone_by"]) == (made["decision_id"], None)
    assert (first["kind"], first["door"], first["by"][:4]) == ("undo", "api", "key:")
    assert [entry["tracking_id"] for entry in first["entries"]] == ["phone"]
    assert shop.get("/decisions", customer_id=str(uuid4())).json["decisions"] == []
    assert len(shop.get("/decisions", customer_id=jon).json["decisions"]) == 2


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("undo", {"link_id": 1}),
        ("split", {"ids": [{"type": "a", "value": "b"}]}),
        ("merge", {"with": str(uuid4())}),
    ],
)
def test_a_customer_of_another_project_is_not_there(
    shop: Shop, jon: str, make_shop: Any, action: str, body: dict[str, Any]
) -> None:
    other: Shop = make_shop()
    key = other.made.secret_key
    answer = post(shop, f"/customers/{jon}/{action}", body, key=key)
    assert answer.status_code == 404
    assert post(shop, f"/decisions/{uuid4()}/undo", key=key).status_code == 404


def test_a_customer_cannot_be_merged_with_itself(shop: Shop, jon: str) -> None:
    answer = post(shop, f"/customers/{jon}/merge", {"with": jon})
    assert (answer.status_code, answer.json["error"]["at"]) == (400, "with")
