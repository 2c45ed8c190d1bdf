"""SQLAlchemy models. Instants are aware UTC in Python and naive UTC in the database (SQLite knows no zones)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import BigInteger, Integer, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out. A naive value is an error: nobody knows what it means."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


BigKey = BigInteger().with_variant(Integer, "sqlite")
"""SQLite makes rising keys by itself only for INTEGER."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, UUID: Uuid, dict[str, Any]: JSON, list[str]: JSON}


class Project(Base):
    """One shop. Money in its reports is in `currency` (ISO 4217), days are days of `time_zone` (IANA)."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    origins: Mapped[list[str]] = mapped_column(default=list)
    """Origins that may send with the token, such as `https://shop.example`; empty: any."""
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    plan_id: Mapped[int] = mapped_column(default=0, server_default="0")
    """The version of the tracking plan that messages received from now on are judged by; 0: none."""
    retention_months: Mapped[int | None]
    """Events are deleted once their whole month lies so many months back; None: never."""
    retention_set_at: Mapped[datetime | None]
    events_deleted_before: Mapped[datetime | None]
    """Whatever happened earlier was deleted by that, once at least."""
    keeps_addresses: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Network addresses are stored with events that are received from now on."""


class PlanVersion(Base):
    """One version of a project's tracking plan. A row is never changed: the messages received under it carry its id,
    and a batch that is repeated must judge them the same.
    """

    __tablename__ = "plan_version"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    version: Mapped[int]
    """1, 2, … of the project."""
    saved_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    saved_by: Mapped[str] = mapped_column(String(254))
    """A user's e-mail address, or `command line`, `API`."""
    plan: Mapped[str] = mapped_column(Text)
    """The JSON file."""

    __table_args__ = (UniqueConstraint("project_id", "version"), {"sqlite_autoincrement": True})


class Key(Base):
    """A project's token or hook key (kept readable: each may only write), or secret key (only its SHA-256 is kept)."""

    __tablename__ = "key"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """`token`, `secret` or `hook`."""
    value: Mapped[str] = mapped_column(String(64), unique=True)
    """The token or hook key itself, or the secret key's SHA-256 in hexadecimal."""
    hint: Mapped[str] = mapped_column(String(16), default="")
    """The first characters, to tell secret keys apart in a list."""
    signing_secret: Mapped[str | None] = mapped_column(String(255))
    """Of a hook key: what the platform signs its webhooks with. Readable, since a signature is checked with it."""
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class User(Base):
    """Someone who signs in to the dashboard."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """Trimmed and in lower case."""
    password_hash: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    signed_in_at: Mapped[datetime | None]


class Member(Base):
    """A user's place in a project: `owner` or `member`. Who has none sees nothing of it."""

    __tablename__ = "member"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(8), default="owner")


IS_DECIDED = "kind IN ('merge', 'undo')"
"""Of entries of the ledger that somebody decided; a query finds its index by these very words."""


class Link(Base):
    """One entry of the ledger: what a message said about who is who, or what somebody decided. Only `active` is ever
    changed.

    kind: `identify` (the visitor is the customer of the id), `track` (an event carried both; only the earliest of
    each pair counts), `alias` (the id is a further one of whoever has the other id, or else the visitor is, at that
    time), `same` (id and other came in one message), `seen` (the id was first seen then, without a visitor).
    Decided by somebody: `merge` (they are one person), `undo` (what was said of them till then, or `target`, counts
    for nothing); the entries of one decision share their message id.
    """

    __tablename__ = "link"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))
    tracking_id: Mapped[str] = mapped_column(String(255), default="")
    id_type: Mapped[str] = mapped_column(String(64))
    id_value: Mapped[str] = mapped_column(String(255))
    other_type: Mapped[str] = mapped_column(String(64), default="")
    other_value: Mapped[str] = mapped_column(String(255), default="")
    occurred_at: Mapped[datetime]
    message_id: Mapped[str] = mapped_column(String(64))
    cause: Mapped[str] = mapped_column(String(32))
    """What made it: `identify`, `alias`, an event's name, … or `user:<id>` for one made in the dashboard."""
    door: Mapped[str] = mapped_column(String(16), default="native")
    url: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    active: Mapped[bool] = mapped_column(default=True)
    decided_by: Mapped[str] = mapped_column(String(32), default="", server_default="")
    """`user:<id>` of the dashboard, `key:<id>` of an API call; empty for what a message said."""
    target: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """Of an `undo`, the decision that it takes back; empty: all that was said of its ids till then."""

    __table_args__ = (
        # Named by hand: the conventional name is longer than PostgreSQL's 63 bytes.
        UniqueConstraint(
            "project_id",
            "message_id",
            "kind",
            "tracking_id",
            "id_type",
            "id_value",
            "other_type",
            "other_value",
            name="uq_link_message",
        ),
        Index("ix_link_tracking_id", "project_id", "tracking_id", "occurred_at"),
        Index("ix_link_id", "project_id", "id_type", "id_value"),
        Index("ix_link_other", "project_id", "other_type", "other_value"),
        # Few among millions; lists of them would read all the others.
        Index(
            "ix_link_decided",
            "project_id",
            "occurred_at",
            sqlite_where=text(IS_DECIDED),
            postgresql_where=text(IS_DECIDED),
        ),
    )


