"""What the calls take in their query strings: one struct a call, which is also its part of the OpenAPI document."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from werkzeug.datastructures import MultiDict

from shopalytic.errors import Rejected
from shopalytic.identity.policy import LINKS_PER_DAY
from shopalytic.reports.period import FIRST_DAY, LAST_DAY, Period, local_today

DEFAULT_DAYS = 30
MOST_EVENTS = 1000

EventName = Annotated[str, Meta(description="Only events of this name; empty: all.", max_length=255)]
Limit = Annotated[int, Meta(description="Most events in the answer.", ge=1, le=MOST_EVENTS)]
CursorText = Annotated[
    str, Meta(description="`next` of the page before; empty: the first page.", max_length=1000)
]

Query = TypeVar("Query", bound=msgspec.Struct)


class NoQuery(msgspec.Struct, frozen=True):
    """The call takes no parameters."""


class CustomerQuery(msgspec.Struct, frozen=True):
    id: Annotated[
        str,
        Meta(
            description="Any id of the customer: a tracking id, what the shop calls it, an e-mail address.",
            min_length=1,
            max_length=255,
        ),
    ]


class CustomerEventsQuery(msgspec.Struct, frozen=True):
    event: EventName = ""
    limit: Limit = 100
    cursor: CursorText = ""


class ErasureBody(msgspec.Struct, frozen=True):
    dry_run: Annotated[bool, Meta(description="Only say what it is about; nothing is changed.")] = False


DryRun = Annotated[bool, Meta(description="Only say what would move; nothing is changed.")]


class UndoBody(msgspec.Struct, frozen=True):
    link_id: Annotated[
        int, Meta(description="Of one of the customer's links, as `identity` lists them.", ge=1)
    ]
    dry_run: DryRun = False


class GivenId(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(description="`tracking_id` for a browser's.", min_length=1, max_length=64)]
    value: Annotated[str, Meta(min_length=1, max_length=255)]


class SplitBody(msgspec.Struct, frozen=True):
    ids: Annotated[
        list[GivenId],
        Meta(description="Those that become a customer of their own.", min_length=1, max_length=10_000),
    ]
    dry_run: DryRun = False


class MergeBody(msgspec.Struct, frozen=True):
    with_: Annotated[UUID, Meta(description="The customer who becomes part of this one.")] = msgspec.field(
        name="with"
    )
    dry_run: DryRun = False


class UndoDecisionBody(msgspec.Struct, frozen=True):
    dry_run: DryRun = False


class DecisionsQuery(msgspec.Struct, frozen=True):
    customer_id: (
        Annotated[UUID, Meta(description="Only decisions about this customer's ids.")] | UnsetType
    ) = UNSET
    limit: Annotated[int, Meta(description="Most decisions in the answer.", ge=1, le=MOST_EVENTS)] = 100


class TrackingBody(msgspec.Struct, frozen=True):
    dry_run: Annotated[bool, Meta(description="Only say which ids it is about; nothing is changed.")] = False


RuleLimit = Annotated[int, Meta(ge=1, le=1_000_000)] | None


class IdRuleBody(msgspec.Struct, frozen=True):
    type: Annotated[
        str, Meta(description="As ids are sent; `tracking_id` for browsers.", min_length=1, max_length=64)
    ]
    is_hard: Annotated[bool, Meta(description="False: it links nobody.")] = True
    max_per_customer: Annotated[RuleLimit, Meta(description="1: unique; null: any number.")] = None
    new_links_per_day: Annotated[RuleLimit, Meta(description="Null: any number.")] = LINKS_PER_DAY
    is_told_by_property: Annotated[
        bool, Meta(description="Of `email`: what account events and identify tell as a property is an id.")
    ] = False
    dry_run: Annotated[bool, Meta(description="Only say what it is about; nothing is changed.")] = False


class NeverBody(msgspec.Struct, frozen=True):
    type: Annotated[str, Meta(description="`tracking_id` for a browser's.", min_length=1, max_length=64)]
    value: Annotated[str, Meta(min_length=1, max_length=255)]
    dry_run: Annotated[bool, Meta(description="Only say what it would be; nothing is changed.")] = False


class RemoveNeverBody(msgspec.Struct, frozen=True):
    dry_run: Annotated[bool, Meta(description="Only say which it is; nothing is changed.")] = False


class RetentionBody(msgspec.Struct, frozen=True):
    months: Annotated[int, Meta(description="1 to 120.", ge=1, le=120)] | None
    """Null: for ever."""
    dry_run: Annotated[bool, Meta(description="Only say what would go; nothing is changed.")] = False


class PlanQuery(msgspec.Struct, frozen=True):
    version: (
        Annotated[int, Meta(description="An earlier version; else the one in force.", ge=1)] | UnsetType
    ) = UNSET


class SavePlanQuery(msgspec.Struct, frozen=True):
    based_on: (
        Annotated[
            int,
            Meta(description="Refuse where another version than this one is in force by now; 0: none.", ge=0),
        ]
        | UnsetType
    ) = UNSET
    allow_losses: Annotated[
        bool, Meta(description="Also where messages that are kept today would be refused or set aside.")
    ] = False


class EventsQuery(msgspec.Struct, frozen=True):
    event: EventName = ""
    since: (
        Annotated[
            str,
            Meta(
                description="Only events of this instant (ISO 8601 with its zone) and later.",
                extra_json_schema={"format": "date-time"},
            ),
        ]
        | UnsetType
    ) = UNSET
    limit: Limit = 100
    cursor: CursorText = ""


class ReportQuery(msgspec.Struct, frozen=True):
    start: (
        Annotated[date, Meta(description="First day, in the project's time zone; 29 days before `end`.")]
        | UnsetType
    ) = UNSET
    end: Annotated[date, Meta(description="Last day, included; today where not given.")] | UnsetType = UNSET


SANDBOX = "sandbox"


def take_sandbox(arguments: MultiDict[str, str]) -> tuple[bool, MultiDict[str, str]]:
    """Whether the sandbox's data are asked for, and the other parameters. Raises Rejected."""
    values = arguments.getlist(SANDBOX)
    if len(values) > 1:
        raise Rejected(f"The parameter {SANDBOX} is given {len(values)} times.", at=SANDBOX)
    if values and values[0] not in ("true", "false"):
        raise Rejected(f"{SANDBOX} is {values[0][:100]!r}: expected true or false.", at=SANDBOX)
    rest = MultiDict((name, value) for name, value in arguments.items(multi=True) if name != SANDBOX)
    return values == ["true"], rest


