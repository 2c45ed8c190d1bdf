"""Hard cases from the stream to the reports: with a real queue, database and store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from shopalytic.accounts.models import Conflict
from shopalytic.decide import Decided, decide
from shopalytic.identity.decisions import merge_customers, split_customer, undo_decision
from shopalytic.identity.id_rules import RuleChoice, save_rule
from shopalytic.identity.lookup import customer_ids, find_customer, origins_of
from shopalytic.importer.orders import import_orders
from shopalytic.importer.reading import find_reading
from shopalytic.importer.table import open_table
from shopalytic.parts import Parts
from shopalytic.reports.customer_summary import CustomerSummary, find_customer_summary
from shopalytic.reports.overview import overview
from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.revenue_by_customer import revenue_by_customer
from shopalytic.settings import Settings
from tests.pipeline.conftest import (
    Line,
    database_url,
    line,
    postgres_url,
    valkey_url,
)

__all__ = ["database_url", "line", "postgres_url", "valkey_url"]

RETAIL = Path(__file__).parents[1] / "data" / "online_retail.csv"
DECEMBER = Period.of_days(date(2010, 12, 1), date(2010, 12, 31), "UTC")
EVERYTHING = Decimal("93029.47")


class Figures:
    """What reports say of two customers and of all of them."""

    def __init__(self, line: Line, customers: list[UUID]) -> None:
        project = Project(line.project_id, currency="GBP")
        whole = overview(line.store, project, DECEMBER).totals
        best = revenue_by_customer(line.store, project, DECEMBER)
        ordered = {row.customer_id: (row.orders, row.revenue) for row in best.rows}
        self.of_each = [ordered.get(str(each), (0, Decimal(0))) for each in customers]
        self.summaries = [summary(line, project, each) for each in customers]
        self.all = (whole.orders, whole.revenue, best.totals.orders, best.totals.revenue)
        self.customers = (whole.customers, best.totals.customers, len(ordered))
        self.added_up = sum((revenue for _, revenue in ordered.values()), Decimal(0))


def summary(line: Line, project: Project, customer: UUID) -> tuple[int, Decimal]:
    """(orders, revenue) of a customer's page."""
    with line.sessions() as db:
        origins = origins_of(db, line.project_id, customer)
    found: CustomerSummary | None = find_customer_summary(line.store, project, customer, origins)
    return (found.orders, found.revenue) if found else (0, Decimal(0))


@pytest.fixture
def retail(line: Line, tmp_path: Path) -> Iterator[Line]:
    """The shop with all of its real orders."""
    table = open_table(RETAIL)
    reading = find_reading(table, ZoneInfo("UTC"), None, None)
    import_orders(table, reading, line.stream, line.project_id, state_file=tmp_path / "state.json")
    line.drain()
    yield line


def customer_of(line: Line, known_id: str) -> UUID:
    with line.sessions() as db:
        found = find_customer(db, line.project_id, known_id)
    assert found is not None
    return found


def carry_out(line: Line, action: Any, *given: Any, is_dry_run: bool = False) -> Decided:
    parts = Parts(Settings(), line.sessions, line.store, line.stream)
    return decide(
        parts,
        Project(line.project_id, currency="GBP"),
        lambda db: action(db, line.project_id, *given, by="user:1", door="dashboard"),
        is_dry_run=is_dry_run,
    )


def test_a_merge_and_its_undo_move_real_orders_and_revenue_to_the_penny(retail: Line) -> None:
    """The two who spent most. Before, merged and undone: every report, at once, and the sums never change."""
    project = Project(retail.project_id, currency="GBP")
    named = no_guests(
        retail, [row.customer_id for row in revenue_by_customer(retail.store, project, DECEMBER).rows]
    )[:2]
    before = Figures(retail, named)
    (orders_1, revenue_1), (orders_2, revenue_2) = before.of_each
    assert before.all == (236, EVERYTHING, 236, EVERYTHING)
    assert (before.customers, before.added_up) == ((171, 171, 171), EVERYTHING)
    assert before.summaries == before.of_each
    assert min(revenue_1, revenue_2) > 0

    tried = carry_out(retail, merge_customers, *named, is_dry_run=True)
    assert (tried.moves.orders, tried.moves.revenue) == (orders_2, revenue_2)
    assert vars(Figures(retail, named)) == vars(before)
    merge = carry_out(retail, merge_customers, *named)
    assert merge.moves == tried.moves
    merged = Figures(retail, named)
    assert merged.of_each == [(orders_1 + orders_2, revenue_1 + revenue_2), (0, Decimal(0))]
    assert merged.summaries == merged.of_each
    assert (merged.all, merged.added_up) == (before.all, before.added_up)
    assert merged.customers == (170, 170, 170)

    carry_out(retail, undo_decision, merge.decision_id)
    assert vars(Figures(retail, named)) == vars(before)


