"""Messages as the three doors take them, and what is answered."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.fuzz.findings import Findings
from benchmarks.fuzz.made import NUMBER, Door, Made
from benchmarks.fuzz.messages import dumps
from benchmarks.system import System
from shopalytic.collector.segment.commerce import EVENTS, LINE_ITEM, RENAMES
from shopalytic.events.catalogue import PREDEFINED

AT_ONCE = 40
ALONE_EVERY = 10
"""Of so many batches one is sent message by message, to the calls that take one."""
BODIES = (
    b"", b"{", b"[]", b"null", b'{"events": 5}', b"\xff\xfe{}", b'{"token": 1e400}', b"[" * 5000, b'{"a":' * 3000,
    b'{"events": [null, 1, "a", [], {}]}', b'{"batch": [null, 1, "a", [], {}]}', b'{"commands": [null, 1, {}, {"name": 5}]}',
)  # fmt: skip
SEGMENT_NAMES = {
    meant: name for name, meant in reversed(EVENTS.items()) if meant in PREDEFINED and meant != "cart_modify"
}


def native(made: Made, now: float) -> dict[str, Any]:
    message = {
        "event": made.event, "tracking_id": made.tracking_id, "user_id": made.user_id, "properties": made.properties,
        "timestamp": now - (made.ago_seconds or 0), "message_id": message_id(made), "library": "fuzz/1",
    }  # fmt: skip
    return message | made.members


def segment(made: Made, now: float) -> dict[str, Any]:
    """In Segment's own names where the event has some there."""
    event, properties = made.event, dict(made.properties)
    if event in SEGMENT_NAMES and (made.properties[NUMBER] % 2 or made.wrong == []):
        theirs = {ours: name for name, ours in RENAMES.get(event, {}).items()}
        properties = {theirs.get(name, name): value for name, value in properties.items()}
        lines = {ours: name for name, ours in LINE_ITEM.items()}
        if isinstance(properties.get("products"), list):
            properties["products"] = [
                {lines.get(name, name): value for name, value in line.items()}
                if isinstance(line, dict)
                else line
                for line in properties["products"]
            ]
        if isinstance(made.properties.get("shipping"), dict):
            properties.pop("shipping", None)
            properties["total_shipping"] = made.properties.get("total_shipping", 0)
            properties["shipping"] = made.properties["shipping"]
        event = SEGMENT_NAMES[event]
    names = {"session_id": "sessionId", "message_id": "messageId", "sent_at": "sentAt"}
    return {
        "type": "track", "event": event, "anonymousId": made.tracking_id, "userId": made.user_id,
        "properties": properties, "timestamp": now - (made.ago_seconds or 0), "messageId": message_id(made),
    } | {names.get(name, name): value for name, value in made.members.items()}  # fmt: skip


def exponea(made: Made, now: float) -> dict[str, Any]:
    ids = made.user_id if isinstance(made.user_id, dict) else {"registered": made.user_id}
    names = {"event": "event_type"}
    data = {
        "customer_ids": {"cookie": made.tracking_id} | ids, "event_type": made.event, "properties": made.properties,
        "timestamp": now - (made.ago_seconds or 0),
    }  # fmt: skip
    return {"name": "customers/events", "data": data | {names.get(k, k): v for k, v in made.members.items()}}


def message_id(made: Made) -> str:
    return f"fuzz-{made.properties[NUMBER]}"


class Sender:
    """Sends to one system, and counts what is answered."""

    def __init__(self, system: System, findings: Findings) -> None:
        self.system = system
        self.findings = findings
        self.token = system.project["token"]

    def post(self, door: str, path: str, body: bytes) -> Any:
        """The answer's JSON; None for what is refused as a whole."""
        headers = {"Content-Type": "application/json"}
        if door == "exponea":
            headers["Authorization"] = f"Token {self.token}"
        request = urllib.request.Request(self.system.address + path, data=body, headers=headers)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as response:
                    status, text = response.status, response.read()
            except urllib.error.HTTPError as error:
                with error:
                    status, text = error.code, error.read()
            self.findings.answers[f"{door} {status}"] += 1
            if status == 429:
                time.sleep(0.2)
                continue
            if status >= 500:
                self.findings.problems.append(f"{path} answered {status} to {body[:300]!r}: {text[:200]!r}")
            return json.loads(text) if 200 <= status < 300 else None

    def send(self, door: Door, batch: Sequence[Made], now: float, *, is_alone: bool) -> None:
        match door:
            case "native":
                items = [native(made, now) for made in batch]
                if is_alone:
                    taken = sum(
                        self.post(door, "/track", dumps({"token": self.token} | item)) is not None
                        for item in items
                    )
                else:
                    answer = self.post(door, "/batch", dumps({"token": self.token, "events": items}))
                    taken = answer["accepted"] if answer else 0
            case "segment":
                items = [segment(made, now) for made in batch]
                if is_alone:
                    taken = sum(
                        self.post(door, "/v1/track", dumps({"writeKey": self.token} | item)) is not None
                        for item in items
                    )
                else:
                    answer = self.post(door, "/v1/batch", dumps({"writeKey": self.token, "batch": items}))
                    taken = len(items) - len(answer.get("rejected", [])) if answer else 0
            case "exponea":
                items = [exponea(made, now) for made in batch]
                path = f"/track/v2/projects/{self.token}"
                if is_alone:
                    answers = [
                        self.post(door, f"{path}/customers/events", dumps(item["data"])) for item in items
                    ]
                else:
                    answer = self.post(door, f"{path}/batch", dumps({"commands": items}))
                    answers = answer.get("results", []) if answer else []
                taken = sum(bool(answer and answer["success"]) for answer in answers)
        self.findings.taken[door] += taken
        self.findings.refused += len(items) - taken

    def send_bodies(self) -> None:
        """What is no message at all."""
        exponea_path = f"/track/v2/projects/{self.token}"
        for body in BODIES:
            for path in ("/track", "/batch", "/identify", "/alias"):
                self.post("native", path, body)
            for path in ("/v1/track", "/v1/batch", "/v1/identify"):
                self.post("segment", path, body)
            for path in (
                f"{exponea_path}/batch",
                f"{exponea_path}/customers",
                f"{exponea_path}/customers/events",
            ):
                self.post("exponea", path, body)

    def introduce(self) -> int:
        """Two customers, so that a later message can name both. Gives how many messages that took.

        Long ago: who is who is decided in the order of the messages' times, not of their arrival.
        """
        long_ago = time.time() - 30 * 24 * 3600
        for ids in ({"registered": "known-one"}, {"email": "two"}):
            message = {
                "type": "identify",
                "tracking_id": f"v-{next(iter(ids))}",
                "user_id": ids,
                "timestamp": long_ago,
            }
            self.post("native", "/identify", dumps({"token": self.token} | message))
            self.findings.taken["native"] += 1
        return 2


def batches(made: Iterable[Made]) -> Iterator[tuple[Door, list[Made]]]:
    """In the order in which they were made, for each door."""
    waiting: dict[Door, list[Made]] = {}
    for each in made:
        batch = waiting.setdefault(each.door, [])
        batch.append(each)
        if len(batch) == AT_ONCE:
            yield each.door, waiting.pop(each.door)
    yield from waiting.items()
