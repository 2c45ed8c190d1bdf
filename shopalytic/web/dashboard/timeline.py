"""Events as lines to read: what happened in a few words, and a customer's events by session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shopalytic.events.event import Event
from shopalytic.events.properties import event_properties, name_sent, sent_ids
from shopalytic.web.dashboard.formats import local, money, plain

LABELS = {
    "account_register": "Registered",
    "account_update": "Account changed",
    "cart_add": "Added to cart",
    "cart_modify": "Cart changed",
    "order": "Order",
    "refund": "Refund",
    "shipment": "Shipment",
    "shipment_update": "Shipment changed",
    "product_view": "Product viewed",
    "page_view": "Page viewed",
    "session_start": "Session started",
    "session_end": "Session ended",
    "installation": "First visit",
    "identify": "Identified",
    "alias": "Another id",
    "search": "Search",
    "checkout": "Checkout",
    "payment": "Payment",
}
ICONS = {
    "account_register": "person",
    "account_update": "person",
    "cart_add": "cart",
    "cart_modify": "cart",
    "checkout": "cart",
    "payment": "card",
    "order": "bag",
    "refund": "back",
    "shipment": "truck",
    "shipment_update": "truck",
    "product_view": "tag",
    "page_view": "page",
    "search": "search",
    "identify": "person",
    "alias": "person",
}
CODE_LENGTH = 6
SUMMARY_LENGTH = 140


@dataclass(frozen=True)
class Line:
    """One event. at: in the project's zone. day: to be shown beside the time, empty where it goes without saying.
    facts: (name, value) of its context, what is empty left out."""

    event: Event
    at: datetime
    day: str
    label: str
    icon: str
    summary: str
    who: str
    is_named: bool
    properties: list[tuple[str, str]]
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Session:
    """One session's lines, newest first. is_cut: there may be older ones of it on the next page."""

    session_id: str
    lines: list[Line]
    is_cut: bool

    @property
    def began(self) -> datetime:
        return self.lines[-1].at

    @property
    def ended(self) -> datetime:
        return self.lines[0].at

    @property
    def first(self) -> Event:
        return self.lines[-1].event

    @property
    def setting(self) -> str:
        """`Firefox on Windows, desktop, DE`; empty for events that no browser sent."""
        event = self.first
        where = " on ".join(part for part in (event.browser, event.os) if part)
        return ", ".join(part for part in (where, event.device, event.country) if part)

    @property
    def origin(self) -> str:
        """How the visitor came: by the campaign, the referring site, or the channel. Empty where nothing tells."""
        event = self.first
        campaign = " / ".join(part for part in (event.utm_source, event.utm_campaign) if part)
        if not campaign and not event.referrer_domain and event.channel == "direct":
            return "came directly"
        came_by = campaign or event.referrer_domain or event.channel
        return f"via {came_by}" if came_by else ""


def make_lines(
    events: Iterable[Event],
    time_zone: str,
    currency: str,
    *,
    names: Mapping[UUID, str] | None = None,
    today: date | None = None,
) -> list[Line]:
    """names: what those customers are called of whom more is known than the event says. today: in the project's
    zone; events of other days then carry their day."""
    return [make_line(event, time_zone, currency, names or {}, today) for event in events]


def make_line(
    event: Event, time_zone: str, currency: str, names: Mapping[UUID, str], today: date | None
) -> Line:
    at = local(event.occurred_at, time_zone)
    name = names.get(UUID(event.customer_id))
    return Line(
        event=event,
        at=at,
        day="" if today is None or at.date() == today else f"{at.day} {at:%b}",
        label=LABELS.get(event.event, event.event),
        icon=ICONS.get(event.event, "dot"),
        summary=summarise(event, currency)[:SUMMARY_LENGTH],
        who=name or name_of(event.user_ids, event.tracking_id),
        is_named=bool(name or event.user_ids),
        properties=[(name, plain(value)) for name, value in event_properties(event).items()],
        facts=list(_facts(event)),
    )


