from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from shopalytic.events.catalogue import CARRIERS, COMMON, PREDEFINED, SHAPES
from shopalytic.events.event import Event
from shopalytic.events.parse import Parsed
from shopalytic.events.properties import context_rest, event_properties

Read = Callable[..., Parsed]
LINE = {"sku": "A", "price": "16.50", "qty": 2}
ADDRESS = {"city": "Leeds", "zipcode": "LS1 1AA", "country": "GBR"}
VALID: dict[str, dict[str, Any]] = {
    "account_register": {"email": "jon@example.com", "first_name": "Jon", "last_name": "Snow"},
    "account_update": {"last_name": "Stark"},
    "cart_add": {"cart_id": "c1", "sku": "A", "price": "9.99", "qty": 1},
    "cart_modify": {"cart_id": "c1", "sku": "A", "qty": 0},
    "order": {"order_id": "o1", "cart_id": "o1", "total": "39.60", "subtotal": "33.00", "line_items": [LINE]},
    "refund": {"order_id": "o1", "refund_type": "full"},
    "shipment": {"order_id": "o1", "shipment_id": "s1", "carrier": "ups"},
    "shipment_update": {"order_id": "o1", "shipment_id": "s1", "date_shipped": 1_699_000_000, "date_delivered": 1_699_500_000},
    "product_view": {"sku": "A", "name": "Chair", "price": "9.99"},
    "page_view": {"url": "https://shop.example/", "referrer": "https://google.com/"},
}  # fmt: skip


@pytest.fixture
def event(read: Read) -> Callable[..., Event]:
    """An event that is valid but for what the test changes; a property of None is left out."""

    def event(name: str, /, **changes: Any) -> Event:
        properties = {k: v for k, v in (VALID.get(name, {}) | changes).items() if v is not None}
        return read({"event": name, "properties": properties}).event

    return event


MakeEvent = Callable[..., Event]


def test_the_ten_predefined_events_are_all_there() -> None:
    assert PREDEFINED.keys() == VALID.keys() == SHAPES.keys()
    assert len(PREDEFINED) == 10
    assert len(CARRIERS) == 46 + 1  # and `custom`


def test_every_column_that_the_catalogue_names_is_one() -> None:
    fields = {*Event.__struct_fields__, "line_items", None}
    assert {item.column for own in (*PREDEFINED.values(), COMMON) for item in own} <= fields


@pytest.mark.parametrize("name", VALID)
def test_a_valid_event_has_no_violation_and_reads_back(name: str, event: MakeEvent) -> None:
    made = event(name)
    assert made.violations == []
    assert event_properties(made) == VALID[name]


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        *(("account_register", member) for member in ("email", "first_name", "last_name")),
        *(("cart_add", member) for member in ("cart_id", "sku", "price", "qty")),
        *(("cart_modify", member) for member in ("cart_id", "sku", "qty")),
        *(("order", member) for member in ("order_id", "cart_id", "total", "subtotal", "line_items")),
        *(("refund", member) for member in ("order_id", "refund_type")),
        *(("shipment", member) for member in ("order_id", "shipment_id", "carrier")),
        *(("shipment_update", member) for member in VALID["shipment_update"]),
        *(("product_view", member) for member in ("sku", "name", "price")),
        ("page_view", "url"),
    ],
)
def test_a_required_property_that_is_not_there_is_told(name: str, missing: str, event: MakeEvent) -> None:
    assert event(name, **{missing: None}).violations == [f"missing:{missing}"]


def test_null_is_missing_and_stays_null(read: Read) -> None:
    made = read({"event": "order", "properties": VALID["order"] | {"total": None}}).event
    assert made.violations == ["missing:total"]
    assert event_properties(made) == VALID["order"] | {"total": None}


def test_a_partial_refund_needs_its_amounts_and_lines(event: MakeEvent) -> None:
    made = event("refund", refund_type="partial")
    assert made.violations == ["missing:total_refund", "missing:subtotal_refund", "missing:line_items"]
    line = LINE | {"price": "4.25"}
    made = event("refund", refund_type="partial", total_refund=9, subtotal_refund="8.5", line_items=[line])
    assert made.violations == []
    assert (made.refund_type, made.total, made.subtotal) == ("partial", "9", "8.5")


def test_discounts_come_together_with_their_sum(event: MakeEvent) -> None:
    discounts = [{"code": "SPRING", "value": "5.00"}]
    assert event("order", discounts=discounts).violations == ["missing:total_discount"]
    made = event("order", discounts=discounts, total_discount="5.00")
    assert (made.violations, made.total_discount) == ([], "5.00")