def no_guests(line: Line, customers: Sequence[str]) -> list[UUID]:
    """Those of the customers whom the shop knows by an id."""
    with line.sessions() as db:
        return [UUID(each) for each in customers if customer_ids(db, line.project_id, UUID(each))]


def account(event: str, message_id: str, user_id: str, email: str) -> dict[str, Any]:
    properties = {"email": email, "first_name": "A", "last_name": "B"}
    return {"event": event, "message_id": message_id, "user_id": user_id, "properties": properties}


def test_an_email_that_was_changed_is_a_new_customers_and_its_former_owner_cannot_have_it_back(
    line: Line,
) -> None:
    line.send(account("account_register", "a", "jon", "jon@shop.example"))
    line.drain()
    line.send(account("account_register", "b", "ann", "jon@shop.example"))
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a"]
    line.send(account("account_update", "c", "jon", "new@shop.example"))
    line.drain()
    line.send(account("account_register", "d", "ann", " JON@shop.example"))
    line.drain()
    line.send(account("account_update", "e", "jon", "jon@shop.example"))
    line.drain()
    rows = {row.message_id: row.owner_id for row in line.rows()}
    assert rows.keys() == {"a", "c", "d"}
    assert rows["a"] == rows["c"] != rows["d"]
    assert line.stream.counters(line.project_id).quarantined == 2


def test_an_email_that_is_changed_and_reused_within_one_batch_is_the_new_customers(line: Line) -> None:
    """As in two batches: how messages are cut into batches decides nothing."""
    line.send(account("account_register", "a", "jon", "jon@shop.example"))
    line.drain()
    line.send(
        account("account_register", "b", "bob", "jon@shop.example"),
        account("account_update", "c", "jon", "new@shop.example"),
        account("account_register", "d", "ann", "jon@shop.example"),
        account("account_update", "e", "jon", "jon@shop.example"),
    )
    line.drain()
    assert [row.message_id for row in line.rows()] == ["a", "c", "d"]


REUSED = [
    {"message_id": "a", "user_id": {"user_id": "jon", "email": "jon@shop.example"}},
    {"message_id": "b", "user_id": {"user_id": "jon", "email": "new@shop.example"}},
    {"message_id": "c", "user_id": {"user_id": "ann", "email": "jon@shop.example"}},
    {"message_id": "d", "user_id": "ann"},
]
"""The address that jon gave up is sent as an id of ann's."""


def test_a_reused_email_that_is_an_id_makes_its_new_owner_the_same_customer_until_split(line: Line) -> None:
    """Ids of one message are one person's, and an id belongs to one customer for all time."""
    line.send(*REUSED)
    line.drain()
    assert len({row.owner_id for row in line.rows()}) == 1
    jon = customer_of(line, "jon")
    carry_out(line, split_customer, jon, [("user_id", "ann")])
    rows = {row.message_id: row.owner_id for row in line.rows()}
    assert rows["a"] == rows["b"] == str(jon)
    assert rows["c"] == rows["d"] == str(customer_of(line, "ann")) != rows["a"]


def test_a_reused_email_keeps_customers_apart_where_a_customer_has_one_user_id(line: Line) -> None:
    with line.sessions.begin() as db:
        hours_ago = datetime.now(UTC) - timedelta(hours=2)
        save_rule(db, line.project_id, "user_id", RuleChoice(max_per_customer=1), by="user:1", now=hours_ago)
    line.send(*REUSED)
    line.drain()
    rows = {row.message_id: row.owner_id for row in line.rows()}
    assert rows["a"] == rows["b"] == str(customer_of(line, "jon@shop.example"))
    assert rows["c"] == rows["d"] == str(customer_of(line, "ann")) != rows["a"]
    assert conflicts(line) == [("email", "jon@shop.example", "second_of_unique_type")]


def conflicts(line: Line) -> list[tuple[str, str, str]]:
    with line.sessions() as db:
        found = db.query(Conflict).where(Conflict.project_id == line.project_id)
        return sorted((one.id_type, one.id_value, one.reason) for one in found)