def split_by_session(lines: Sequence[Line], *, has_more: bool) -> list[Session]:
    """Sessions by their newest line, newest first. Lines without a session id are together where they follow
    one another.

    lines: newest first. has_more: there are older ones, so that each session may go on there.
    """
    groups: dict[str, list[Line]] = {}
    previous = ""
    for line in lines:
        key = line.event.session_id
        if not key:
            key = previous if previous.startswith("\0") else f"\0{line.event.message_id}"
        groups.setdefault(key, []).append(line)
        previous = key
    oldest = lines[-1] if lines else None
    return [
        Session(group[0].event.session_id, group, is_cut=has_more and oldest in group)
        for group in groups.values()
    ]


def summarise(event: Event, currency: str) -> str:
    """The one thing worth knowing of an event."""
    match event.event:
        case "order" | "refund":
            amount = event.total or event.properties.get("total_refund")
            shown = _money(amount, event.currency or currency)
            return " · ".join(
                part for part in (f"№ {event.order_id}" if event.order_id else "", shown) if part
            )
        case "product_view" | "cart_add" | "cart_modify":
            name = event.product_name or event.sku
            many = f"{event.qty} × " if event.qty is not None else ""
            return " · ".join(
                part for part in (f"{many}{name}", _money(event.price, event.currency or currency)) if part
            )
        case "shipment" | "shipment_update":
            return " · ".join(part for part in (f"№ {event.order_id}", event.carrier) if part)
        case "identify" | "alias":
            return "as " + ", ".join(event.user_ids.values()) if event.user_ids else ""
        case "page_view":
            return event.title or event.path or event.url
    words = [event.title or event.path, *(plain(value) for value in event.properties.values())]
    return next((word for word in words if word), "")


def name_of(user_ids: dict[str, str], tracking_id: str) -> str:
    """What to call somebody of whom only ids are known."""
    if user_ids:
        return user_ids.get("email") or next(iter(user_ids.values()))
    return visitor_name(tracking_id)


def visitor_name(tracking_id: str) -> str:
    """The end of the id: the beginnings of ids made at the same time are alike."""
    if tracking_id.startswith("anonymised-"):
        return f"Anonymised {tracking_id[-CODE_LENGTH:]}"
    return f"Visitor {tracking_id[-CODE_LENGTH:]}" if tracking_id else "Nobody known"


def customer_name(properties: dict[str, Any], ids: Iterable[tuple[str, str]]) -> str:
    """What to call a customer: by name, e-mail address, another id, at last as a visitor. ids: (type, value)."""
    full = " ".join(
        word.strip()
        for word in (properties.get("first_name"), properties.get("last_name"))
        if isinstance(word, str) and word.strip()
    )
    for candidate in (full, properties.get("name"), properties.get("email")):
        if isinstance(candidate, str) and candidate.strip():
            return candidate.strip()
    known = dict(reversed(list(ids)))
    visitor = known.pop("tracking_id", "")
    return name_of(dict(reversed(list(known.items()))), visitor)


def _money(amount: Any, currency: str) -> str:
    try:
        return money(amount, currency) if amount is not None else ""
    except (ArithmeticError, TypeError, ValueError):  # what came in its place, of any type
        return plain(amount)


def _facts(event: Event) -> Iterable[tuple[str, str]]:
    campaign = " / ".join(part for part in (event.utm_source, event.utm_medium, event.utm_campaign) if part)
    browser = f"{event.browser} {event.browser_version}".strip()
    system = f"{event.os} {event.os_version}".strip()
    facts = (
        ("Sent as", name_sent(event)),
        ("Page", event.url),
        ("Title", event.title),
        ("Referrer", event.referrer),
        ("Channel", event.channel),
        ("Campaign", campaign),
        ("Browser", browser),
        ("System", system),
        ("Device", event.device),
        ("Screen", event.screen),
        ("Language", event.language),
        ("Country", event.country),
        ("Network address", event.ip),
        ("Ids", ", ".join(f"{kind} {value}" for kind, value in sent_ids(event).items())),
        ("Tracking id", event.tracking_id),
        ("Message id", event.message_id),
        ("Received", f"{event.received_at[:19]} UTC"),
        ("Came through", " · ".join(part for part in (event.door, event.source, event.library) if part)),
    )
    return ((name, value) for name, value in facts if value)
