"""An accepted fact: one row of the event table, and the two other ends that a message can come to."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

NIL = "00000000-0000-0000-0000-000000000000"


class Event(msgspec.Struct, kw_only=True):
    """One accepted fact. The fields are the columns of the store's `events` table, named and ordered alike.

    Times are UTC texts as `2026-01-31 12:00:00.123`; money and quantities are decimal texts, None where the
    message had none or an unusable one (which is then a violation). Steps change it in place.
    """

    project_id: int
    event: str
    occurred_at: str
    received_at: str
    stored_at: str
    message_id: str
    door: str = "native"
    source: str = ""
    library: str = ""

    origin_id: str = NIL
    """UUIDv5 of the id that the row came under: its hard id where it has one, else its tracking id."""
    customer_id: str = NIL
    """Whose it was when it was stored. Reports read through the overrides, which may say otherwise since."""
    tracking_id: str = ""
    user_ids: dict[str, str] = {}
    session_id: str = ""

    url: str = ""
    path: str = ""
    title: str = ""
    page_type: str = ""
    referrer: str = ""
    referrer_domain: str = ""
    channel: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    click_id_type: str = ""
    click_id: str = ""

    device: str = ""
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    os_version: str = ""
    is_bot: bool = False
    language: str = ""
    time_zone: str = ""
    screen: str = ""
    country: str = ""
    ip: str = ""
    """The visitor's network address; only where the project stores it."""

    order_id: str = ""
    cart_id: str = ""
    refund_type: str = ""
    shipment_id: str = ""
    carrier: str = ""
    sku: str = ""
    product_name: str = ""
    qty: int | None = None
    price: str | None = None
    currency: str = ""
    total: str | None = None
    subtotal: str | None = None
    total_tax: str | None = None
    total_shipping: str | None = None
    total_discount: str | None = None
    line_skus: list[str] = msgspec.field(name="line_items.sku", default_factory=list)
    line_names: list[str] = msgspec.field(name="line_items.name", default_factory=list)
    line_qtys: list[int] = msgspec.field(name="line_items.qty", default_factory=list)
    line_prices: list[str] = msgspec.field(name="line_items.price", default_factory=list)
    line_costs: list[str | None] = msgspec.field(name="line_items.cost", default_factory=list)

    properties: dict[str, Any] = {}
    violations: list[str] = []
    """Texts `kind:property`, such as `not_a_decimal:total`."""


class DropReason(enum.StrEnum):
    """Why a message is not stored though nothing is wrong with it. The list is closed and documented."""

    ORDER_KNOWN = "order_known"
    REFUSED_BY_PLAN = "refused_by_plan"
    ERASED = "erased"
    """It was in quarantine, and its person was anonymised or forgotten."""
    NOT_TRACKED = "not_tracked"
    """Its person is tracked no more. Nothing of it is kept."""
    EXPIRED = "expired"
    """It lay in quarantine for longer than the project keeps events."""


class QuarantineReason(enum.StrEnum):
    """Why a message waits to be mended. The list is closed and documented."""

    NOT_READABLE = "not_readable"
    NO_EVENT_NAME = "no_event_name"
    NO_ID = "no_id"
    FORBIDDEN_ID = "forbidden_id"
    BAD_TIMESTAMP = "bad_timestamp"
    EMAIL_IN_USE = "email_in_use"
    STORE_REFUSED = "store_refused"
    PIPELINE_FAILED = "pipeline_failed"
    AGAINST_PLAN = "against_plan"


class Drop(msgspec.Struct, frozen=True):
    """The message ends here, counted under its reason, and no row of it is stored as an event.

    Where `violations` (`kind:property`, as an Event's) or `detail` (one short sentence about this message) say something,
    the batch also writes them once to the store's table `dropped`, which the violations view shows beside the kept
    events. A repeat of the batch must come to the same: what it writes then is not stored a second time.
    """

    reason: DropReason
    violations: tuple[str, ...] = ()
    detail: str = ""

    @property
    def tells(self) -> bool:
        return bool(self.violations or self.detail)


class Duplicate(msgspec.Struct, frozen=True):
    """The message was stored before under the same message id."""


class Quarantine(msgspec.Struct, frozen=True):
    """The message is kept whole, apart from the events, with what was wrong (`detail`, one sentence)."""

    reason: QuarantineReason
    detail: str


Outcome = Event | Drop | Duplicate | Quarantine
