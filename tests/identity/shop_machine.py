"""People, devices, a shop owner and a network that does its worst, for the stateful test and the long run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import Identity, Link
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity import decisions, ledger
from shopalytic.identity.decisions import Change
from shopalytic.identity.fold_rounds import begin_round, take_out
from shopalytic.identity.ids import VISITOR, origin_id
from shopalytic.identity.ledger import Resolved, Sighting, resolve
from shopalytic.identity.overrides import (
    forget_overrides,
    instant_text,
    mark_overrides_sent,
    pending_overrides,
)
from shopalytic.identity.rules import fold
from tests.identity.model import Id, Message, Saying, customers, orders_and_revenue, read
from tests.identity.people import NOON, Shop, read_row

PEOPLE = ("ann", "ben", "cleo")
DEVICES = ("ann's phone", "ben's phone", "the family's laptop")
MAILS = {"ann": "ann@shop.example", "ben": "ben@shop.example", "cleo": "ben@shop.example"}
"""Two of them use one address."""


@dataclass
class Batch:
    """What one worker has claimed. answers: from the attempt that was committed, if there was one."""

    messages: list[Message]
    answers: list[Resolved] | None = None


@dataclass
class Decided:
    """before: whose every row was. told, decided: how many messages and decisions there were by then."""

    decision_id: str
    before: dict[str, UUID]
    told: int
    decided: int


class Action(Protocol):
    def __call__(self, db: Session, project_id: int, *, by: str, door: str, at: datetime) -> Change: ...


class ShopMachine(RuleBasedStateMachine):
    """told: what the ledger was told so far; it is what the model must know."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        super().__init__()
        self.shop = Shop(sessions)
        self.clock = 0
        self.numbers = 0
        self.visits = dict.fromkeys(DEVICES, 0)
        self.under_way: list[Message] = []
        self.claimed: list[Batch] = []
        self.told: dict[str, Message] = {}
        self.decisions: list[Decided] = []
        self.is_folding = False
        self.round_id: int | None = None
        self.sent: list[tuple[int, UUID, list[tuple[str, str, str]]]] = []

    # What people do

    @precondition(lambda self: self.numbers)
    @rule(seconds=st.integers(1, 3))
    def time_passes(self, seconds: int) -> None:
        self.clock += seconds

    @rule(device=st.sampled_from(DEVICES))
    def somebody_anonymizes(self, device: str) -> None:
        """The tag takes a fresh visitor's id."""
        self.visits[device] += 1

    @rule(
        device=st.sampled_from(DEVICES),
        who=st.sampled_from(["", "", *PEOPLE]),
        pence=st.one_of(st.none(), st.integers(1, 100_000)),
        has_mail=st.booleans(),
        late=st.integers(0, 6),
        place=st.integers(0, 9),
    )
    def somebody_browses_or_orders(
        self, device: str, who: str, pence: int | None, has_mail: bool, late: int, place: int
    ) -> None:
        self.say("track", self.visitor(device), ids_of(who, has_mail), late, place, pence=pence)

    @rule(
        device=st.sampled_from(DEVICES),
        who=st.sampled_from(PEOPLE),
        has_mail=st.booleans(),
        late=st.integers(0, 6),
        place=st.integers(0, 9),
    )
    def somebody_signs_in(self, device: str, who: str, has_mail: bool, late: int, place: int) -> None:
        self.say("identify", self.visitor(device), ids_of(who, has_mail), late, place)

    @rule(
        who=st.sampled_from(PEOPLE),
        has_mail=st.booleans(),
        pence=st.one_of(st.none(), st.integers(1, 100_000)),
        late=st.integers(0, 6),
        place=st.integers(0, 9),
    )
    def the_shops_server_sends(
        self, who: str, has_mail: bool, pence: int | None, late: int, place: int
    ) -> None:
        self.say("track", "", ids_of(who, has_mail), late, place, pence=pence)

    @rule(
        device=st.sampled_from(["", *DEVICES]),
        new=st.sampled_from([("user_id", "ann"), ("user_id", "ben"), ("user_id", "new"), ("card", "c1")]),
        previous=st.sampled_from(["", "ann", "cleo", "the family's laptop 0"]),
        late=st.integers(0, 6),
        place=st.integers(0, 9),
    )
    def somebody_gets_another_id(
        self, device: str, new: tuple[str, str], previous: str, late: int, place: int
    ) -> None:
        self.say("alias", device and self.visitor(device), (new,), late, place, previous=previous)

    # How it arrives

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), fate=st.sampled_from(["well", "well", "rolled back", "died", "held", "twice"]))
    def a_batch_arrives(self, data: st.DataObject, fate: str) -> None:
        """died: after the commit, before the rows. held: another worker goes on before the rows are stored."""
        batch = self.claim(data)
        if fate == "rolled back":
            with self.shop.sessions() as db:
                resolve(db, self.shop.project, sightings(batch.messages))
                db.rollback()
            self.claimed.append(batch)
            return
        self.tell(batch)
        if fate == "died":
            batch.answers = None
        if fate in ("died", "held"):
            self.claimed.append(batch)
            return
        self.send_overrides()
        self.store(batch)
        if fate == "twice":
            self.tell(batch)
            self.store(batch)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def a_worker_goes_on(self, data: st.DataObject) -> None:
        self.finish(self.claimed.pop(data.draw(st.integers(0, len(self.claimed) - 1), label="which")))

    @precondition(lambda self: len(self.under_way) > 1)
    @rule(data=st.data())
    def two_workers_are_at_it(self, data: st.DataObject) -> None:
        """The second does all of its work after the first looked what is new, before the first has the lock."""
        first, second = self.claim(data), self.claim(data)
        if not second.messages:
            self.finish(first)
            return
        is_postgresql = self.shop.sessions.kw["bind"].dialect.name == "postgresql"
        if is_postgresql:
            with before_the_lock(lambda: self.tell(second)):
                self.tell(first)
        if second.answers is None:
            self.tell(second)
        if first.answers is None:
            self.tell(first)
        self.store(second)
        self.store(first)

    @precondition(lambda self: self.shop.rows)
    @rule(crashes=st.booleans())
    def overrides_are_sent(self, crashes: bool) -> None:
        """A worker that dies before it noted them as sent sends them again."""
        self.send_overrides(is_noted=not crashes)

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def old_messages_come_again(self, data: st.DataObject) -> None:
        some = data.draw(
            st.lists(st.sampled_from(sorted(self.told)), min_size=1, max_size=4, unique=True), label="again"
        )
        batch = Batch([self.told[each] for each in some])
        if all(each in self.shop.rows for each in some):
            before = self.shop.tables()
            self.tell(batch)
            assert self.shop.tables() == before
            self.store(batch)

    @precondition(lambda self: self.shop.rows and not self.claimed and not self.is_folding)
    @rule()
    def folding_begins(self) -> None:
        """Rows are rewritten as reports read them, once all that was claimed before is stored."""
        with self.shop.sessions.begin() as db:
            begun = begin_round(db, NOON, below_project=self.shop.project + 1)
            self.round_id, self.is_folding = begun.id if begun else None, True
        owners = self.as_sent()
        self.shop.rows = {
            each: row._replace(customer_id=owners[each]) for each, row in self.shop.rows.items()
        }
        self.compare()

    @precondition(lambda self: self.is_folding)
    @rule()
    def folding_ends(self) -> None:
        """The round's overrides are taken out, but for those that others have replaced meanwhile."""
        # What else is in the database says whether there is a round, so no rule may depend on it.
        if self.round_id is not None:
            with self.shop.sessions.begin() as db:
                take_out(db, self.round_id, self.shop.project, 1000)
        self.round_id, self.is_folding = None, False
        self.compare()

    # What the shop's owner decides

    @precondition(lambda self: self.told)
    @rule(data=st.data(), late=st.integers(0, 2), name=st.integers(0, 9), is_dry_run=st.booleans())
    def the_owner_undoes_a_link(self, data: st.DataObject, late: int, name: int, is_dry_run: bool) -> None:
        with self.shop.sessions() as db:
            links = db.execute(
                select(*ledger.ENTRY_COLUMNS).where(Link.project_id == self.shop.project).order_by(Link.id)
            ).all()
        if links:
            link = data.draw(st.sampled_from(range(len(links))), label="link")
            entry = ledger.entry_of(links[link])
            owners = [owner for owner, ids in self.of_customers().items() if set(ids) & set(entry.ids)]
            customer = data.draw(st.sampled_from(owners), label="customer")
            self.decide(
                partial_decision(decisions.undo_link, customer, links[link].id),
                late, name, is_dry_run=is_dry_run,
            )  # fmt: skip

    @precondition(lambda self: self.told)
    @rule(data=st.data(), late=st.integers(0, 2), name=st.integers(0, 9), is_dry_run=st.booleans())
    def the_owner_splits_a_customer(
        self, data: st.DataObject, late: int, name: int, is_dry_run: bool
    ) -> None:
        of_customers = {owner: ids for owner, ids in self.of_customers().items() if len(ids) > 1}
        if not of_customers:
            return
        customer = data.draw(st.sampled_from(list(of_customers)), label="customer")
        ids = of_customers[customer]
        chosen = data.draw(
            st.lists(st.sampled_from(ids), min_size=1, max_size=len(ids) - 1, unique=True), label="ids"
        )
        action = partial_decision(decisions.split_customer, customer, chosen)
        if self.decide(action, late, name, is_dry_run=is_dry_run):
            owners = {each: steps[0][1] for each, steps in self.shop.identities().items()}
            rest = {owners[each] for each in ids if each not in chosen and each[0] != VISITOR}
            assert not rest & {owners[each] for each in chosen if each[0] != VISITOR}

    @precondition(lambda self: self.told)
    @rule(data=st.data(), late=st.integers(0, 2), name=st.integers(0, 9), is_dry_run=st.booleans())
    def the_owner_merges_customers(self, data: st.DataObject, late: int, name: int, is_dry_run: bool) -> None:
        strangers, of_customers = self.strangers(), self.of_customers()
        everybody = [*of_customers, *strangers]
        into = data.draw(st.sampled_from(everybody), label="into")
        other = data.draw(st.sampled_from(everybody), label="other")
        action = partial_decision(decisions.merge_customers, into, other, visitors=strangers)
        if self.decide(action, late, name, is_dry_run=is_dry_run):
            owners = {each: steps[0][1] for each, steps in self.shop.identities().items()}
            hard = [each for one in (into, other) for each in of_customers.get(one, []) if each[0] != VISITOR]
            assert len({owners[each] for each in hard}) <= 1

    @precondition(lambda self: self.decisions)
    @rule(data=st.data(), late=st.integers(0, 2), name=st.integers(0, 9), is_dry_run=st.booleans())
    def the_owner_takes_a_decision_back(
        self, data: st.DataObject, late: int, name: int, is_dry_run: bool
    ) -> None:
        """Where nothing else happened since, everything is as it was before; a second time there is nothing to undo."""
        # The last one most of the time: only there one can tell what must come of it.
        which = data.draw(st.one_of(st.just(-1), st.integers(0, len(self.decisions) - 1)), label="which")
        made = self.decisions[which]
        action = partial_decision(decisions.undo_decision, made.decision_id)
        is_newest = (len(self.told), len(self.decisions)) == (made.told, made.decided + 1)
        if self.decide(action, late, name, is_dry_run=is_dry_run):
            if is_newest:
                now = self.shop.read()
                assert {each: now[each] for each in made.before} == made.before
            assert self.decide(action, late, name + 10) is None

    # What must hold

    def teardown(self) -> None:
        while self.claimed:
            self.finish(self.claimed.pop())
        if self.under_way:
            self.finish(Batch(self.under_way))
        self.send_overrides()
        assert self.shop.rows.keys() == self.told.keys()
        assert self.as_sent() == self.compare()
        self.compare_tables()

    def compare(self) -> dict[str, UUID]:
        """Whose every row is, the customers, their orders and revenue: as the model says."""
        found = self.shop.read()
        rows = [self.told[message_id] for message_id in found]
        model = read(self.told.values(), self.decided())
        expected = {
            message.message_id: origin_id(self.shop.project, *name)
            for name, own in customers(rows, model).items()
            for message in own
        }
        assert found == expected, _difference(found, expected)
        totals = {
            origin_id(self.shop.project, *name): orders_and_revenue(own)
            for name, own in customers(rows, model).items()
        }
        assert self.totals(found) == totals
        return found

    def compare_tables(self) -> None:
        """`identity` and `conflict` are the fold of the whole ledger, and the model refuses the same."""
        with self.shop.sessions() as db:
            links = db.execute(
                select(*ledger.ENTRY_COLUMNS).where(Link.project_id == self.shop.project)
            ).all()
        whole = fold(self.shop.project, [ledger.entry_of(link) for link in links])
        assert self.shop.identities() == whole.timelines
        conflicts = self.shop.conflicts()
        assert conflicts == {(one.message_id, one.kind, *one.id) for one in whole.refused}
        model = read(self.told.values(), self.decided())
        refused = {(saying.message_id, saying.kind, *about) for saying, about in model.refused}
        assert conflicts == refused, f"{sorted(conflicts)} != {sorted(refused)}"

    def as_sent(self) -> dict[str, UUID]:
        """As `Shop.read`, but by what the store was sent, in whatever order."""
        newest: dict[UUID, list[tuple[str, str, str]]] = {}
        for _, origin, timeline in sorted(self.sent):
            newest[origin] = timeline
        return {message_id: read_row(row, newest) for message_id, row in self.shop.rows.items()}

    def totals(self, owners: dict[str, UUID]) -> dict[UUID, tuple[int, Decimal]]:
        found: dict[UUID, tuple[int, Decimal]] = {}
        for message_id, owner in owners.items():
            orders, revenue = found.get(owner, (0, Decimal(0)))
            amount = self.told[message_id].amount
            found[owner] = (orders + (amount is not None), revenue + (amount or 0))
        return found

    # How it is done

    def say(
        self,
        kind: str,
        visitor: str,
        ids: tuple[tuple[str, str], ...],
        late: int,
        place: int,
        *,
        pence: int | None = None,
        previous: str = "",
    ) -> None:
        """place: where the message's id stands among those of the same instant."""
        self.numbers += 1
        self.under_way.append(
            Message(
                kind, visitor, ids, NOON + timedelta(seconds=max(self.clock - late, 0)),
                f"{place}-{self.numbers:03}", previous, None if pence is None else Decimal(pence) / 100,
            )
        )  # fmt: skip

    def visitor(self, device: str) -> str:
        return f"{device} {self.visits[device]}"

    def claim(self, data: st.DataObject) -> Batch:
        """Some of what is under way, in any order."""
        if not self.under_way:
            return Batch([])
        count = data.draw(st.integers(1, min(6, len(self.under_way))), label="how many")
        return Batch(
            [
                self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1), label="next"))
                for _ in range(count)
            ]
        )

    def tell(self, batch: Batch) -> None:
        batch.answers = self.shop.resolve(sightings(batch.messages))
        self.told |= {message.message_id: message for message in batch.messages}

    def store(self, batch: Batch) -> None:
        assert batch.answers is not None
        self.shop.store(sightings(batch.messages), batch.answers)
        self.compare()

    def finish(self, batch: Batch) -> None:
        if batch.answers is None:
            self.tell(batch)
        self.send_overrides()
        self.store(batch)

    def send_overrides(self, *, is_noted: bool = True) -> None:
        with self.shop.sessions() as db:
            ours = [one for one in pending_overrides(db) if one.project_id == self.shop.project]
        self.sent += [(one.version, one.origin_id, one.timeline) for one in ours]
        if is_noted and ours:
            with self.shop.sessions.begin() as db:
                mark_overrides_sent(db, [one.version for one in ours if one.timeline])
                forget_overrides(db, [one.version for one in ours if not one.timeline])

    def decide(self, action: Action, late: int, name: int, *, is_dry_run: bool = False) -> Change | None:
        """None where it was refused, or only tried; then it changed nothing. Else what it moved is what it says."""
        before, tables = self.compare(), self.shop.tables()
        at = NOON + timedelta(seconds=self.clock + late / 2)
        change = None
        with self.shop.sessions() as db, decisions_called(f"{name}-decision-{len(tables[0])}"):
            try:
                change = action(db, self.shop.project, by="user:1", door="dashboard", at=at)
            except (NotFound, Rejected):
                is_dry_run = True
            if is_dry_run:
                db.rollback()
            else:
                db.commit()
        if change is None or is_dry_run:
            assert self.shop.tables() == tables
            return None
        after = self.compare()
        moved = {
            message_id
            for message_id, row in self.shop.rows.items()
            for span in change.moved
            if span.origin_id == row.origin_id and span.from_at <= instant_text(row.occurred_at) <= span.to_at
        }
        # Of a customer who is parted the smaller part moves, whichever keeps the key: what stays, stays together.
        stays = {(before[each], after[each]) for each in after if each not in moved}
        assert len(stays) == len({was for was, _ in stays})
        self.decisions.append(Decided(change.decision_id, before, len(self.told), len(self.decisions)))
        return change

    def decided(self) -> list[Saying]:
        with self.shop.sessions() as db:
            query = select(*ledger.ENTRY_COLUMNS).where(
                Link.project_id == self.shop.project, Link.kind.in_(("merge", "undo"))
            )
            return [
                Saying(
                    link.kind, link.tracking_id, (link.id_type, link.id_value), (link.other_type, link.other_value),
                    link.occurred_at, link.message_id, link.target,
                )
                for link in db.execute(query)
            ]  # fmt: skip

    def of_customers(self) -> dict[UUID, list[Id]]:
        """All ids of every customer whom the ledger knows, in an order that is the same each time."""
        with self.shop.sessions() as db:
            return self.of_customers_in(db)

    def of_customers_in(self, db: Session) -> dict[UUID, list[Id]]:
        found: dict[UUID, list[Id]] = {}
        rows = db.execute(
            select(Identity.id_type, Identity.id_value, Identity.customer_id)
            .where(Identity.project_id == self.shop.project)
            .order_by(Identity.id_type, Identity.id_value, Identity.from_at)
        )
        for id_type, id_value, owner in rows:
            ids = found.setdefault(owner, [])
            if (id_type, id_value) not in ids:
                ids.append((id_type, id_value))
        return found

    def strangers(self) -> dict[UUID, str]:
        """The visitors whom only the store knows."""
        known = self.shop.identities()
        return {
            self.shop.visitor(message.browser): message.browser
            for message in self.told.values()
            if message.origin[0] == VISITOR and message.origin not in known
        }


