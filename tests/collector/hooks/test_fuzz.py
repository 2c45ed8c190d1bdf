"""Notifications that no platform sends: a reject or an answer, never an error of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopalytic.events.parse import Parsed, parse_envelope, parse_message
from tests.collector.hooks.conftest import Hooks, payload

KINDS = {
    ("shopify", "orders/create"): payload("shopify_order"),
    ("shopify", "refunds/create"): payload("shopify_refund"),
    ("shopify", "fulfillments/update"): payload("shopify_fulfillment"),
    ("shopify", "customers/update"): payload("shopify_customer"),
    ("woocommerce", "order.updated"): payload("woocommerce_order", refunds=[{"id": 1, "total": "-1.00"}]),
    ("woocommerce", "customer.updated"): payload("woocommerce_customer"),
    ("magento", "order"): payload("magento_order")["order"],
    ("magento", "creditmemo"): payload("magento_creditmemo")["creditmemo"],
    ("magento", "shipment"): payload("magento_shipment")["event"]["data"]["value"],
    ("magento", "customer"): payload("magento_customer")["data"]["customer"],
    ("shipping", ""): payload("shipping"),
}
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20),
    st.sampled_from(["1e999999", "-0", "NaN", "Infinity", "0x1F", "1_000", "٣", "\ud800", "9" * 400, "null", "guest"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every member, however deep."""
    found: list[tuple[Any, ...]] = [path] if path else []
    items: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, item in items:
        found += places(item, (*path, name))
    return found


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for name in path[:-1]:
        value = value[name]
    value[path[-1]] = new


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_notification_never_breaks_anything(
    hooks: Hooks, kind: tuple[str, str], data: st.DataObject
) -> None:
    told = json.loads(json.dumps(KINDS[kind]))
    for path in data.draw(st.lists(st.sampled_from(places(told)), min_size=1, max_size=3)):
        try:
            put(told, path, data.draw(VALUES))
        except (TypeError, KeyError, IndexError):
            continue  # what stood above it was replaced before
    hooks.shop.stream.appended.clear()
    response = hooks.send(*kind, told)
    assert response.status_code in (200, 400), response.text
    for _, _, envelope in hooks.shop.stream.appended:
        parsed = parse_message(parse_envelope(envelope), 1_800_000_000_000)
        assert isinstance(parsed, Parsed) or parsed.reason in ("bad_timestamp", "forbidden_id"), parsed
