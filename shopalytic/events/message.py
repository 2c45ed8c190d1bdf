"""What a client sends, and how it travels to the worker.

A `Message` is one item as sent. The collector looks only at what it needs to refuse early; properties and context
stay raw bytes until the worker reads them. An `Envelope` is a message plus what only the collector knows.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

MessageType = Literal["track", "identify", "alias"]
Door = Literal["native", "segment", "exponea", "import", "webhook", "pixel"]
Ids = str | int | dict[str, str | int]
Instant = int | float | str
"""UTC seconds, milliseconds (from 10^11 on) or ISO 8601."""


class Message(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One item as a client sent it. Unknown members are ignored here and travel along in the raw bytes."""

    token: str | None = None
    type: MessageType = "track"
    event: str | None = None
    message_id: str | None = None
    tracking_id: str | None = None
    user_id: Ids | None = None
    previous_id: str | int | None = None
    """Of an alias: an id that the customer is known by already, his own or a visitor's."""
    session_id: str | None = None
    timestamp: Instant | None = None
    sent_at: Instant | None = None
    properties: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    source: str | None = None
    library: str | None = None


class Envelope(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One entry of the stream. Short names: they are written once per message.

    message_id is filled in by the collector where the client sent none, so that a repeated batch keeps it.
    received_at: UTC milliseconds of the collector's clock. sent_at: the body's, where the message has none.
    """

    project_id: int = msgspec.field(name="p")
    received_at: int = msgspec.field(name="r")
    message: msgspec.Raw = msgspec.field(name="m")
    door: Door = msgspec.field(name="d", default="native")
    message_id: str = msgspec.field(name="i", default="")
    type: MessageType | None = msgspec.field(name="t", default=None)
    """Set where the door, not the message, says the type (`POST /identify`)."""
    sent_at: Instant | None = msgspec.field(name="s", default=None)
    ip: str = msgspec.field(name="a", default="")
    country: str = msgspec.field(name="c", default="")
    """Of the network address, in place of it: ISO 3166 alpha-2."""
    keeps_address: bool = msgspec.field(name="k", default=False)
    """Whether the project stored network addresses when the message was received."""
    user_agent: str = msgspec.field(name="u", default="")
    language: str = msgspec.field(name="l", default="")
    """The request's Accept-Language header; for clients that send no context.language."""
    name_sent: str = msgspec.field(name="e", default="")
    """The event's name in the client's protocol, where a door gave it another."""
    plan_id: int = msgspec.field(name="v", default=0)
    """The version of the project's tracking plan that was in force when the message was received; 0: none."""
    replay: int = msgspec.field(name="n", default=0)
    """How often the message went back from the quarantine. Without it, it would be a duplicate of itself."""
    judged_at: int = msgspec.field(name="j", default=0)
    """When a replay went back: its ids are judged by what the project has set by then. 0: by when it was received."""
    ticket: str = msgspec.field(name="w", default="")
    """`<ticket>:<number>`: a request in the sandbox waits to be told what became of this message of its."""
