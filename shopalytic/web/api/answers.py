"""What the calls answer: these structs are encoded as they are, and described in the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from shopalytic.events.plan import Plan
from shopalytic.events.value_types import ValueType

Row = TypeVar("Row")
Totals = TypeVar("Totals")

Instant = Annotated[str, Meta(description="ISO 8601, UTC.", extra_json_schema={"format": "date-time"})]
Money = Annotated[Decimal, Meta(description="In the project's currency, with its decimals.")]


class ErrorBody(msgspec.Struct, frozen=True):
    code: Annotated[str, Meta(description="Stable name of the error, for programs.")]
    message: Annotated[str, Meta(description="What was wrong, for people.")]
    at: Annotated[str | None, Meta(description="The parameter that it is about, if any.")] = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    error: ErrorBody


class CountersAnswer(msgspec.Struct, frozen=True):
    """Messages since the project began. `accepted` is the sum of all the others."""

    accepted: int
    stored: int
    duplicate: int
    dropped: Annotated[dict[str, int], Meta(description="By reason.")]
    quarantined: int
    waiting: int


class CustomerId(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(description="`tracking_id`, `user_id`, or as the client named it.")]
    value: str
    since: Annotated[Instant | None, Meta(description="When it was said that the id is this customer's.")]


class CustomerAnswer(msgspec.Struct, frozen=True):
    customer_id: UUID
    ids: list[CustomerId]
    properties: Annotated[dict[str, Any], Meta(description="What was last said about the customer.")]
    first_seen: Annotated[Instant | None, Meta(description="Null where the customer has no events.")]
    last_seen: Annotated[Instant | None, Meta(description="Null where the customer has no events.")]
    orders: int
    revenue: Money


class PropertyValue(msgspec.Struct, frozen=True):
    """One value that the property had, from one message on until another said otherwise."""

    value: Any
    type: ValueType
    since: Annotated[Instant, Meta(description="When it was said first.")]
    last_said: Instant
    times: Annotated[int, Meta(description="How often it was said.")]
    event: Annotated[str, Meta(description="What said it first.")]
    message_id: str
    url: Annotated[str, Meta(description="The page; empty where a server said it.")]
    door: str
    said_of: Annotated[str, Meta(description="The id that it was said of, as `type value`.")]


class PropertyAnswer(msgspec.Struct, frozen=True):
    customer_id: UUID
    name: str
    value: Annotated[Any, Meta(description="What was last said; null where nothing is in force.")]
    type: ValueType
    values: Annotated[list[PropertyValue], Meta(description="Newest first, as far as events are kept.")]
    is_cut: Annotated[bool, Meta(description="Older values are left out: it was said thousands of times.")]


class PlanAnswer(msgspec.Struct, frozen=True):
    """The tracking plan; docs/tracking-plan.md describes its members."""

    version: Annotated[int, Meta(description="0 where none was ever saved.")]
    saved_at: Instant | None
    saved_by: Annotated[str | None, Meta(description="A user's e-mail address, or what else it was.")]
    plan: Plan


class Moves(msgspec.Struct, frozen=True):
    """What a change of a customer is about."""

    events: int
    orders: int
    revenue: Money


class ErasureAnswer(msgspec.Struct, frozen=True):
    moves: Annotated[Moves, Meta(description="Anonymised: they stay and count. Forgotten: they go.")]
    customers: Annotated[list[UUID], Meta(description="Customers after it: none.")]
    erasure_id: Annotated[
        UUID | None, Meta(description="By which its progress is asked; null for a dry run.")
    ]
    dry_run: bool
    done: Annotated[bool, Meta(description="It was done before.")]
    repeated: Annotated[bool, Meta(description="It was asked for before; nothing new was begun.")]


Limit = Annotated[int | None, Meta(description="Null: no limit.")]


class IdTypeAnswer(msgspec.Struct, frozen=True):
    """A type of ids, and what the project says of it today."""

    type: Annotated[str, Meta(description="`tracking_id` for browsers.")]
    ids: int
    is_hard: Annotated[bool, Meta(description="False: it is kept with what came with it, and links nobody.")]
    max_per_customer: Annotated[Limit, Meta(description="1: unique.")]
    new_links_per_day: Annotated[
        Limit, Meta(description="How many others an id is linked with in a day before further ones wait.")
    ]
    is_told_by_property: Annotated[
        bool, Meta(description="Of `email`: what account events and identify tell as a property is an id.")
    ]


class IdRuleAnswer(msgspec.Struct, frozen=True):
    """What was said of a type."""

    type: str
    is_hard: bool
    max_per_customer: Limit
    new_links_per_day: Limit
    is_told_by_property: bool
    from_at: Annotated[Instant, Meta(description="The limits count for what happened from then on.")]
    links_from_at: Annotated[Instant, Meta(description="The rest counts for what is received from then on.")]
    set_by: Annotated[str, Meta(description="`user:<number>` or `key:<number>`.")]


class IdRulesAnswer(msgspec.Struct, frozen=True):
    types: list[IdTypeAnswer]
    history: Annotated[list[IdRuleAnswer], Meta(description="What was ever said, newest first.")]


class SavedIdRuleAnswer(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(description="As the ledger has it.")]
    changes: Annotated[bool, Meta(description="False: it was so before, and nothing is saved.")]
    from_at: Annotated[Instant | None, Meta(description="The limits count for what happened from then on.")]
    links_from_at: Annotated[
        Instant | None, Meta(description="The rest counts for what is received from then on.")
    ]
    customers_over: Annotated[
        int, Meta(description="Who have more ids than `max_per_customer` today, and keep them.")
    ]
    dry_run: bool


class NeverIdAnswer(msgspec.Struct, frozen=True):
    """An id that identifies nobody, in messages received from `effective_at` on and before `ends_at`."""

    never_id: Annotated[
        int | None, Meta(description="By which it is taken off the list; null for a dry run.")
    ]
    type: str
    value: Annotated[str | None, Meta(description="Null where the person whose id it was has been erased.")]
    set_at: Instant
    set_by: Annotated[str, Meta(description="`user:<number>` or `key:<number>`.")]
    effective_at: Instant
    removed_at: Instant | None
    ends_at: Instant | None
    dry_run: bool = False


class NeverIdsAnswer(msgspec.Struct, frozen=True):
    never_ids: Annotated[
        list[NeverIdAnswer], Meta(description="All that were ever on the list, newest first.")
    ]


class ErasureRecord(msgspec.Struct, frozen=True):
    """An anonymisation or a forgetting. It says nothing of who it was."""

    erasure_id: UUID
    kind: Annotated[str, Meta(description="`anonymise` or `forget`.")]
    asked_at: Instant
    asked_by: Annotated[str, Meta(description="`user:<number>`, `key:<number>` or `command`.")]
    step: Annotated[str, Meta(description="What comes next; `done` at the end.")]
    done_at: Instant | None
    moves: Annotated[Moves, Meta(description="As it was when it was asked for.")]
    properties: Annotated[int, Meta(description="Properties of the customer that were deleted.")]
    set_aside: Annotated[int, Meta(description="Messages in quarantine that were deleted.")]


class ErasuresAnswer(msgspec.Struct, frozen=True):
    erasures: list[ErasureRecord]


class DecisionAnswer(msgspec.Struct, frozen=True):
    """What a decision about customers did, or would do."""

    moves: Annotated[Moves, Meta(description="What is stored by now and is another customer's afterwards.")]
    customers: Annotated[
        list[UUID],
        Meta(description="Whose the ids are afterwards; first the customer asked about, if it is there."),
    ]
    decision_id: Annotated[UUID | None, Meta(description="By which it is taken back; null for a dry run.")]
    dry_run: bool


class DecisionEntry(msgspec.Struct, frozen=True):
    """One entry that a decision put into the ledger: whom it is between."""

    kind: Annotated[str, Meta(description="`merge` or `undo`.")]
    tracking_id: str
    type: str
    value: str
    other_type: str
    other_value: str


class DecisionRecord(msgspec.Struct, frozen=True):
    """A decision that was made."""

    decision_id: UUID
    kind: Annotated[str, Meta(description="`undo`, `split` or `merge`.")]
    at: Instant
    by: Annotated[str, Meta(description="`user:<id>` of the dashboard, or `key:<id>`.")]
    door: Annotated[str, Meta(description="`dashboard` or `api`.")]
    entries: list[DecisionEntry]
    takes_back: Annotated[UUID | None, Meta(description="The decision that this one takes back.")]
    undone_by: Annotated[
        UUID | None, Meta(description="The decision that took this one back, if that stands.")
    ]


class DecisionsAnswer(msgspec.Struct, frozen=True):
    decisions: Annotated[list[DecisionRecord], Meta(description="Newest first.")]


class StoppedIdAnswer(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(description="`tracking_id` for a browser's.")]
    value: str


class TrackingAnswer(msgspec.Struct, frozen=True):
    """What stopping to track a customer, or resuming it, changes."""

    ids: Annotated[list[StoppedIdAnswer], Meta(description="Whose state changes; none: it was so before.")]
    shared: Annotated[list[str], Meta(description="Browsers that others use too; they are never stopped.")]
    effective_at: Annotated[
        Instant | None, Meta(description="Counts for messages received from then on; null: nothing changes.")
    ]
    stop_id: Annotated[UUID | None, Meta(description="By which it stands in the list of stops.")]
    dry_run: bool


class StopRecordAnswer(msgspec.Struct, frozen=True):
    """A person who is tracked no more. It says nothing of who it is."""

    stop_id: UUID
    asked_at: Instant
    asked_by: Annotated[str, Meta(description="`user:<number>`, `key:<number>` or `command`.")]
    effective_at: Instant
    ids: Annotated[int, Meta(description="How many ids it is about.")]
    resumed: Annotated[int, Meta(description="How many of them are tracked again.")]


class StopsAnswer(msgspec.Struct, frozen=True):
    stops: Annotated[list[StopRecordAnswer], Meta(description="Newest first.")]


class RetentionAnswer(msgspec.Struct, frozen=True):
    """How long events are kept, and what is deleted by it now."""

    months: Annotated[int | None, Meta(description="Null: for ever.")]
    set_at: Annotated[
        Instant | None, Meta(description="When it was last changed; deleting begins a day later.")
    ]
    before: Annotated[Instant | None, Meta(description="What happened earlier is deleted; null: nothing.")]
    events: Annotated[int, Meta(description="Events that are still there and go.")]
    orders: Annotated[int, Meta(description="Orders among them.")]
    oldest: Annotated[Instant | None, Meta(description="The first of them.")]
    deleted_before: Annotated[Instant | None, Meta(description="What happened earlier was deleted already.")]
    dry_run: bool


class EventAnswer(msgspec.Struct, frozen=True):
    """One event; an empty text means not known."""

    event: str
    message_id: str
    occurred_at: Instant
    received_at: Instant
    customer_id: Annotated[UUID, Meta(description="Whose it is today.")]
    tracking_id: str
    user_ids: Annotated[dict[str, str], Meta(description="The ids that came with it, by type.")]
    session_id: str
    properties: Annotated[dict[str, Any], Meta(description="As the client sent them.")]
    url: str
    referrer: str
    channel: str
    device: str
    browser: str
    os: str
    country: str
    ip: Annotated[str, Meta(description="The network address; only where the project stores it.")]
    is_bot: bool
    source: str
    library: str
    door: Annotated[str, Meta(description="The protocol that it came by.")]
    violations: Annotated[list[str], Meta(description="What was not as the catalogue of events says.")]
    event_sent: Annotated[
        str, Meta(description="The event's name in the client's protocol, where a door gave it another.")
    ]


class EventsAnswer(msgspec.Struct, frozen=True):
    events: Annotated[list[EventAnswer], Meta(description="Newest first.")]
    next: Annotated[str | None, Meta(description="Cursor of the next page; null at the end.")]


class PeriodAnswer(msgspec.Struct, frozen=True):
    start: Annotated[date, Meta(description="First day.")]
    end: Annotated[date, Meta(description="Last day, included.")]
    start_at: Annotated[Instant, Meta(description="When the first day began.")]
    end_at: Annotated[Instant, Meta(description="When the last day ended; not included.")]


class Column(msgspec.Struct, frozen=True):
    name: str
    type: Annotated[str, Meta(description="`day`, `count`, `money` (a text), `rate` (0 to 1) or `text`.")]
    description: str


class ReportAnswer(msgspec.Struct, Generic[Row, Totals], frozen=True):
    name: str
    period: PeriodAnswer
    time_zone: str
    currency: str
    columns: list[Column]
    rows: list[Row]
    totals: Totals


class LinkAnswer(msgspec.Struct, frozen=True):
    """One entry of the ledger."""

    link_id: int
    type: str
    value: str
    since: Instant
    cause: Annotated[str, Meta(description="What made it: `identify`, `alias`, `track`, `import`, …")]
    message_id: str
    active: Annotated[bool, Meta(description="False for an entry that was struck.")]


class IdentityAnswer(msgspec.Struct, frozen=True):
    customer_id: UUID
    links: list[LinkAnswer]
    sentences: Annotated[list[str], Meta(description="The same in plain words.")]


class ExportedProperty(msgspec.Struct, frozen=True):
    name: str
    value: Any
    since: Instant
    said_of: Annotated[str, Meta(description="The id that it was said of, as `type value`.")]


class ExportedLink(msgspec.Struct, frozen=True):
    since: Instant
    sentence: str
    active: bool


class ExportAnswer(msgspec.Struct, frozen=True):
    """All that is known of a customer."""

    exported_at: Instant
    customer_id: UUID
    ids: list[CustomerId]
    why_one_person: list[ExportedLink]
    properties: list[ExportedProperty]
    refused_links: Annotated[list[dict[str, Any]], Meta(description="What the rules did not do.")]
    means_nobody: Annotated[
        list[CustomerId], Meta(description="Of the ids those that the shop had mean nobody, since when.")
    ]
    events: Annotated[list[EventAnswer], Meta(description="Oldest first; orders are among them.")]
    set_aside: Annotated[list[Any], Meta(description="The customer's messages in quarantine, as they came.")]


def format_instant(instant: datetime) -> str:
    """`2026-01-31T12:00:00.123Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_store_instant(text: str) -> str:
    """The store's `2026-01-31 12:00:00.123`, which is UTC, as ISO 8601."""
    return text.replace(" ", "T") + "Z"
