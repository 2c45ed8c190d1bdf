"""What can be wrong with a message: each function does one thing to one that was right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from benchmarks.fuzz.made import Made, json_values, texts
from shopalytic.events.catalogue import PREDEFINED

Wrong = Callable[[st.DrawFn, Made, float], None]


def _leave_out(draw: st.DrawFn, made: Made, now: float) -> None:
    made.properties.pop(draw(st.sampled_from(sorted(made.properties) or ["none"])), None)


def _put_anything(draw: st.DrawFn, made: Made, now: float) -> None:
    """Any value in a property that the catalogue knows, or in one that nobody does."""
    known = [item.name for item in PREDEFINED.get(made.event, ())]
    name = draw(st.sampled_from([*known, "currency", "page_type"]) | st.text(max_size=12))
    made.properties[name] = draw(json_values)


def _put_nearly(draw: st.DrawFn, made: Made, now: float) -> None:
    """What shops send by mistake, in a property that the catalogue knows."""
    names = [item.name for item in PREDEFINED.get(made.event, ())] or ["total"]
    value: Any = draw(
        st.sampled_from(["", " ", "yes", True, 5, [], {}, "2", "x" * 300, "-1", -3, "9,90 EUR", None, 10**20])
    )
    made.properties[draw(st.sampled_from(names))] = value


INSIDE = {
    "line_items": ("sku", "price", "qty", "cost", "name"),
    "discounts": ("code", "value"),
    "billing": ("city", "zipcode", "country", "state"),
    "shipping": ("city", "zipcode", "country", "state"),
}


def _put_inside(draw: st.DrawFn, made: Made, now: float) -> None:
    """Something wrong in a line, a discount or an address, where there is one."""
    names = [name for name in INSIDE if made.properties.get(name)] or list(INSIDE)
    name = draw(st.sampled_from(names))
    value = draw(st.sampled_from(["2", "", "-1", -3, None, [], True, "GB", "Germany"]) | json_values)
    change = {draw(st.sampled_from(INSIDE[name])): value}
    inside = made.properties.get(name)
    if isinstance(inside, list) and inside and isinstance(inside[0], dict):
        inside[draw(st.integers(0, len(inside) - 1))] = inside[0] | change
    elif isinstance(inside, dict):
        made.properties[name] = inside | change
    else:
        made.properties[name] = change if name in ("billing", "shipping") else [change]


def _change_amount(draw: st.DrawFn, made: Made, now: float) -> None:
    name = draw(
        st.sampled_from(
            ["total", "subtotal", "total_discount", "total_refund", "subtotal_refund", "price", "qty"]
        )
    )
    if name in made.properties:
        made.properties[name] = draw(
            st.sampled_from([-5, "-0.01", 10**15, 123456.78, "7", "12.5 EUR", "", None])
        )


def _change_date(draw: st.DrawFn, made: Made, now: float) -> None:
    names = ["order_date", "join_date", "modified_date", "date_shipped", "date_delivered"]
    values = [now + 86_400, "2020-01-01", "soon", "", 1e30, "2999-01-01", 0, now - 5]
    made.properties[draw(st.sampled_from(names))] = draw(st.sampled_from(values))


def _slip(draw: st.DrawFn, made: Made, now: float) -> None:
    match draw(st.integers(0, 3)):
        case 0:
            made.event, made.properties["tracking_numer"] = "shipment", "T-1"
        case 1:
            made.event = "customer_register"
        case 2:
            made.event = "cart_add"
            made.properties |= {"cart_id": "c", "sku": "s", "price": 1, "qty": 0}
        case _:
            made.event = "shipment"
            made.properties |= {"carrier": draw(texts), "shipment_id": "s", "order_id": "o"}


def _change_ids(draw: st.DrawFn, made: Made, now: float) -> None:
    if draw(st.booleans()):
        made.user_id = {"registered": "known-one", "email": "two"}
        return
    made.user_id = draw(
        st.sampled_from(
            [
                "null",
                "undefined",
                "0",
                "",
                "x" * 300,
                {"registered": "null"},
                {},
                7,
            ]
        )
        | json_values
    )
    if draw(st.booleans()):
        made.tracking_id = draw(st.sampled_from(["null", "", None, "x" * 300, "v-1", 5]) | json_values)


def _change_members(draw: st.DrawFn, made: Made, now: float) -> None:
    name = draw(
        st.sampled_from(
            [
                "timestamp",
                "sent_at",
                "message_id",
                "event",
                "context",
                "session_id",
                "library",
                "properties",
                "type",
            ]
        )
    )
    made.members[name] = draw(
        st.sampled_from([now + 90_000, now - 90_000, "never", "", -1, 1e20, {}, [], "2026-01-01"])
        | json_values
    )


def _other_order(draw: st.DrawFn, made: Made, now: float) -> None:
    """An order id that was there before, or more given back than an order was."""
    if made.event == "order":
        made.properties["order_id"] = f"o-#before{draw(st.integers(0, 9999))}"
    else:
        made.event = "refund"
        lines = [{"sku": "A", "price": 9_000_000, "qty": 1}]
        made.properties = {
            "order_id": f"o-#before{draw(st.integers(0, 9999))}", "refund_type": "partial",
            "total_refund": 9_000_000, "subtotal_refund": 9_000_000, "line_items": lines,
        }  # fmt: skip


def _be_hostile(draw: st.DrawFn, made: Made, now: float) -> None:
    deep: Any = "bottom"
    for _ in range(draw(st.sampled_from([20, 60, 200]))):
        deep = {draw(st.sampled_from(["a", "a.b", "", "_rest", "é", "`"])): deep}
    made.properties[draw(st.sampled_from(["deep", "_rest", "_context", "a.b", "\ud800"]))] = deep
    made.is_hostile = True


def _another_name(draw: st.DrawFn, made: Made, now: float) -> None:
    made.event = draw(st.sampled_from(["wish", "search", "session_start"]) | st.text(max_size=300))


WRONG: tuple[Wrong, ...] = (
    _put_nearly, _put_anything, _put_nearly, _leave_out, _put_inside, _change_amount, _change_date, _slip, _change_ids, _change_members,
    _other_order, _be_hostile, _another_name,
)  # fmt: skip
