"""Several people on shared and own devices, delivered as badly as can be: never a difference to the small model.

`python -m benchmarks.identity_cases` runs the same for as long as one likes.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.orm import Session, sessionmaker

from tests.identity.shop_machine import ShopMachine

FEW = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    # The same cases each time: chance has its place in the long run, not where others wait for the answer.
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_people_devices_and_faults_come_to_what_the_model_says(sessions: sessionmaker[Session]) -> None:
    run_state_machine_as_test(lambda: ShopMachine(sessions), settings=FEW)
