"""When overrides reach the store."""

from __future__ import annotations

import pytest

from shopalytic import jobs
from shopalytic.accounts.db import reading
from shopalytic.identity.overrides import pending_overrides
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from tests.pipeline.conftest import Line


def shared_laptop(line: Line, person: str) -> None:
    """A browser of the person's that was there before, and another one that is the person's from now on."""
    line.send(
        {
            "message_id": f"{person}-known",
            "type": "identify",
            "tracking_id": f"{person}-phone",
            "user_id": person,
        }
    )
    line.drain()
    line.send({"message_id": f"{person}-before", "tracking_id": f"{person}-laptop"})
    line.drain()
    line.send(
        {
            "message_id": f"{person}-now",
            "type": "identify",
            "tracking_id": f"{person}-laptop",
            "user_id": person,
        }
    )


def unsent(line: Line) -> int:
    with reading(line.sessions) as db:
        return sum(one.project_id == line.project_id for one in pending_overrides(db))


def test_while_more_messages_wait_overrides_are_sent_only_now_and_then(line: Line) -> None:
    runner = line.runner()
    for person, left in (("anna", 0), ("ben", 1)):
        shared_laptop(line, person)
        partition = line.lease()
        batch = partition.claim(10)
        assert batch
        runner.run(partition, batch, more_wait=True)
        assert unsent(line) == left
    runner.send_overrides()
    assert unsent(line) == 0
    owners = {row.message_id: row.owner_id for row in line.rows()}
    assert owners["ben-before"] == owners["ben-known"] != owners["anna-before"]


def test_once_no_message_waits_every_override_is_sent(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(Settings(batch_size=1), line.sessions, line.store, line.stream)
    runner = line.runner()
    monkeypatch.setattr(jobs, "_parts", lambda: (parts, runner))
    monkeypatch.setattr(jobs, "TURN_SECONDS", 60)
    runner.send_overrides()  # the next ones would not be due
    shared_laptop(line, "anna")
    line.stream.client.delete("{shopalytic:0}:lease")
    assert jobs.drain(0) == 1
    assert unsent(line) == 0
    owners = {row.message_id: row.owner_id for row in line.rows()}
    assert owners["anna-before"] == owners["anna-known"]
