"""What the platforms' notifications have in common: ids, money, addresses, parcels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, DivisionByZero, InvalidOperation, localcontext
from typing import Any, NamedTuple

from shopalytic.collector.translated import known_object
from shopalytic.errors import Rejected
from shopalytic.events.catalogue import CARRIERS
from shopalytic.events.countries import ALPHA_3_BY_2

ORDER = "order"
"""Type of an id that an order gives its customer: refunds and parcels name the order alone."""
TRACKING_ID = "shopalytic_tracking_id"
"""Name under which a shop may pass the visitor's id on, as an attribute of the cart or the order."""

DIGITS_LIMIT = 40
PLATFORM_ID_LIMIT = 200
"""What is kept of them goes into a column of 255 characters, with a word before it."""

_CARRIER_NAMES = {
    "dhl-express": "dhl", "dhl-ecommerce": "dhl-global-mail", "deutsche-post": "dhl-germany",
    "la-poste": "la-poste-colissimo", "colissimo": "la-poste-colissimo", "correos": "spain-correos-es",
    "parcelforce": "parcel-force", "postnord-denmark": "danmark-post", "swiss-post-ch": "swiss-post",
    "united-states-postal-service": "usps", "china-post": "china-ems", "ems": "china-ems",
    "correios": "brazil-correios", "ctt": "portugal-ctt", "federal-express": "fedex", "auspost": "australia-post",
}  # fmt: skip
_NAIVE = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)")


class Told(NamedTuple):
    """A message to take. message_id: the same whenever the platform tells the same.

    refund_id: the platform's, where it is a refund, which it may tell again after months.
    places, ends: the order that was placed, or that will never be paid: the end of one that nobody told of is no news.
    """

    message: dict[str, Any]
    message_id: str = ""
    refund_id: str = ""
    places: str = ""
    ends: str = ""


class Ignored(NamedTuple):
    """reason: one sentence for whoever looks at the platform's log of deliveries."""

    reason: str


Reading = list[Told] | Ignored


def track(
    event: str, user_id: dict[str, str], properties: dict[str, Any], timestamp: str | None = None, **more: Any
) -> dict[str, Any]:
    """A message without what is None."""
    given = {name: value for name, value in properties.items() if value is not None}
    message = {"event": event, "user_id": user_id, "properties": given, "timestamp": timestamp, **more}
    return {name: value for name, value in message.items() if value not in (None, {}, "")}


def text(value: Any) -> str:
    """Empty for what is neither a text nor a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    if isinstance(value, Decimal):
        # Written out, 1E+999999999 would be a gigabyte.
        return format(value, "f") if abs(value.adjusted()) < DIGITS_LIMIT else str(value)
    return str(value).strip()


def get_id(body: dict[str, Any], name: str) -> str:
    """Raises Rejected where there is none: without it the notification means nothing."""
    found = text(body.get(name))
    if not found or found == "0":
        raise Rejected(f"The notification has no {name}.", at=name)
    if len(found) > PLATFORM_ID_LIMIT or not found.isprintable():
        raise Rejected(f"{name} is no id: it has at most {PLATFORM_ID_LIMIT} printable characters.", at=name)
    return found


def child(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The object at the end of the path; empty where something on the way is missing. Raises Rejected."""
    for name in names:
        body = known_object(body.get(name), name)
    return body