class Identity(Base):
    """Derived from the ledger: whose an id is, from an instant on. Can be made anew from `link` at any time."""

    __tablename__ = "identity"

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    """`tracking_id` for a visitor's, else the hard id's type; `user_id` where the client named none."""
    id_value: Mapped[str] = mapped_column(String(255), primary_key=True)
    from_at: Mapped[datetime] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    since: Mapped[datetime]
    """When the link that made it so was said; `from_at` may be earlier, since the past moves too."""

    __table_args__ = (
        Index("ix_identity_customer_id", "project_id", "customer_id"),
        Index("ix_identity_value", "project_id", "id_value"),
    )


class Override(Base):
    """A timeline that rows stored earlier must be read through; sent to the store, then `sent_at` is set.

    Written in the transaction that changes `identity`, so that a crash before the sending loses nothing.
    """

    __tablename__ = "override"

    version: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    origin_id: Mapped[UUID]
    timeline: Mapped[Any] = mapped_column(JSON)
    """List of [UTC text `2026-01-31 12:00:00.123`, customer id], ascending."""
    sent_at: Mapped[datetime | None]
    fold_round_id: Mapped[int | None] = mapped_column(BigKey)
    """The round that folds it into the rows; of an empty timeline, the one that took the origin's override out."""

    # The store keeps the highest version: one that were given out again after a clean-up would be ignored there.
    __table_args__ = (
        Index("ix_override_sent_at", "sent_at"),
        Index("ix_override_origin_id", "project_id", "origin_id"),
        Index("ix_override_fold_round_id", "fold_round_id"),
        {"sqlite_autoincrement": True},
    )


class FoldRound(Base):
    """Overrides that are folded into the rows together, and how far that is: see `pipeline.fold`."""

    __tablename__ = "fold_round"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    begun_at: Mapped[datetime]
    ends: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    """[partition, its newest waiting message] after the round's overrides were chosen."""
    months: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    """Partitions of the event table that are still to be looked at; None: not known yet."""
    folded: Mapped[int] = mapped_column(default=0)
    """Overrides taken out so far."""
    done_at: Mapped[datetime | None]

    __table_args__ = ({"sqlite_autoincrement": True},)


class Conflict(Base):
    """A link that a message asked for and the rules refused, with the reason. Derived from the ledger, but for what
    somebody decided of it, which stays as long as the rules refuse it.
    """

    __tablename__ = "conflict"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    message_id: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(8))
    id_type: Mapped[str] = mapped_column(String(64))
    id_value: Mapped[str] = mapped_column(String(255))
    tracking_id: Mapped[str] = mapped_column(String(255), default="")
    other_type: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """With `other_value` the id that it was to be linked with, where that is not the visitor."""
    other_value: Mapped[str] = mapped_column(String(255), default="", server_default="")
    reason: Mapped[str] = mapped_column(String(32))
    occurred_at: Mapped[datetime]
    owner_id: Mapped[UUID | None]
    """Whose the id is, as the ledger says now."""
    asked_id: Mapped[UUID | None]
    """Who was said to have it too."""
    decision: Mapped[str] = mapped_column(String(8), default="", server_default="")
    """`left`, or `never`: the id shall identify nobody from then on. Empty: nobody has decided yet."""
    decided_by: Mapped[str] = mapped_column(String(32), default="", server_default="")
    decided_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint(
            "project_id", "message_id", "kind", "id_type", "id_value", name="uq_conflict_message"
        ),
        Index("ix_conflict_id", "project_id", "id_type", "id_value"),
        Index("ix_conflict_decision", "project_id", "decision"),
    )


