"""Whatever is told, decided, folded and cut off in between: reports say what the ledger says, at every moment."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopalytic.accounts.db import make_engine, reading, upgrade
from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.decisions import list_decisions, merge_customers, undo_decision
from shopalytic.identity.derived import read_owners
from shopalytic.identity.ids import USER_ID, VISITOR, origin_id
from shopalytic.identity.rules import Id, owner_at
from shopalytic.pipeline import fold
from shopalytic.pipeline.overrides import send_overrides
from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.revenue_by_customer import revenue_by_customer
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.pipeline.conftest import Line
from tests.pipeline.test_fold import NOW, Cut, fold_all, in_force, outbox, rows
from tests.pipeline.test_run import Killed

BROWSERS = ("phone", "laptop", "kiosk")
PEOPLE = ("anna", "ben", "cleo")
FIRST = datetime(2026, 1, 28, 12, tzinfo=UTC)
"""So that what follows, an hour each, reaches into the next month."""
YEAR = Period.of_days(date(2026, 1, 1), date(2026, 12, 31), "UTC")
_projects = itertools.count(300_000_000)

action = st.one_of(
    st.tuples(st.just("order"), st.sampled_from(BROWSERS)),
    st.tuples(st.just("sign in"), st.sampled_from(BROWSERS), st.sampled_from(PEOPLE)),
    st.tuples(st.just("merge"), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)),
    st.tuples(st.just("undo")),
    st.tuples(st.just("fold"), st.integers(1, 12), st.booleans()),
)


class Told:
    """What was sent, and what the reports must say of it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.messages: dict[str, tuple[Id, datetime, Decimal]] = {}

    def tell(self, origin: Id, total: Decimal, **message: object) -> None:
        number = len(self.messages)
        # Backwards every other time: late messages change the past.
        at = FIRST + timedelta(hours=number if number % 2 else 200 - number)
        message_id = f"m{number:03}"
        self.messages[message_id] = origin, at, total
        self.line.send({"message_id": message_id, "timestamp": at.isoformat(), **message})
        self.line.drain()

    def order(self, browser: str) -> None:
        number = len(self.messages)
        total = Decimal(1 << number)
        properties = {"order_id": f"o{number}", "total": str(total), "subtotal": str(total), "cart_id": "c",
                      "line_items": [{"sku": "A", "price": str(total), "qty": 1}]}  # fmt: skip
        self.tell((VISITOR, browser), total, event="order", tracking_id=browser, properties=properties)

    def sign_in(self, browser: str, person: str) -> None:
        self.tell((USER_ID, person), Decimal(0), type="identify", tracking_id=browser, user_id=person)

    def merge(self, one: str, other: str) -> None:
        with suppress(NotFound, Rejected), self.line.sessions.begin() as db:
            merge_customers(
                db,
                self.line.project_id,
                self.customer(one),
                self.customer(other),
                by="user:1",
                door="dashboard",
            )
        send_overrides(self.line.store, self.line.sessions)

    def undo(self) -> None:
        with suppress(NotFound, Rejected), self.line.sessions.begin() as db:
            for decision in list_decisions(db, self.line.project_id)[:1]:
                undo_decision(db, self.line.project_id, decision.decision_id, by="user:1", door="dashboard")
        send_overrides(self.line.store, self.line.sessions)

    def fold(self, fails_at: int, after: bool) -> None:
        fold.begin(self.line.sessions, NOW)
        with suppress(Killed):
            cut = Cut(self.line.store, fails_at, after=after)
            fold.go_on(cut, self.line.sessions, self.line.stream, NOW + fold.REST, turn_seconds=0.1)

    def customer(self, person: str) -> UUID:
        return self.owner((USER_ID, person), FIRST)

    def owner(self, each: Id, at: datetime) -> UUID:
        with reading(self.line.sessions) as db:
            timeline = read_owners(db, self.line.project_id, [each]).get(each)
        return owner_at(timeline, at) if timeline else origin_id(self.line.project_id, *each)

    def check(self) -> None:
        wanted = {name: str(self.owner(each, at)) for name, (each, at, _) in self.messages.items()}
        assert {row.message_id: row.read for row in rows(self.line)} == wanted
        revenue: dict[str, Decimal] = defaultdict(Decimal)
        for name, (_, _, total) in self.messages.items():
            revenue[wanted[name]] += total
        report = revenue_by_customer(self.line.store, Project(self.line.project_id, "UTC", "EUR"), YEAR)
        assert {row.customer_id: row.revenue for row in report.rows} == {
            one: total for one, total in revenue.items() if total
        }


@pytest.mark.timeout(600)
def test_no_report_ever_differs_from_the_ledger(
    store: Store, valkey_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('folds') / 'shopalytic.db'}"
    upgrade(url)
    engine = make_engine(url)
    stream = Stream(valkey_url, partitions=1)
    stream.client.flushall()

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(action, min_size=8, max_size=25))
    def try_out(actions: list[tuple[str, ...]]) -> None:
        line = Line(stream, store, engine, next(_projects))
        told = Told(line)
        doing: dict[str, Callable[..., None]] = {
            "order": told.order, "sign in": told.sign_in, "merge": told.merge, "undo": told.undo, "fold": told.fold,
        }  # fmt: skip
        for name, *arguments in actions:
            partial(doing[name], *arguments)()
            told.check()
        fold_all(line)  # ends what was under way, or folds what is there
        fold_all(line)
        told.check()
        assert in_force(line) == 0
        assert outbox(line) == []
        assert all(row.stored == row.read for row in rows(line))

    try_out()
    stream.close()
    engine.dispose()