def children(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = body.get(name)
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def money(value: Any) -> str | None:
    """As a decimal text. What is no amount goes on as it is, for a violation to name."""
    return text(value) or None


def amount(value: Any) -> Decimal:
    """For reckoning; 0 for what is none."""
    try:
        found = Decimal(text(value) or "0")
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() and abs(found.adjusted()) < DIGITS_LIMIT else Decimal(0)


def shop_money(body: dict[str, Any], name: str) -> str | None:
    """The amount in the shop's own currency: `<name>_set`, else the plain member, which newer payloads leave out."""
    return money(child(body, f"{name}_set", "shop_money").get("amount")) or money(body.get(name))


def unpaid_end(order_id: str, platform: str, known: dict[str, str], timestamp: str | None) -> Told:
    """An order that was given up before it was paid: as if all that counted of it had been given back."""
    properties = {"order_id": order_id, "refund_type": "full", "refund_id": f"cancelled-{order_id}"}
    message = track("refund", known, properties, timestamp)
    return Told(message, f"{platform}:cancelled:{order_id}", f"cancelled-{order_id}", ends=order_id)


def total_of(values: Iterable[Any]) -> str:
    return format(sum((amount(value) for value in values), Decimal(0)), "f")


def positive(value: Any) -> str | None:
    """The amount without its sign, as platforms write discounts below zero; None for nothing."""
    found = abs(amount(value))
    return format(found, "f") if found else None


def each(total: Any, qty: Any) -> str | None:
    """The price of one, to four places where it does not come out even."""
    try:
        price = amount(total) / amount(qty)
    except (DivisionByZero, InvalidOperation):
        return money(total)
    with localcontext(prec=4 * DIGITS_LIMIT):
        exact, short = price.quantize(Decimal("0.0001")), price.quantize(Decimal("0.01"))
    return format(short if short == exact else exact, "f")


def quantity(value: Any) -> int | str | None:
    """A whole number as one, also where it came as `2.0000`."""
    found = amount(value)
    return int(found) if found == found.to_integral_value() and text(value) else text(value) or None


def instant(value: Any) -> str | None:
    """ISO 8601; one without a zone is UTC, as the platforms keep it."""
    said = text(value)
    naive = _NAIVE.fullmatch(said)
    return f"{naive[1]}T{naive[2]}Z" if naive else said or None


def address(city: Any, zipcode: Any, country: Any, state: Any) -> dict[str, str] | None:
    code = text(country).upper()
    found = {
        "city": text(city),
        "zipcode": text(zipcode),
        "country": ALPHA_3_BY_2.get(code, code),
        "state": text(state),
    }
    return {name: value for name, value in found.items() if value} or None


def carrier_code(name: Any) -> str:
    """The contract's code of a carrier that the platform names for people; `custom` for any other."""
    slug = re.sub(r"[^a-z0-9]+", "-", text(name).lower()).strip("-")
    if slug in CARRIERS:
        return slug
    return _CARRIER_NAMES.get(slug, "custom")


def ids(*, customer: Any = None, email: Any = None, order: str = "") -> dict[str, str]:
    """`{user_id, email}` where given; 0 is a guest's. order: what later notifications know the customer by."""
    user_id = text(customer)
    found = {"user_id": "" if user_id == "0" else user_id, "email": text(email), ORDER: order}
    return {name: value for name, value in found.items() if value}


def account(
    customer_id: str, email: Any, first_name: Any, last_name: Any, changed_at: Any, joined_at: Any = None
) -> Reading:
    """joined_at: of somebody who is new, and of nobody else."""
    properties = {
        "email": text(email) or None,
        "first_name": text(first_name) or None,
        "last_name": text(last_name) or None,
        "join_date": instant(joined_at),
    }
    event = "account_update" if joined_at is None else "account_register"
    return [Told(track(event, ids(customer=customer_id, email=email), properties, instant(changed_at)))]


def line(sku: str, name: Any, price: str | None, qty: Any, cost: str | None = None) -> dict[str, Any]:
    """A line item without what is not said."""
    found = {"sku": sku, "name": text(name), "price": price, "qty": quantity(qty), "cost": cost}
    return {name: value for name, value in found.items() if value not in (None, "")}


def discounts(total: Any, codes: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """The properties that say what was taken off; what was without a code is in the sum alone."""
    found = [{"code": text(code), "value": money(value)} for code, value in codes]
    return (
        {"total_discount": money(total), "discounts": found} if found else {"total_discount": positive(total)}
    )


def context_of(ip: Any, user_agent: Any = None) -> dict[str, str]:
    """The visitor's, as far as the platform says it."""
    found = {"ip": text(ip), "user_agent": text(user_agent)}
    return {name: value for name, value in found.items() if value}


def visitor_of(attributes: Iterable[dict[str, Any]], name: str, value: str = "value") -> str | None:
    """The visitor's id among attributes that are objects of a name and a value."""
    for each_one in attributes:
        if text(each_one.get(name)).lstrip("_") == TRACKING_ID:
            return text(each_one.get(value)) or None
    return None