class IdentityCheck(Base):
    """One rebuilding of a project's customers from its ledger, compared with what is kept and what reports read.

    Nobody's ids stand here: samples name origins and customers by their UUIDs, and go where a person is erased.
    """

    __tablename__ = "identity_check"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    done_at: Mapped[datetime | None]
    asked_by: Mapped[str] = mapped_column(String(32))
    """`schedule`, `user:<id>` of the dashboard, `key:<id>` of an API call, or `command`."""
    mends: Mapped[bool] = mapped_column(default=False)
    """What differs is made to say what the ledger says."""
    step: Mapped[str] = mapped_column(String(16))
    """The one that comes next, of `audit.run.STEPS`; `done` at the end."""
    plan: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """How far the step is; empty once it is done."""
    turn: Mapped[int] = mapped_column(default=0)
    """Rises whenever a worker takes it: one that was overtaken finds its turn over."""
    held_until: Mapped[datetime | None]
    """Until then somebody works on it, or a job for it waits."""
    customers: Mapped[int] = mapped_column(default=0)
    entries: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(BigInteger, default=0)
    differences: Mapped[int] = mapped_column(default=0)
    mended: Mapped[int] = mapped_column(default=0)
    samples: Mapped[list[Any]] = mapped_column(JSON, default=list)

    __table_args__ = (
        Index("ix_identity_check_project_id_started_at", "project_id", "started_at"),
        Index("ix_identity_check_done_at", "done_at"),
        {"sqlite_autoincrement": True},
    )


class Trait(Base):
    """One property of whoever an id is; the newest by event time. A customer's are those of all its ids."""

    __tablename__ = "trait"

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    id_value: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    search: Mapped[str] = mapped_column(String(255), default="")
    """Lower-case text of an e-mail or a name, for look-ups; empty for all else."""
    occurred_at: Mapped[datetime]
    message_id: Mapped[str] = mapped_column(String(64))
    said_as: Mapped[str] = mapped_column(String(96), primary_key=True, default="", server_default="")
    """Of a browser's property its time and message, so that each saying has a row: whoever used the browser then, it is
    his. Empty for a hard id's, which has one row a name.
    """
    origin_id: Mapped[UUID]
    """UUIDv5 of the id; an anonymous visitor's customer is known by nothing else."""

    __table_args__ = (
        Index("ix_trait_search", "project_id", "search"),
        Index("ix_trait_origin_id", "project_id", "origin_id"),
    )


class OrderClaim(Base):
    """Which message an order is counted by. One row an order, for ever."""

    __tablename__ = "order_claim"

    project_id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(64))
    batch: Mapped[str] = mapped_column(String(96))
    """Token of the batch that claimed it: a repeat of that batch is not a second order."""
    total: Mapped[str | None] = mapped_column(String(24))
    """Decimal text with four places; None where the order had no usable one, or was claimed before this was kept."""
    currency: Mapped[str] = mapped_column(String(3), default="", server_default="")
    lines: Mapped[str] = mapped_column(String(32), default="", server_default="")
    """Digest of which products it has and how many of each; empty where not all of that is known."""


class RefundShare(Base):
    """What a refund's message gave back of its order, and what was found of it then; a row a refund, for ever.

    What was refunded before may change between two attempts at a batch, so a repeat reads `is_larger` instead of finding
    it out again. The amounts of those that count are what later refunds of the order are judged by.
    """

    __tablename__ = "refund_share"

    project_id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    batch: Mapped[str] = mapped_column(String(96))
    """Token of the batch that judged it."""
    is_full: Mapped[bool]
    amount: Mapped[str | None] = mapped_column(String(24))
    """Decimal text; None: it names none."""
    currency: Mapped[str] = mapped_column(String(3), default="")
    is_larger: Mapped[bool]
    """More was given back with it than the order's total."""
    counts: Mapped[bool] = mapped_column(default=True)
    """False: it was set aside or refused, and no event came of it."""


class BatchVerdict(Base):
    """What a batch decided about a message and a repeat of the batch could not find out again.

    Others may have changed since what the decision was made from, the batch's own later messages too. Kept for weeks
    after the batch is done: a worker that was overtaken may still be at it.
    """

    __tablename__ = "batch_verdict"
    __table_args__ = (Index("ix_batch_verdict_kept_at", "kept_at"),)

    project_id: Mapped[int] = mapped_column(primary_key=True)
    batch: Mapped[str] = mapped_column(String(96), primary_key=True)
    """The batch's token."""
    message_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16))
    """`email_free` or `email_in_use` of an account event; `claim_released` of an order that was set aside;
    `order_known` of one that another message told before."""
    order_id: Mapped[str] = mapped_column(String(255), default="")
    kept_at: Mapped[datetime]


