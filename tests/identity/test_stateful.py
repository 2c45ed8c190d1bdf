"""Several people on shared and own devices, delivered as badly as can be: never a difference to the small model.

`python -m benchmarks.identity_cases` runs the same for as long as one likes.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.errors import NotFound, Rejected
from shopalytic.identity.decisions import merge_customers, split_customer, undo_decision
from tests.identity.model import Message
from tests.identity.people import NOON
from tests.identity.shop_machine import DEVICES, PEOPLE, ShopMachine, ids_of, sightings

FEW = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    # The same cases each time: chance has its place in the long run, not where others wait for the answer.
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_people_devices_and_faults_come_to_what_the_model_says(sessions: sessionmaker[Session]) -> None:
    run_state_machine_as_test(lambda: ShopMachine(sessions), settings=FEW)


@pytest.mark.parametrize("seed", [1, 2])
def test_workers_and_an_owner_who_decides_at_the_same_time_come_to_what_the_model_says(
    sessions: sessionmaker[Session], seed: int
) -> None:
    """Real threads: three workers, one of whom repeats what it has done, and somebody who merges, splits and undoes."""
    shop = ShopMachine(sessions)
    chance = random.Random(seed)
    for number in range(120):
        say_anything(shop, chance, number)
    queues = [shop.under_way[number::3] for number in range(3)]
    queues[2] = queues[2] + queues[2][:20]
    start = threading.Barrier(4)
    failed: list[BaseException] = []

    def attempt(work: Callable[[], None]) -> None:
        try:
            start.wait(timeout=30)
            work()
        except BaseException as error:
            failed.append(error)

    def receive(queue: list[Message]) -> None:
        for first in range(0, len(queue), 5):
            shop.shop.receive(*sightings(queue[first : first + 5]))

    works = [partial(receive, queue) for queue in queues] + [partial(decide_anything, shop, chance)]
    threads = [threading.Thread(target=attempt, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failed == []
    shop.told = {message.message_id: message for message in shop.under_way}
    shop.compare()
    shop.compare_tables()


def say_anything(shop: ShopMachine, chance: random.Random, number: int) -> None:
    who, device = chance.choice(PEOPLE), chance.choice(DEVICES)
    visitor = f"{device} {chance.randrange(3)}"
    kind = chance.choice(["track", "identify"])
    ids = ids_of(who, chance.random() < 0.3) if kind == "identify" or chance.random() < 0.5 else ()
    shop.clock = number
    shop.say(kind, visitor, ids, chance.randrange(20), number % 10, pence=chance.randrange(10_000))


def decide_anything(shop: ShopMachine, chance: random.Random) -> None:
    made: list[str] = []
    for at in range(40):
        by = {"by": "user:1", "door": "api", "at": NOON + timedelta(seconds=3 * at)}
        with shop.shop.sessions.begin() as db, suppress(NotFound, Rejected):
            customers = shop.of_customers_in(db)
            if made and chance.random() < 0.3:
                change = undo_decision(db, shop.shop.project, chance.choice(made), **by)
            elif len(customers) > 1 and chance.random() < 0.6:
                change = merge_customers(db, shop.shop.project, *chance.sample(sorted(customers), 2), **by)
            elif customers:
                customer = chance.choice(sorted(customers))
                some = chance.sample(customers[customer], len(customers[customer]) // 2)
                change = split_customer(db, shop.shop.project, customer, some, **by)
            else:
                continue
            made.append(change.decision_id)