def parse_query(kind: type[Query], arguments: MultiDict[str, str]) -> Query:
    """Raises Rejected that names the parameter: an unknown one, one given twice, or one with a wrong value."""
    known = kind.__struct_fields__
    for name, values in arguments.lists():
        if name not in known:
            takes = f"this call takes {', '.join(known)}" if known else "this call takes none"
            raise Rejected(f"There is no parameter {name[:100]!r}; {takes}.", at=name[:100])
        if len(values) > 1:
            raise Rejected(f"The parameter {name} is given {len(values)} times.", at=name)
    given = arguments.to_dict()
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _explain(str(error), given) from None


def parse_body(kind: type[Query], raw: bytes) -> Query:
    """A JSON object; an empty body is an empty object. Raises Rejected that names the member."""
    try:
        members = msgspec.json.decode(raw or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Rejected(f"The body is no JSON object: {str(error)[:200]}.") from None
    for name in members:
        if name not in kind.__struct_encode_fields__:
            takes = ", ".join(kind.__struct_encode_fields__)
            raise Rejected(f"There is no member {name[:100]!r}; this call takes {takes}.", at=name[:100])
    try:
        return msgspec.convert(members, kind)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        at = place.rstrip("`") or None
        raise Rejected(f"{at or 'The body'}: {reason.replace('`', '')}.", at=at) from None


def _explain(text: str, given: dict[str, str]) -> Rejected:
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", text):
        return Rejected(f"The parameter {missing[1]} is missing.", at=missing[1])
    reason, _, place = text.partition(" - at `$.")
    name = place.rstrip("`")
    return Rejected(f"{name} is {given.get(name, '')[:100]!r}: {reason.replace('`', '')}.", at=name or None)


def parse_instant(text: str, at: str) -> datetime:
    """Aware UTC. Raises Rejected, naming the parameter `at`."""
    # A "+" of a query string arrives as a blank.
    mended = re.sub(r" (\d\d:?\d\d)$", r"+\1", text)
    try:
        instant = datetime.fromisoformat(mended)
    except ValueError:
        raise Rejected(
            f"{at} is {text[:100]!r}: expected an instant such as 2026-01-31T12:00:00Z.", at=at
        ) from None
    if instant.tzinfo is None:
        raise Rejected(f"{at} is {text[:100]!r}: it has no time zone; add Z or an offset.", at=at)
    if not FIRST_DAY <= instant.date() <= LAST_DAY:
        raise Rejected(f"{at} is {text[:100]!r}: instants are taken from {FIRST_DAY} to {LAST_DAY}.", at=at)
    return instant.astimezone(UTC)


def parse_period(query: ReportQuery, time_zone: str, now: datetime) -> Period:
    """The days asked for; where none are given, the last 30 with today. Raises Rejected."""
    last = local_today(time_zone, now) if query.end is UNSET else query.end
    try:
        first = last - timedelta(days=DEFAULT_DAYS - 1) if query.start is UNSET else query.start
        return Period.of_days(first, last, time_zone)
    except (ValueError, OverflowError) as error:
        raise Rejected(f"start and end are no period: {error}.", at="start") from None