class ToldRefund(Base):
    """A refund that a platform told. It tells the same one again with every later change of its order.

    Kept for ever: message ids are remembered for two weeks only.
    """

    __tablename__ = "told_refund"

    project_id: Mapped[int] = mapped_column(primary_key=True)
    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    refund_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    told_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


class Sandbox(Base):
    """A number under which a project's sandbox messages are worked on, as if it were a project's: see `sandboxes`.

    A project has at most one that is open. To empty it is to close it and to open another, in which no message, order
    or customer is known; what is left of the closed one is deleted later, and its row then.
    """

    __tablename__ = "sandbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    closed_at: Mapped[datetime | None]

    # A number given out again would open on what the deletion has not reached yet.
    __table_args__ = (
        Index(
            "uq_sandbox_open",
            "project_id",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


class Erasure(Base):
    """A customer who is anonymised or forgotten. Once it is done, it says nothing of who that was."""

    __tablename__ = "erasure"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """A UUID."""
    project_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    """`anonymise` or `forget`."""
    asked_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    asked_by: Mapped[str] = mapped_column(String(32))
    """`user:<id>` of the dashboard, `key:<id>` of an API call, or `command`."""
    step: Mapped[str] = mapped_column(String(16), default="waiting")
    """The one that comes next, of `privacy.steps`; `done` at the end."""
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Whose rows, by which ids: personal, and therefore null once it is done."""
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    held_until: Mapped[datetime | None]
    """Until then somebody works on it."""
    done_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_erasure_project_id_asked_at", "project_id", "asked_at"),
        Index("ix_erasure_done_at", "done_at"),
    )


class ErasedId(Base):
    """An id that an erased customer had, as a digest that only who holds the server's secret key can compare."""

    __tablename__ = "erased_id"

    project_id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    erasure_id: Mapped[str] = mapped_column(String(36), primary_key=True)


class IdRuleRow(Base):
    """What a project says of a type of ids, from an instant on. A row is never changed: what was said under it is read by
    it for ever.
    """

    __tablename__ = "id_rule"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    id_type: Mapped[str] = mapped_column(String(64))
    from_at: Mapped[datetime]
    is_hard: Mapped[bool]
    max_per_customer: Mapped[int | None]
    new_links_per_day: Mapped[int | None]
    is_told_by_property: Mapped[bool]
    """Of the type `email`: the property of account events and of identify is an id as well."""
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(32))
    """`user:<id>` of the dashboard, `key:<id>` of an API call."""

    __table_args__ = (Index("ix_id_rule_type", "project_id", "id_type", "from_at", unique=True),)


class NeverId(Base):
    """An id that identifies nobody, in messages received from `effective_at` on and before `ends_at`.

    Taken off the list, it stays here: a batch that is repeated must judge its messages the same.
    """

    __tablename__ = "never_id"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    id_type: Mapped[str] = mapped_column(String(64))
    id_value: Mapped[str] = mapped_column(String(255))
    """Empty once the person whose it was is erased; then `digest` stands for it."""
    digest: Mapped[str] = mapped_column(String(64), default="")
    """What only who holds the server's secret key can compare."""
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(32))
    effective_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str] = mapped_column(String(32), default="")
    ends_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_never_id_value", "project_id", "id_type", "id_value"),)


class TrackingStop(Base):
    """A person who is tracked no more, as it was asked for. It says nothing of who that is; see StoppedId."""

    __tablename__ = "tracking_stop"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """A UUID."""
    project_id: Mapped[int]
    asked_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    asked_by: Mapped[str] = mapped_column(String(32))
    """`user:<id>` of the dashboard, `key:<id>` of an API call, or `command`."""

    __table_args__ = (Index("ix_tracking_stop_project_id", "project_id", "asked_at"),)


class StoppedId(Base):
    """An id of whoever is tracked no more: messages with it, received from `effective_at` on and before `ends_at`, are
    dropped. A row is never deleted, and `ends_at` set once: a batch that is repeated must drop the same messages.
    """

    __tablename__ = "stopped_id"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project_id: Mapped[int]
    stop_id: Mapped[str] = mapped_column(String(36), index=True)
    id_type: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    """Of type and value, by the project's StopKey."""
    effective_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(32), default="")

    __table_args__ = (
        Index("ix_stopped_id_digest", "project_id", "digest"),
        {"sqlite_autoincrement": True},
    )


class StopKey(Base):
    """What a project's stopped ids are digested with.

    Not the server's secret key: on another machine, or once that is changed, nobody would be stopped any more.
    """

    __tablename__ = "stop_key"

    project_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(64))
