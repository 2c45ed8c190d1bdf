"""Messages made from the catalogue by hypothesis: right ones, and ones with something wrong in them.

Right ones keep every rule of docs/events.md. A wrong one is a right one to which one to three things were done: a property
left out, emptied, of another type, of another meaning, hostile.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from benchmarks.fuzz.made import NUMBER, VISITORS, YEAR_SECONDS, Door, Made, Properties, texts
from benchmarks.fuzz.mistakes import WRONG
from shopalytic.events.catalogue import CARRIERS, PREDEFINED
from shopalytic.events.countries import ALPHA_3

cents = st.integers(0, 50_000)
past_seconds = st.integers(60, YEAR_SECONDS)


@st.composite
def amount(draw: st.DrawFn, value: int) -> Any:
    """Cents as an amount, in the ways that shops write one."""
    text = f"{value // 100}.{value % 100:02}"
    return draw(st.sampled_from([text, float(text), text if value % 100 else value // 100]))


@st.composite
def addresses(draw: st.DrawFn) -> Properties:
    return {"city": draw(texts), "zipcode": draw(texts | st.integers(1000, 99999)), "country": draw(st.sampled_from(sorted(ALPHA_3)))}  # fmt: skip


@st.composite
def line_items(draw: st.DrawFn) -> tuple[list[Properties], int]:
    """Lines, and what they cost together, in cents."""
    lines, summed = [], 0
    for _ in range(draw(st.integers(1, 3))):
        price, qty = draw(cents), draw(st.integers(1, 5))
        summed += price * qty
        line = {"sku": draw(texts | st.integers(1, 99999)), "price": draw(amount(price)), "qty": qty}
        if draw(st.booleans()):
            line |= {"name": draw(texts), "cost": draw(amount(price // 2))}
        lines.append(line)
    return lines, summed


@st.composite
def sums(draw: st.DrawFn, subtotal: int) -> tuple[int, int, int, int]:
    """(total, tax, shipping, discount) of so many cents."""
    tax = draw(st.sampled_from([0, subtotal // 5]))
    shipping, discount = draw(st.sampled_from([0, 495])), draw(st.integers(0, subtotal))
    return subtotal + tax + shipping - discount, tax, shipping, discount


@st.composite
def orders(draw: st.DrawFn) -> Properties:
    lines, subtotal = draw(line_items())
    total, tax, shipping, discount = draw(sums(subtotal))
    order = {
        "order_id": "o-#n", "cart_id": "c-#n", "total": draw(amount(total)),
        "subtotal": draw(amount(subtotal)), "total_tax": draw(amount(tax)),
        "total_shipping": draw(amount(shipping)), "line_items": lines,
    }  # fmt: skip
    if discount:
        half = discount // 2
        order["total_discount"] = draw(amount(discount))
        order["discounts"] = [
            {"code": code, "value": draw(amount(each))}
            for code, each in (("A", half), ("B", discount - half))
        ]
    for name, strategy in (
        ("billing", addresses()), ("shipping", addresses()), ("payment_type", texts),
        ("currency", st.sampled_from(["EUR", "GBP"])),
    ):  # fmt: skip
        if draw(st.booleans()):
            order[name] = draw(strategy)
    return order


@st.composite
def refunds(draw: st.DrawFn) -> Properties:
    refund: Properties = {"order_id": "r-#n", "refund_type": draw(st.sampled_from(["full", "partial"]))}
    if refund["refund_type"] == "full" and draw(st.booleans()):
        return refund
    lines, subtotal = draw(line_items())
    total, tax, shipping, discount = draw(sums(subtotal))
    return refund | {
        "total_refund": draw(amount(total)), "subtotal_refund": draw(amount(subtotal)), "line_items": lines,
        "tax_refund": draw(amount(tax)), "shipping_refund": draw(amount(shipping)), "discount_refund": draw(amount(discount)),
    }  # fmt: skip


@st.composite
def right_properties(draw: st.DrawFn, event: str, now: float) -> Properties:
    """All that the event requires, and some of what it may have."""
    earlier = now - draw(past_seconds)
    match event:
        case "order":
            return draw(orders())
        case "refund":
            return draw(refunds())
        case "account_register" | "account_update":
            return {"email": f"{event}-#n@shop.example", "first_name": draw(texts), "last_name": draw(texts)}
        case "cart_add" | "cart_modify":
            qty = draw(st.integers(1 if event == "cart_add" else 0, 9))
            return {
                "cart_id": draw(texts),
                "sku": draw(texts),
                "price": draw(amount(draw(cents))),
                "qty": qty,
            }
        case "shipment":
            carrier = draw(st.sampled_from(sorted(CARRIERS)))
            return {"order_id": "o-#n", "shipment_id": draw(texts), "carrier": carrier}
        case "shipment_update":
            dates = {"date_shipped": earlier, "date_delivered": earlier + draw(st.integers(0, 59))}
            return {"order_id": "o-#n", "shipment_id": draw(texts)} | dates
        case "product_view":
            return {
                "sku": draw(texts),
                "name": draw(texts),
                "price": draw(amount(draw(cents))),
                "logged_in": draw(st.booleans()),
            }
        case _:
            url = "https://shop.example/#n?utm_source=" + draw(st.sampled_from(["", "news", "%zz"]))
            return {"url": url, "referrer": draw(st.sampled_from(["", "https://search.example/"]))}  # fmt: skip


@st.composite
def messages(draw: st.DrawFn, now: float) -> Made:
    event = draw(st.sampled_from(sorted(PREDEFINED)))
    door: Door = draw(st.sampled_from(["native", "native", "segment", "exponea"]))
    made = Made(event, draw(right_properties(event, now)), door, ago_seconds=draw(st.integers(1, 3000)))
    if event.startswith("account"):
        made.user_id = "customer-#n"
    else:
        made.tracking_id = f"visitor-{draw(st.integers(1, VISITORS))}"
    if draw(st.sampled_from([True, False, True])):
        for wrong in draw(st.lists(st.sampled_from(WRONG), min_size=1, max_size=3)):
            made.wrong.append(wrong.__name__.strip("_"))
            wrong(draw, made, now)
    made.is_repeated = draw(st.integers(0, 19)) == 13
    return made


def _number(made: Made, number: int) -> Made:
    """Give the message its place: `#n` in a text is its number, `#before<n>` an earlier one's."""

    def placed(value: Any) -> Any:
        text = json.dumps(value).replace("#n", str(number))
        return json.loads(re.sub(r"#before(\d+)", lambda found: str(int(found[1]) % max(number, 1)), text))

    made.properties, made.user_id = placed(made.properties) | {NUMBER: number}, placed(made.user_id)
    return made


def make_messages(count: int, number_seed: int, now: float) -> list[Made]:
    """So many messages, the same for the same seed and time. Each has its place in the list as property NUMBER."""
    made: list[Made] = []

    @seed(number_seed)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    @given(messages(now))
    def collect(each: Made) -> None:
        made.append(_number(each, len(made)))

    while len(made) < count:
        collect()
    return made[:count]


def dumps(value: Any) -> bytes:
    """JSON as clients may write it: with lone surrogates, and with numbers that no double holds."""
    return json.dumps(value).replace('"1e400"', "1e400").encode()
