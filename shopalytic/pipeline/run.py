"""One batch from the stream to the store.

Whatever happens on the way, a repeat of the same batch ends the same: what is decided about it (duplicates, running
sessions) reads only what `acknowledge` writes at its end, and what is written before (ledger, order claims,
overrides, rows) knows the batch again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import TypeVar

import msgspec
import structlog
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.plans import Plans
from shopalytic.errors import StoreRefused, Unavailable
from shopalytic.events.event import (
    NIL,
    Drop,
    DropReason,
    Duplicate,
    Event,
    Outcome,
    Quarantine,
    QuarantineReason,
)
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_envelope
from shopalytic.events.planned import PlannedProject
from shopalytic.identity.ids import origin_id
from shopalytic.identity.judging import Judge as IdJudge
from shopalytic.identity.judging import Judges
from shopalytic.identity.stops import Stops
from shopalytic.pipeline.addresses import strip_address
from shopalytic.pipeline.ids import read_message
from shopalytic.pipeline.judge import judge, judge_again
from shopalytic.pipeline.orders import claim_orders, release_claims
from shopalytic.pipeline.overrides import naming_database_faults, send_overrides_as_holder
from shopalytic.pipeline.people import origin_of, settle_people
from shopalytic.pipeline.place import Place
from shopalytic.pipeline.refunds import release_refunds, settle_refunds
from shopalytic.pipeline.sessions import put_sessions
from shopalytic.pipeline.steps import StepContext, process
from shopalytic.pipeline.stopped import is_stopped
from shopalytic.store import Store
from shopalytic.stream import Batch, Partition
from shopalytic.stream.reader import Receipt

log = structlog.get_logger(__name__)

_encoder = msgspec.json.Encoder()

Result = TypeVar("Result")
Judge = Callable[[Parsed, PlannedProject], Drop | Quarantine | None]

OVERRIDES_PAUSE_SECONDS = 5.0
OVERRIDES_PAUSE_SHARE = 20
"""While messages wait, overrides are sent so seldom: each time the store reads all that are in force anew."""

DROPPED_COLUMNS = (
    "project_id", "event", "occurred_at", "received_at", "message_id", "door", "library", "origin_id", "customer_id",
    "path",
)  # fmt: skip
"""What the table `dropped` has of the event that a message would have been."""


class Item(msgspec.Struct):
    """One message of the batch on its way; `outcome` is what became of it so far."""

    raw: bytes
    envelope: Envelope
    digest: bytes = b""
    parsed: Parsed | None = None
    outcome: Outcome | None = None
    is_hidden: bool = False
    """Of somebody who is tracked no more: nothing of it is told."""

    @property
    def message_id(self) -> str:
        return self.parsed.event.message_id if self.parsed else self.envelope.message_id

    @property
    def open(self) -> bool:
        return self.outcome is None


class Runner:
    """Runs batches; made once per worker process.

    store, sessions: shared by all batches. context: what the steps need to look things up. secret_key: knows again ids
    that mean nobody and whose person is erased. tell: hears what became of each batch once it is acknowledged; raises
    nothing.
    """

    def __init__(self, store: Store, sessions: sessionmaker[Session], context: StepContext, *,
                 session_timeout_minutes: int, tell: Callable[[Sequence[Item]], None] | None = None,
                 secret_key: str = "") -> None:  # fmt: skip
        self._store = store
        self._sessions = sessions
        self._context = context
        self._plans = Plans(sessions)
        self._id_judges = Judges(sessions, secret_key)
        self._stops = Stops(sessions)
        self._session_timeout_ms = session_timeout_minutes * 60_000
        self._tell = tell
        self._overrides_due_at = 0.0

    def run(self, partition: Partition, batch: Batch, *, more_wait: bool = False) -> Receipt:
        """Process, store and acknowledge one batch. Raises Unavailable, or StoreRefused for what is no message's
        fault (overrides, the quarantine); then the batch is still there.

        more_wait: overrides may wait for a later batch; the caller calls `send_overrides` after the last.
        """
        items = [Item(raw, parse_envelope(raw)) for raw in batch.entries]
        plans = self._plans.read(item.envelope.plan_id for item in items)
        id_judges = self._id_judges.read(item.envelope.project_id for item in items)
        stored_at_ms = time.time_ns() // 1_000_000
        for item in items:
            self._parse(item, stored_at_ms, id_judges[item.envelope.project_id])
            self._drop_stopped(item)
            self._judge(item, plans, judge)
        self._drop_duplicates(partition, items)
        self._settle(items, batch.token)
        if not more_wait or time.monotonic() >= self._overrides_due_at:
            self.send_overrides()
        for item in items:
            self._judge(item, plans, judge_again)
        states = put_sessions(partition, _parsed(items), self._session_timeout_ms)
        for item in items:
            if item.open and item.parsed is not None:
                item.outcome = self._guard(item, partial(process, item.parsed, self._context))
        self._insert(items, batch.token)
        self._release(items, batch.token)
        receipt = _receipt(items)
        receipt.states = states
        is_first = partition.acknowledge(batch, receipt, self._session_timeout_ms // 1000 + 60)
        if is_first and self._tell is not None:
            self._tell(items)
        return receipt

    def _drop_stopped(self, item: Item) -> None:
        """Before anything else is decided of it: what is set aside would be kept."""
        stops = self._stops.find(item.envelope.project_id)
        if stops is not None and is_stopped(item.envelope, item.parsed, stops):
            item.outcome, item.is_hidden = Drop(DropReason.NOT_TRACKED), True

    def _drop_duplicates(self, partition: Partition, items: list[Item]) -> None:
        for item in items:
            item.digest = digest(item, item.envelope.replay)
        here: set[bytes] = set()
        for item, seen in zip(items, partition.seen([item.digest for item in items]), strict=True):
            if seen or item.digest in here:
                item.outcome = Duplicate()
            here.add(item.digest)

    def _parse(self, item: Item, stored_at_ms: int, id_judge: IdJudge) -> None:
        result = self._guard(item, partial(read_message, item.envelope, stored_at_ms, id_judge))
        if isinstance(result, Parsed):
            item.parsed = result
        else:
            item.outcome = result

    def _judge(self, item: Item, plans: dict[int, PlannedProject | None], step: Judge) -> None:
        plan = plans.get(item.envelope.plan_id)
        if plan is not None and item.open and item.parsed is not None:
            item.outcome = self._guard(item, partial(step, item.parsed, plan))

    def _guard(self, item: Item, step: Callable[[], Result]) -> Result | Quarantine:
        """A fault of ours in one message sets that message aside; its neighbours go on."""
        try:
            return step()
        except Unavailable:
            raise
        except Exception as error:
            log.exception("a message could not be processed", message_id=item.envelope.message_id)
            return Quarantine(QuarantineReason.PIPELINE_FAILED, f"{type(error).__name__}: {error}"[:500])

    def _settle(self, items: list[Item], token: str) -> None:
        """Who is who, and which orders are new: one transaction for the batch, or one a message where that fails."""
        waiting = [item for item in items if item.open]
        try:
            self._settle_together(waiting, token)
        except Unavailable:
            raise
        except Exception:
            log.exception("a batch could not be settled at once; trying its messages one by one")
            for item in waiting:
                item.outcome = None
                failed = self._guard(item, partial(self._settle_alone, item, token))
                if isinstance(failed, Quarantine):
                    item.outcome = failed

    def _settle_alone(self, item: Item, token: str) -> Event:
        self._settle_together([item], token)
        assert item.parsed is not None
        return item.parsed.event

    def _settle_together(self, items: Sequence[Item], token: str) -> None:
        by_project: dict[int, list[Item]] = {}
        for item in items:
            by_project.setdefault(item.envelope.project_id, []).append(item)
        for project_id, group in by_project.items():
            with naming_database_faults(), self._sessions.begin() as db:
                _close(group, settle_people(db, project_id, _parsed(group), token))
                rest = [item for item in group if item.open]
                replayed = {item.message_id for item in rest if item.envelope.replay}
                _close(rest, claim_orders(db, project_id, _events(rest), token, replayed=replayed))
                settle_refunds(db, project_id, _events(rest), token)

    def send_overrides(self) -> None:
        began = time.monotonic()
        send_overrides_as_holder(self._store, self._sessions)
        ended = time.monotonic()
        self._overrides_due_at = ended + max(OVERRIDES_PAUSE_SECONDS, OVERRIDES_PAUSE_SHARE * (ended - began))

    def _insert(self, items: list[Item], token: str) -> None:
        self._insert_events([item for item in items if isinstance(item.outcome, Event)], token)
        lines = [
            _encoder.encode(quarantine_row(item, self._context.place))
            for item in items
            if isinstance(item.outcome, Quarantine)
        ]
        self._store.insert("quarantine", lines, token=f"{token}-quarantine")
        lines = [
            _encoder.encode(dropped_row(item))
            for item in items
            if (isinstance(item.outcome, Drop) and item.outcome.tells) or _is_against_plan(item.outcome)
        ]
        self._store.insert("dropped", lines, token=f"{token}-dropped")

    def _release(self, items: list[Item], token: str) -> None:
        by_project: dict[int, list[Event]] = {}
        for item in items:
            if (
                (isinstance(item.outcome, Quarantine) or _is_refused(item.outcome))
                and item.parsed is not None
                and item.parsed.event.order_id
            ):
                by_project.setdefault(item.envelope.project_id, []).append(item.parsed.event)
        for project_id, events in by_project.items():
            with naming_database_faults(), self._sessions.begin() as db:
                release_claims(db, project_id, events, token)
                release_refunds(db, project_id, events, token)

    def _insert_events(self, items: list[Item], token: str) -> None:
        """Insert rows; where the store refuses them, halve until the bad one stands alone and set that aside.

        The halves' tokens follow from the batch's, so that a repeat takes the same way.
        """
        if not items:
            return
        try:
            self._store.insert("events", [_encoder.encode(item.outcome) for item in items], token=token)
        except StoreRefused as error:
            if len(items) == 1:
                items[0].outcome = Quarantine(QuarantineReason.STORE_REFUSED, error.message[:500])
                return
            half = len(items) // 2
            self._insert_events(items[:half], f"{token}.0")
            self._insert_events(items[half:], f"{token}.1")


def _close(items: Sequence[Item], outcomes: Sequence[Drop | Duplicate | Quarantine | None]) -> None:
    for item, outcome in zip(items, outcomes, strict=True):
        item.outcome = outcome


def digest(item: Item, replay: int = 0) -> bytes:
    """What a message is known by: its project and message id, in 16 bytes; the whole of it where it has no id.

    replay: a message's n-th replay is known apart from the message as it came first.
    """
    identity = item.message_id.encode("utf-8", "surrogatepass") or item.raw
    person = b"replay %d" % replay if replay else b""
    text = b"%d:%b" % (item.envelope.project_id, identity)
    return blake2b(text, digest_size=16, person=person[:16]).digest()


def quarantine_row(item: Item, place: Place | None) -> dict[str, object]:
    assert isinstance(item.outcome, Quarantine)
    envelope = item.envelope
    return {
        "project_id": envelope.project_id,
        "message_id": item.message_id,
        "received_at": datetime.fromtimestamp(envelope.received_at / 1000, UTC),
        "reason": item.outcome.reason,
        "detail": item.outcome.detail,
        "event": item.parsed.event.event if item.parsed else "",
        "envelope": strip_address(envelope, item.raw, place).decode("utf-8", "replace"),
    }


def dropped_row(item: Item) -> dict[str, object]:
    """A message that was dropped with something to tell; or set aside by the plan, which the quarantine's own row does
    not tell by kind, page and library.
    """
    assert isinstance(item.outcome, Drop | Quarantine)
    assert item.parsed is not None
    event = item.parsed.event
    row = {name: getattr(event, name) for name in DROPPED_COLUMNS}
    if event.origin_id == NIL:
        # Judged before it was settled whose it is; who is forgotten is found by the origin.
        row["origin_id"] = origin_id(event.project_id, *origin_of(item.parsed))
    return {
        **row,
        "reason": item.outcome.reason,
        "detail": item.outcome.detail,
        "violations": item.outcome.violations if isinstance(item.outcome, Drop) else event.violations,
    }


def _is_refused(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Drop) and outcome.reason is DropReason.REFUSED_BY_PLAN


def _is_against_plan(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Quarantine) and outcome.reason is QuarantineReason.AGAINST_PLAN


def _parsed(items: Sequence[Item]) -> list[Parsed]:
    return [item.parsed for item in items if item.open and item.parsed is not None]


def _events(items: Sequence[Item]) -> list[Event]:
    return [parsed.event for parsed in _parsed(items)]


def _receipt(items: Sequence[Item]) -> Receipt:
    receipt = Receipt()
    for item in items:
        receipt.count(item.envelope.project_id, _outcome_name(item.outcome))
        if not isinstance(item.outcome, Duplicate):
            receipt.digests.append(item.digest)
            if item.envelope.replay:
                # Else what its sender repeats would be a new message once the first attempt is forgotten.
                receipt.digests.append(digest(item))
    return receipt


def _outcome_name(outcome: Outcome | None) -> str:
    match outcome:
        case Event():
            return "stored"
        case Duplicate():
            return "duplicate"
        case Quarantine():
            return "quarantined"
        case Drop(reason=reason):
            return f"dropped:{reason}"
    raise AssertionError("a message left the pipeline without an outcome")