@pytest.mark.parametrize(
    ("name", "changes", "violation"),
    [
        ("order", {"total": "£9.99"}, "not_a_decimal:total"),
        ("order", {"total": ""}, "empty:total"),
        ("order", {"total": 10**14}, "out_of_range:total"),
        ("order", {"order_id": True}, "not_a_text:order_id"),
        ("order", {"order_id": " "}, "empty:order_id"),
        ("order", {"order_id": "x" * 256}, "too_long:order_id"),
        ("order", {"order_date": "soon"}, "not_a_timestamp:order_date"),
        ("order", {"order_date": "9999-01-01"}, "out_of_range:order_date"),
        ("order", {"payment_type": 5}, "not_a_text:payment_type"),
        ("order", {"currency": "€"}, "not_a_currency:currency"),
        ("order", {"billing": "Leeds"}, "not_an_object:billing"),
        ("order", {"billing": ADDRESS | {"country": "GB"}}, "not_a_country:billing.country"),
        ("order", {"shipping": ADDRESS | {"country": 44}}, "not_a_country:shipping.country"),
        ("order", {"shipping": ADDRESS | {"city": []}}, "not_a_text:shipping.city"),
        ("order", {"line_items": {}}, "not_an_array:line_items"),
        ("order", {"line_items": []}, "empty:line_items"),
        ("order", {"discounts": 5, "total_discount": "5"}, "not_an_array:discounts"),
        ("order", {"discounts": [5], "total_discount": "5"}, "not_an_object:discounts[0]"),
        ("order", {"discounts": [{"value": 5}], "total_discount": "5"}, "missing:discounts[0].code"),
        ("order", {"discounts": [{"code": "A"}], "total_discount": "5"}, "missing:discounts[0].value"),
        ("order", {"discounts": [{"code": "A", "value": "5%"}], "total_discount": "5"}, "not_a_decimal:discounts[0].value"),
        ("cart_add", {"qty": 2.5}, "not_an_integer:qty"),
        ("cart_add", {"qty": "2"}, "number_as_text:qty"),
        ("cart_add", {"modified_date": []}, "not_a_timestamp:modified_date"),
        ("refund", {"refund_type": "some"}, "out_of_range:refund_type"),
        ("refund", {"refund_type": 1}, "not_a_text:refund_type"),
        ("shipment", {"carrier": "pigeon"}, "unknown_carrier:carrier"),
        ("shipment", {"date_shipped": "soon"}, "not_a_timestamp:date_shipped"),
        ("product_view", {"name": 5}, "not_a_text:name"),
        ("product_view", {"categories": "garden"}, "not_an_array:categories"),
        ("product_view", {"logged_in": "yes"}, "not_a_boolean:logged_in"),
        ("page_view", {"url": 5}, "not_a_text:url"),
        ("account_register", {"email": "jon"}, "not_an_email:email"),
        ("account_register", {"email": ""}, "empty:email"),
        ("account_update", {"first_name": ["Jon"]}, "not_a_text:first_name"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_and_kept_as_it_was_sent(
    name: str, changes: dict[str, Any], violation: str, event: MakeEvent
) -> None:
    made = event(name, **changes)
    assert made.violations == [violation]
    assert event_properties(made) == VALID[name] | changes


def test_money_is_exact_and_goes_to_its_columns(read: Read) -> None:
    raw = (
        b'{"event":"order","tracking_id":"t","properties":{"order_id":1001,"cart_id":1001,"total":50.18,"subtotal":'
        b'49.88,"total_tax":"0.30","total_shipping":0,"currency":"gbp","line_items":[{"sku":7,"qty":3,"price":16.625}]}}'
    )
    made = read(raw=raw).event
    assert (made.order_id, made.total, made.subtotal) == ("1001", "50.18", "49.88")
    assert (made.total_tax, made.total_shipping, made.currency) == ("0.30", "0", "GBP")
    assert (made.line_skus, made.line_qtys, made.line_prices) == (["7"], [3], ["16.625"])
    assert made.violations == []
    assert made.properties == {"currency": "gbp"}


def test_a_price_with_too_many_places_is_rounded_in_its_column_and_kept_whole_beside_it(
    event: MakeEvent,
) -> None:
    made = event("product_view", price="9.99995")
    assert (made.price, made.properties) == ("10.0000", {"price": "9.99995"})


def test_a_bad_line_is_told_by_its_index_and_the_good_ones_are_kept(event: MakeEvent) -> None:
    lines = [
        LINE,
        5,
        LINE | {"price": "€1"},
        {"sku": "B", "qty": 1},
        LINE | {"sku": "C", "name": "Chair", "cost": "4.20"},
    ]
    made = event("order", line_items=lines)
    assert made.violations == [
        "not_an_object:line_items[1]",
        "not_a_decimal:line_items[2].price",
        "missing:line_items[3].price",
    ]
    assert (made.line_skus, made.line_names, made.line_costs) == (["A", "C"], ["", "Chair"], [None, "4.20"])
    assert event_properties(made)["line_items"] == lines


def test_a_lines_numbers_as_texts_are_taken_and_told(event: MakeEvent) -> None:
    made = event("order", line_items=[{"sku": "A", "price": "16.50", "qty": "2"}])
    assert (made.line_qtys, made.line_prices) == ([2], ["16.50"])
    assert made.violations == ["number_as_text:line_items[0].qty"]


def test_what_a_line_says_beyond_its_columns_is_kept(event: MakeEvent) -> None:
    lines = [LINE | {"colour": "red"}]
    made = event("order", line_items=lines)
    assert (made.violations, made.line_skus) == ([], ["A"])
    assert event_properties(made)["line_items"] == lines


def test_a_known_slip_in_an_events_name_is_put_right(read: Read) -> None:
    made = read({"event": "customer_register", "properties": VALID["account_register"]}).event
    assert (made.event, made.violations) == ("account_register", ["renamed:customer_register"])


def test_a_known_slip_in_a_propertys_name_is_put_right(event: MakeEvent) -> None:
    made = event("shipment", tracking_numer="1Z")
    assert made.violations == ["renamed:tracking_numer"]
    assert made.properties == {"tracking_number": "1Z", "tracking_numer": "1Z"}


def test_an_added_quantity_of_none_is_a_removal(event: MakeEvent) -> None:
    made = event("cart_add", qty=0)
    assert (made.event, made.qty, made.violations) == ("cart_modify", 0, ["renamed:cart_add"])


def test_an_unknown_carrier_is_custom_and_keeps_its_name(event: MakeEvent) -> None:
    made = event("shipment", carrier="Pigeon Post")
    assert (made.carrier, made.properties) == ("custom", {"carrier": "Pigeon Post"})


def test_a_carriers_capitals_do_not_matter(event: MakeEvent) -> None:
    made = event("shipment", carrier="UPS")
    assert (made.carrier, made.violations, event_properties(made)["carrier"]) == ("ups", [], "UPS")


def test_a_free_event_fills_columns_where_it_can_and_is_checked_by_nobody(event: MakeEvent) -> None:
    sent = {
        "sku": "A",
        "name": "Chair",
        "price": "free",
        "qty": 2,
        "total": "9.99",
        "page_type": "checkout",
        "step": 2,
    }
    made = event("checkout", **sent)
    assert (made.sku, made.product_name, made.price, made.qty) == ("A", "Chair", None, 2)
    assert (made.total, made.page_type, made.violations) == ("9.99", "checkout", [])
    assert made.properties == {"price": "free", "step": 2}
    assert event_properties(made) == sent


def test_a_name_without_an_article_number_is_no_products(event: MakeEvent) -> None:
    made = event("newsletter", name="Jon Snow")
    assert (made.product_name, made.properties) == ("", {"name": "Jon Snow"})


def test_a_customers_name_is_no_products(event: MakeEvent) -> None:
    made = event("account_update", name="Jon", sku="A", total=5)
    assert (made.product_name, made.sku, made.total) == ("", "", None)
    assert made.properties == {"last_name": "Stark", "name": "Jon", "sku": "A", "total": 5}


def test_a_page_view_says_its_screen_in_either_place(read: Read) -> None:
    properties = VALID["page_view"] | {"title": "Own", "language": "fr"}
    made = read(
        {"event": "page_view", "properties": properties, "context": {"title": "T", "screen": "1x1"}}
    ).event
    assert (made.title, made.language, made.screen) == ("Own", "fr", "1x1")
    assert event_properties(made) == properties


def test_an_event_read_back_from_the_store_gives_the_same_properties(read: Read) -> None:
    """The row as JSON text, with the store's shorter decimals and floats."""
    raw = json.dumps(
        {
            "event": "order",
            "tracking_id": "t",
            "properties": VALID["order"] | {"score": 0.25, "gift": None, "a.b": {"c": []}, "order_id": 5},
            "context": {"gpc": True},
        }
    ).encode()
    row = msgspec.json.decode(msgspec.json.encode(read(raw=raw).event))
    row["total"], row["line_items.price"] = "39.6", ["16.5"]
    again = msgspec.convert(row, Event)
    properties = event_properties(again)
    assert Decimal(properties.pop("total")) == Decimal("39.60")
    assert properties.pop("line_items") == [LINE | {"price": "16.5"}]
    assert properties == {
        "order_id": "5", "cart_id": "o1", "subtotal": "33.00", "score": 0.25, "gift": None, "a.b": {"c": []},
    }  # fmt: skip
    assert context_rest(again) == {"gpc": True}
