"""What identity costs: events whose visitors turn out to be fewer people, against the same events of strangers.

    python -m benchmarks.identity [--events 1000000]

Two projects of one system get the same load in turns, a piece each, so that whatever else the machine does falls on
both: visitors of ten events each, from the request to the stored row. In one of them each visitor signs in with the sixth
event, and 2.5 visitors turn out to be one customer: what they did before is the customer's too. In the other one that
message is a page view.

Then the revenue by customer is asked for, with every override still in force and after they are folded into the rows; both
must say the same.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.system import System, running_system
from shopalytic.accounts.db import make_engine, make_sessions
from shopalytic.pipeline import fold
from shopalytic.reports.period import Period
from shopalytic.reports.project import Project
from shopalytic.reports.revenue_by_customer import RevenueByCustomer, revenue_by_customer
from shopalytic.settings import Settings, load_settings
from shopalytic.store import Store
from shopalytic.store.client import open_store
from shopalytic.stream import Stream

EVENTS_A_VISITOR = 10
SIGN_IN = 5
"""The visitor's message, from 0, that is an `identify` in one of the projects."""
VISITORS_A_CUSTOMER = 2.5
PIECES = 20
MESSAGES_A_REQUEST = 100
SENDERS = 4
QUESTIONS = 21

encode = msgspec.json.Encoder().encode


class Spent(NamedTuple):
    """processor_seconds: of all processes of the system."""

    seconds: float
    processor_seconds: float


class InForce(msgspec.Struct):
    number: int


def message(visitor: int, number: int, customers: int, *, signs_in: bool, now_ms: int) -> dict[str, Any]:
    """The visitor's n-th one. Every third visitor orders with the last."""
    one: dict[str, Any] = {
        "event": "page_view" if number % 2 else "product_view",
        "message_id": f"{visitor}-{number}",
        "tracking_id": f"visitor-{visitor}",
        "timestamp": now_ms,
        "context": {
            "url": f"https://shop.example/gifts/{(visitor + number) % 800}?utm_source=news&utm_medium=email",
            "referrer": "https://www.google.com/", "title": "Gift shop", "screen": "1440x900",
            "language": "en-GB", "time_zone": "Europe/London",
        },
        "library": "tag/1.0.0",
    }  # fmt: skip
    if number == SIGN_IN:
        one["event"] = "page_view"
        if signs_in:
            one |= {"type": "identify", "event": "identify", "user_id": f"customer-{visitor % customers}"}
    elif number == EVENTS_A_VISITOR - 1 and visitor % 3 == 0:
        total = f"{5 + visitor % 90}.50"
        lines = [{"sku": "22196", "name": "Measuring spoons", "price": total, "qty": 1}]
        one |= {
            "event": "order",
            "properties": {"order_id": str(visitor), "cart_id": str(visitor), "total": total, "subtotal": total,
                           "line_items": lines},
        }  # fmt: skip
    elif one["event"] == "product_view":
        one["properties"] = {
            "sku": str(visitor % 800),
            "name": f"Vintage cushion {visitor % 800}",
            "price": "4.95",
        }
    return one


def requests_of(token: str, visitors: range, customers: int, *, signs_in: bool) -> list[bytes]:
    """Bodies of `/batch`. Many visitors are there at once: first everybody's first message, then the second ones."""
    now_ms = time.time_ns() // 1_000_000
    messages = [
        message(visitor, number, customers, signs_in=signs_in, now_ms=now_ms + number)
        for number in range(EVENTS_A_VISITOR)
        for visitor in visitors
    ]
    return [
        encode({"token": token, "events": messages[at : at + MESSAGES_A_REQUEST]})
        for at in range(0, len(messages), MESSAGES_A_REQUEST)
    ]


