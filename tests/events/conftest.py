from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from shopalytic.events.event import Quarantine
from shopalytic.events.message import Envelope
from shopalytic.events.parse import Parsed, parse_message

RECEIVED_MS = 1_700_000_000_000
"""2023-11-14 22:13:20 UTC."""


def make_envelope(message: Any = None, /, *, raw: bytes | None = None, **envelope: Any) -> Envelope:
    """A valid envelope of the message; `raw` instead of it is taken as it is."""
    if raw is None:
        raw = msgspec.json.encode({"event": "search", "tracking_id": "visitor-1"} | (message or {}))
    fields = {"project_id": 1, "received_at": RECEIVED_MS, "message_id": "m-1"} | envelope
    return Envelope(message=msgspec.Raw(raw), **fields)


def read_either(message: Any = None, /, **envelope: Any) -> Parsed | Quarantine:
    return parse_message(make_envelope(message, **envelope), RECEIVED_MS + 50)


def read_message(message: Any = None, /, **envelope: Any) -> Parsed:
    parsed = read_either(message, **envelope)
    assert isinstance(parsed, Parsed), parsed
    return parsed


@pytest.fixture
def read() -> Callable[..., Parsed]:
    """The parsed message, which must be readable."""
    return read_message


@pytest.fixture
def refuse() -> Callable[..., Quarantine]:
    """Why the message is set aside, which it must be."""

    def refuse(message: Any = None, /, **envelope: Any) -> Quarantine:
        quarantine = read_either(message, **envelope)
        assert isinstance(quarantine, Quarantine), quarantine
        return quarantine

    return refuse
