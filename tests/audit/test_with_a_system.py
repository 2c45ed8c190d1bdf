"""A night passes on a running system: real schedule, worker, store; then what differs is mended by the API."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rq import Queue
from sqlalchemy import delete, update

from benchmarks.system import System, running_system
from shopalytic.accounts.db import make_engine, make_sessions
from shopalytic.accounts.models import Identity, Project
from shopalytic.settings import load_settings
from shopalytic.stream import Stream
from tests.privacy.test_with_a_system import send

PATIENCE_SECONDS = 120


def wait_until_done(system: System, check_id: int) -> Any:
    """The check of this number or a later one."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while (last := system.get("/api/v1/identity/check")["last"]) is None or last["check_id"] < check_id:
        assert time.monotonic() < ends_at
        time.sleep(0.1)
    return last


def test_a_night_passes_and_what_differs_is_mended(tmp_path: Path) -> None:
    with running_system(tmp_path / "data") as system:
        token = system.project["token"]
        for path, browser, said in (
            ("/track", "phone", {"event": "page_view"}),
            ("/track", "laptop", {"event": "page_view"}),
            ("/identify", "phone", {"user_id": "jon"}),
        ):
            message = {"token": token, "tracking_id": browser, "timestamp": "2026-01-15T12:00:00Z"}
            send(system, path, message | said)
        system.wait_until_stored(patience_seconds=PATIENCE_SECONDS)

        settings = load_settings({"SHOPALYTIC_DATA_DIR": str(system.data_dir)})
        engine = make_engine(settings.relational_url)
        with make_sessions(engine).begin() as db:
            db.execute(update(Project).values(created_at=datetime.now(UTC) - timedelta(days=2)))
            db.execute(delete(Identity).where(Identity.id_value == "jon"))
        engine.dispose()
        stream = Stream(settings.queue_url, settings.partitions)
        Queue("shopalytic", connection=stream.client).enqueue(
            "shopalytic.jobs.check_customers", result_ttl=0, failure_ttl=60
        )
        stream.close()
        night = wait_until_done(system, 1)
        assert (night["asked_by"], night["differences"], night["rows"]) == ("schedule", 1, 3)
        assert [one["kind"] for one in night["samples"]] == ["identity_missing"]

        secret = {"Authorization": f"Bearer {system.project['secret_key']}"}
        begun = send(system, "/api/v1/identity/check", {"mend": True}, **secret)
        mended = wait_until_done(system, begun["running"]["check_id"])
        assert (mended["differences"], mended["mended"]) == (1, 1)
        [told] = system.run("check-identity", "--project", token, "--json")
        assert (told["check"]["differences"], told["check"]["rows"]) == (0, 3)