def send(system: System, bodies: list[bytes]) -> None:
    """All of them, over a few connections; the order is kept within each."""

    def send_some(some: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=60)
        for body in some:
            connection.request("POST", "/batch", body, {"Content-Type": "text/plain"})
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 200, answer
        connection.close()

    threads = [threading.Thread(target=send_some, args=(bodies[at::SENDERS],)) for at in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def store_all(system: System, secret_key: str, bodies: list[bytes]) -> Spent:
    """From the first request until nothing waits."""
    worked_before = processor_seconds(system)
    began = time.monotonic()
    send(system, bodies)
    while system.get("/api/v1/counters", secret_key)["waiting"]:
        time.sleep(0.05)
    return Spent(time.monotonic() - began, processor_seconds(system) - worked_before)


def processor_seconds(system: System) -> float:
    """That all processes of the system have used so far."""
    ticks = 0
    for pid in system.pids():
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def load(
    system: System, projects: dict[str, dict[str, Any]], visitors: int, customers: int
) -> dict[str, list[Spent]]:
    """What each piece took, by project."""
    spent: dict[str, list[Spent]] = {name: [] for name in projects}
    for piece in range(PIECES):
        some = range(visitors * piece // PIECES, visitors * (piece + 1) // PIECES)
        names = sorted(projects, reverse=bool(piece % 2))
        for name in names:
            bodies = requests_of(projects[name]["token"], some, customers, signs_in=name == "signing in")
            spent[name].append(store_all(system, projects[name]["secret_key"], bodies))
        print(
            f"  piece {piece + 1}: {', '.join(f'{name} {spent[name][-1].seconds:.1f} s ({spent[name][-1].processor_seconds:.1f})' for name in names)}",
            flush=True,
        )
    return spent


def ask(question: Callable[[], RevenueByCustomer]) -> tuple[float, RevenueByCustomer]:
    """Median milliseconds, and what was answered."""
    question()
    times = []
    for _ in range(QUESTIONS):
        began = time.perf_counter()
        answer = question()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), answer


def overrides_in_force(store: Store) -> int:
    return store.rows(InForce, "SELECT count() AS number FROM {{overrides}} FINAL WHERE notEmpty(timeline)")[
        0
    ].number


def fold_all(store: Store, settings: Settings) -> float:
    """Seconds that a round takes without waiting for the next sweep between its turns."""
    engine = make_engine(settings.relational_url)
    stream = Stream(settings.queue_url, settings.partitions)
    sessions = make_sessions(engine)
    now = datetime.now(UTC)
    began = time.monotonic()
    while overrides_in_force(store):
        fold.begin(sessions, now)
        while not fold.go_on(store, sessions, stream, now, rest=timedelta(0)):
            time.sleep(0.05)
    stream.close()
    engine.dispose()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="What identity costs.")
    parser.add_argument("--events", type=int, default=1_000_000, help="of each project")
    events = parser.parse_args().events
    visitors = events // EVENTS_A_VISITOR
    customers = int(visitors / VISITORS_A_CUSTOMER)
    with (
        tempfile.TemporaryDirectory(prefix="shopalytic-bench-") as folder,
        running_system(Path(folder) / "data", log=Path(folder) / "up.log") as system,
    ):
        strangers = system.run("project", "create", "Strangers", "--json")
        projects = {"signing in": system.project, "strangers": strangers}
        print(f"{events:,} events of {visitors:,} visitors, who are {customers:,} customers", flush=True)
        spent = load(system, projects, visitors, customers)
        rates = {name: events / sum(one.seconds for one in pieces) for name, pieces in spent.items()}
        each_us = {
            name: sum(one.processor_seconds for one in pieces) / events * 1e6
            for name, pieces in spent.items()
        }
        print(
            f"sustained: {rates['signing in']:,.0f} events/s with identify calls, {rates['strangers']:,.0f} without: "
            f"{rates['signing in'] / rates['strangers']:.0%} of it; processor time of all processes, an event: "
            f"{each_us['signing in']:.0f} µs and {each_us['strangers']:.0f} µs",
            flush=True,
        )
        settings = load_settings({"SHOPALYTIC_DATA_DIR": str(system.data_dir)})
        store = open_store(settings)
        today = datetime.now(UTC).date()
        period = Period.of_days(today - timedelta(days=2), today + timedelta(days=1), "UTC")
        project = Project(system.project["project_id"], "UTC", "EUR")
        for each in projects.values():
            counters = system.get("/api/v1/counters", each["secret_key"])
            assert counters["stored"] == counters["accepted"] == events, counters
        unfolded_count = overrides_in_force(store)
        unfolded_ms, unfolded = ask(lambda: revenue_by_customer(store, project, period))
        seconds = fold_all(store, settings)
        folded_ms, folded = ask(lambda: revenue_by_customer(store, project, period))
        assert folded == unfolded
        assert folded.totals.orders == len(range(0, visitors, 3)), folded.totals
        print(
            f"revenue by customer ({folded.totals.customers:,} who ordered): {unfolded_ms:.0f} ms read through "
            f"{unfolded_count:,} overrides, {folded_ms:.0f} ms once folded: {unfolded_ms / folded_ms:.2f} times; "
            f"folding took {seconds:.1f} s",
            flush=True,
        )
        store.close()


if __name__ == "__main__":
    main()
