"""A proxy before a real collector that can fail the ways a network and a server fail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection

from tests.browser.collector import Answer, Collector, Request


@dataclass
class Fault(Answer):
    """What one POST gets instead of the collector's answer.

    is_taken: the collector gets the request all the same, and only its answer is lost.
    """

    is_taken: bool = False


class Relay(Collector):
    """Hands every POST on to the collector at 127.0.0.1, unless `faults` says what happens to it instead.

    taken: how many messages each handed-on request held.
    """

    def __init__(self, port: int) -> None:
        self.faults: list[Fault] = []
        self.taken: list[int] = []
        self._collector_port = port
        super().__init__()

    def answer_to(self, request: Request) -> Answer:
        fault = self.faults.pop(0) if self.faults else None
        if fault and not fault.is_taken:
            return fault
        connection = HTTPConnection("127.0.0.1", self._collector_port, timeout=30)
        try:
            headers = {name: value for name, value in request.headers.items() if name != "Connection"}
            connection.request("POST", request.path, request.raw, headers)
            response = connection.getresponse()
            body = json.loads(response.read())
        finally:
            connection.close()
        self.taken.append(len(request.body.get("events", [0])))
        shown = {
            name.title(): value
            for name, value in response.getheaders()
            if name.lower().startswith(("access-control-", "retry-after"))
        }
        return fault or Answer(response.status, body, shown)
