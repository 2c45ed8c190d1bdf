"""Ninety days of a small shop, made up from chances: nobody in it is real.

The same seed gives the same history, so that filling it in twice stores it once.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from shopalytic.demo.products import CATEGORIES, PRODUCTS, Product, shipping_of

DAYS = 90
SHOP = "https://gifts.example"

SOURCES = (
    # (weight, referrer, query)
    (30, "", ""),
    (26, "https://www.google.com/", ""),
    (6, "https://www.bing.com/", ""),
    (12, "https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=winter&gclid=demo{n}"),
    (9, "https://www.instagram.com/", ""),
    (
        6,
        "https://www.facebook.com/",
        "utm_source=facebook&utm_medium=paid_social&utm_campaign=presents&fbclid=demo{n}",
    ),
    (8, "", "utm_source=newsletter&utm_medium=email&utm_campaign=week{week}"),
    (3, "https://blog.gift-ideas.example/the-best-mugs", ""),
)
AGENTS = (
    (34, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", "390x844"),
    (22, "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "412x915"),
    (24, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "1920x1080"),
    (10, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", "1440x900"),
    (6, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0", "1536x864"),
    (4, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ""),
)  # fmt: skip


@dataclass
class Visitor:
    """One browser. account: number of the customer who is signed in, 0 for nobody."""

    tracking_id: str
    agent: str
    screen: str
    account: int = 0

    @property
    def is_bot(self) -> bool:
        return "bot" in self.agent


@dataclass
class Moment:
    """A message and the browser it came from (`user_agent` is empty for the shop's server)."""

    at: datetime
    message: dict[str, Any]
    user_agent: str = ""


@dataclass
class Shop:
    """What the history remembers while it is told."""

    chance: Random
    visitors: list[Visitor] = field(default_factory=list)
    accounts: int = 0
    orders: int = 0
    messages: int = 0


def make_history(ends_at: datetime, *, seed: int = 1, days: int = DAYS) -> list[Moment]:
    """The moments of `days` days before `ends_at` (aware UTC), ascending; about 400 a day."""
    shop = Shop(Random(seed))
    moments = [
        moment
        for day in range(days)
        for moment in _day(shop, ends_at - timedelta(days=days - day), day)
        if moment.at < ends_at
    ]
    moments.sort(key=lambda moment: moment.at)
    return moments


def _day(shop: Shop, start: datetime, day: int) -> Iterator[Moment]:
    weekend = start.weekday() >= 5
    expected = (28 + day * 0.2) * (1.25 if weekend else 1.0) * shop.chance.uniform(0.8, 1.2)
    for _ in range(round(expected)):
        hour = min(23.9, max(0.0, shop.chance.gauss(15.5, 4.5)))
        yield from _session(shop, start + timedelta(hours=hour), day)


def _session(shop: Shop, at: datetime, day: int) -> Iterator[Moment]:
    chance = shop.chance
    returning = bool(shop.visitors) and chance.random() < 0.3
    visitor = chance.choice(shop.visitors[-400:]) if returning else _new_visitor(shop)
    _, referrer, query = _weighted(chance, SOURCES)
    query = query.format(n=shop.messages, week=day // 7 + 1)
    pages = _Pages(shop, visitor, at, referrer)
    yield from pages.view(
        "/" + (f"?{query}" if query else ""), "Small things that make good presents", "home"
    )
    if visitor.account:
        yield pages.identify()
    if visitor.is_bot:
        for product in chance.sample(list(PRODUCTS.values()), 3):
            yield from pages.view(f"/product/{product.sku}", product.name, "product")
        return
    if chance.random() < 0.25:
        return
    category = chance.choice(CATEGORIES)
    yield from pages.view(f"/?category={category}", category, "category")
    cart: dict[str, int] = {}
    for product in chance.sample(list(PRODUCTS.values()), chance.randint(1, 5)):
        yield from pages.view(f"/product/{product.sku}", product.name, "product")
        yield pages.track(
            "product_view", {"sku": product.sku, "name": product.name, "price": str(product.price)}
        )
        if chance.random() < 0.24:
            cart[product.sku] = chance.choice((1, 1, 1, 2, 2, 3, 4, 6, 12))
            yield pages.track("cart_add", {"cart_id": pages.cart_id, "sku": product.sku, "price": str(product.price), "qty": cart[product.sku]})  # fmt: skip
    if cart:
        yield from _checkout(shop, pages, cart)


def _checkout(shop: Shop, pages: _Pages, cart: dict[str, int]) -> Iterator[Moment]:
    chance, visitor = shop.chance, pages.visitor
    yield from pages.view("/cart", "Cart", "cart")
    if chance.random() < 0.15:
        sku = next(iter(cart))
        cart[sku] = chance.choice((0, 1, 2))
        yield pages.track("cart_modify", {"cart_id": pages.cart_id, "sku": sku, "qty": cart[sku]})
    cart = {sku: qty for sku, qty in cart.items() if qty}
    if not cart or chance.random() < 0.4:
        return
    yield from pages.view("/checkout", "Checkout", "checkout")
    if not visitor.account and chance.random() < 0.6:
        yield from _sign_in(shop, pages)
    if chance.random() < 0.22:
        return
    order = _order(shop, pages.cart_id, cart)
    yield from pages.view(f"/thank-you/{order['order_id']}", "Thank you", "thank_you")
    yield pages.track("order", order)
    yield from _after_order(shop, pages, order)


def _sign_in(shop: Shop, pages: _Pages) -> Iterator[Moment]:
    """Somebody new registers, or somebody known signs in on a further device."""
    chance, visitor = shop.chance, pages.visitor
    if shop.accounts and chance.random() < 0.3:
        visitor.account = chance.randint(1, shop.accounts)
        yield pages.identify()
        return
    shop.accounts += 1
    visitor.account = shop.accounts
    yield pages.identify()
    yield pages.track("account_register", _person(visitor.account))


def _order(shop: Shop, cart_id: str, cart: dict[str, int]) -> dict[str, Any]:
    shop.orders += 1
    lines: list[tuple[Product, int]] = [(PRODUCTS[sku], qty) for sku, qty in cart.items()]
    subtotal = sum((product.price * qty for product, qty in lines), Decimal("0.00"))
    shipping = shipping_of(subtotal)
    return {
        "order_id": f"H{10_000 + shop.orders}",
        "cart_id": cart_id,
        "subtotal": str(subtotal),
        "total_shipping": str(shipping),
        "total": str(subtotal + shipping),
        "currency": "GBP",
        "payment_type": shop.chance.choice(("card", "card", "paypal", "invoice")),
        "line_items": [
            {"sku": item.sku, "name": item.name, "price": str(item.price), "qty": qty, "cost": str(item.cost)}
            for item, qty in lines
        ],
    }


def _after_order(shop: Shop, pages: _Pages, order: dict[str, Any]) -> Iterator[Moment]:
    """What the shop's server tells later: the parcel, and sometimes the money given back."""
    chance, order_id = shop.chance, order["order_id"]
    sent_at = pages.at + timedelta(hours=chance.uniform(6, 40))
    delivered_at = sent_at + timedelta(hours=chance.uniform(18, 90))
    parcel = {"order_id": order_id, "shipment_id": f"P{order_id}"}
    carrier = chance.choice(("royal-mail", "dpd", "dhl"))
    yield pages.server(
        sent_at, "shipment", {**parcel, "carrier": carrier, "date_shipped": int(sent_at.timestamp())}
    )
    dates = {"date_shipped": int(sent_at.timestamp()), "date_delivered": int(delivered_at.timestamp())}
    yield pages.server(delivered_at, "shipment_update", {**parcel, **dates})
    if chance.random() < 0.05:
        refund = {"order_id": order_id, "refund_type": "full"}
        if chance.random() < 0.5:
            line = order["line_items"][0]
            amount = str(Decimal(line["price"]))
            back = {"sku": line["sku"], "price": line["price"], "qty": 1}
            refund = {"order_id": order_id, "refund_type": "partial", "total_refund": amount, "subtotal_refund": amount, "line_items": [back]}  # fmt: skip
        yield pages.server(delivered_at + timedelta(days=chance.uniform(1, 6)), "refund", refund)


class _Pages:
    """One session's pages and calls; each takes some of the visitor's time."""

    def __init__(self, shop: Shop, visitor: Visitor, at: datetime, referrer: str) -> None:
        self.visitor = visitor
        self.at = at
        self.cart_id = f"cart-{shop.messages}"
        self._shop = shop
        self._referrer = referrer
        self._context: dict[str, Any] = {}

    def view(self, path: str, title: str, page_type: str) -> Iterator[Moment]:
        self.at += timedelta(seconds=self._shop.chance.uniform(4, 90))
        url = f"{SHOP}{path}"
        self._context = {"url": url, "referrer": self._referrer, "title": title, "screen": self.visitor.screen,
                         "language": "en-GB", "time_zone": "Europe/London"}  # fmt: skip
        yield self.track("page_view", {"page_type": page_type, "logged_in": bool(self.visitor.account)})
        self._referrer = url

    def track(self, event: str, properties: dict[str, Any]) -> Moment:
        self.at += timedelta(seconds=1)
        return self._moment({"event": event, "properties": properties})

    def identify(self) -> Moment:
        number = self.visitor.account
        return self._moment(
            {"type": "identify", "user_id": f"demo-history-{number}", "properties": _person(number)}
        )

    def server(self, at: datetime, event: str, properties: dict[str, Any]) -> Moment:
        """Said by the shop's server, for whoever this visitor is."""
        moment = self._moment({"event": event, "properties": properties, "source": "server"})
        del moment.message["context"]
        return Moment(at, {**moment.message, "timestamp": at.timestamp()})

    def _moment(self, message: dict[str, Any]) -> Moment:
        self._shop.messages += 1
        complete = {
            "message_id": f"demo-{self._shop.messages}",
            "tracking_id": self.visitor.tracking_id,
            "timestamp": self.at.timestamp(),
            "context": self._context,
            "source": "web",
            "library": "shopalytic demo",
            **message,
        }
        return Moment(self.at, complete, self.visitor.agent)


def _new_visitor(shop: Shop) -> Visitor:
    _, agent, screen = _weighted(shop.chance, AGENTS)
    tracking_id = str(uuid.UUID(int=shop.chance.getrandbits(128), version=4))
    visitor = Visitor(tracking_id, agent, screen)
    if not visitor.is_bot:
        shop.visitors.append(visitor)
    return visitor


def _person(number: int) -> dict[str, str]:
    return {
        "email": f"customer{number}@gifts.example",
        "first_name": "Customer",
        "last_name": f"No. {number}",
    }


def _weighted(chance: Random, choices: tuple[tuple[int, str, str], ...]) -> tuple[int, str, str]:
    return chance.choices(choices, weights=[weight for weight, _, _ in choices])[0]
