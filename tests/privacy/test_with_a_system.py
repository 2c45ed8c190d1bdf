"""A customer is anonymised by an app's call and another forgotten by a command, with real workers."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.system import System, running_system
from tests.privacy.test_anonymise import order


def send(system: System, path: str, body: Any, **headers: str) -> Any:
    request = urllib.request.Request(
        system.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"} | headers
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def find(system: System, id: str) -> Any:
    try:
        return system.get(f"/api/v1/customers?id={id}")
    except urllib.error.HTTPError as error:
        return error.code


def wait_until_gone(system: System, id: str) -> None:
    ends_at = time.monotonic() + 60
    while find(system, id) != 404:
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def totals(system: System) -> Any:
    figures = system.get("/api/v1/reports/overview?start=2026-01-01&end=2026-12-31")["totals"]
    return figures["orders"], figures["revenue"]


def test_an_apps_call_and_a_command_erase_customers(tmp_path: Path) -> None:
    with running_system(tmp_path / "data") as system:
        token = system.project["token"]
        for name, number, total in (("jon", "1", "10.00"), ("ann", "2", "5.00"), ("eve", "3", "2.00")):
            message = {
                "token": token,
                "tracking_id": f"{name}-browser",
                "user_id": name,
                **order(number, total),
            }
            send(system, "/track", message | {"timestamp": "2026-01-15T12:00:00Z"})
        system.wait_until_stored(patience_seconds=120)
        assert totals(system) == (3, "17.00")
        key = base64.b64encode(f":{system.project['secret_key']}".encode()).decode()
        path = f"/data/v2/projects/{token}/customers/anonymize"
        answer = send(system, path, {"customer_ids": {"user_id": "jon"}}, Authorization=f"Basic {key}")
        assert answer == {"success": True}
        expected = system.run("forget", "ann", "--project", token, "--dry-run", "--json")
        assert expected["moves"] == {"events": 1, "orders": 1, "revenue": "5.00"}
        done = system.run("forget", "ann-browser", "--project", token, "--json")
        assert done["moves"] == expected["moves"]
        assert done["step"] not in ("waiting", "cutting", "rows")
        assert find(system, "ann") == 404
        # It was asked for first.
        erasures = system.get("/api/v1/erasures")["erasures"]
        assert [(one["kind"], one["asked_by"].partition(":")[0]) for one in erasures] == [
            ("forget", "command"), ("anonymise", "key"),
        ]  # fmt: skip
        wait_until_gone(system, "jon")
        assert totals(system) == (2, "12.00")
        assert find(system, "eve")["orders"] == 1