@contextmanager
def before_the_lock(others_work: Callable[[], None]) -> Iterator[None]:
    """Whoever asks for the project's lock next finds, once it has it, that somebody else was faster."""
    real = ledger.hold_identity
    rest = [others_work]

    def hold(db: Session, project_id: int) -> None:
        if rest:
            rest.pop()()
        real(db, project_id)

    ledger.hold_identity = hold
    try:
        yield
    finally:
        ledger.hold_identity = real


@contextmanager
def decisions_called(name: str) -> Iterator[None]:
    """Decisions made meanwhile have this id, so that a case that failed fails again."""
    real = uuid.uuid4
    uuid.uuid4 = lambda: name  # type: ignore[assignment, return-value]
    try:
        yield
    finally:
        uuid.uuid4 = real


def partial_decision(made: Callable[..., Change], *given: Any, **more: Any) -> Action:
    def act(db: Session, project_id: int, **circumstances: Any) -> Change:
        return made(db, project_id, *given, **more, **circumstances)

    return act


def ids_of(who: str, has_mail: bool) -> tuple[tuple[str, str], ...]:
    if not who:
        return ()
    return (("user_id", who), ("email", MAILS[who])) if has_mail else (("user_id", who),)


def sightings(messages: Iterable[Message]) -> list[Sighting]:
    return [
        Sighting(
            kind=message.kind,  # type: ignore[arg-type]
            tracking_id=message.browser,
            user_ids=dict(message.ids),
            occurred_at=message.at,
            message_id=message.message_id,
            previous_id=message.previous,
        )
        for message in messages
    ]


def _difference(found: dict[str, UUID], expected: dict[str, UUID]) -> str:
    lines = [
        f"{each}: {found[each]}, not {expected[each]}" for each in found if found[each] != expected[each]
    ]
    return "\n".join(["Rows that are read as somebody else's:", *lines])
