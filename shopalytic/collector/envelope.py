"""Envelopes by concatenation: the message's bytes go into the stream as they came, without being encoded again."""

from __future__ import annotations

import os
import time

import msgspec

from shopalytic.collector.sender import Sender
from shopalytic.events.message import Door, Instant, MessageType

_encode = msgspec.json.Encoder().encode


def open_envelope(
    project_id: int,
    received_at_ms: int,
    sender: Sender,
    sent_at: Instant | None,
    door: Door = "native",
    plan_id: int = 0,
    keeps_addresses: bool = False,
) -> bytes:
    """What all messages of one request share. Its first two members stand in front: the worker finds the project
    of an entry that it cannot read otherwise by them."""
    opened = b'{"p":%d,"r":%d' % (project_id, received_at_ms)
    if door != "native":
        opened += b',"d":"' + door.encode() + b'"'
    if plan_id:
        opened += b',"v":%d' % plan_id
    if sent_at is not None:
        opened += b',"s":' + _encode(sent_at)
    if sender.ip:
        opened += b',"a":' + _encode(sender.ip)
    if sender.country:
        opened += b',"c":' + _encode(sender.country)
    if keeps_addresses:
        opened += b',"k":true'
    if sender.user_agent:
        opened += b',"u":' + _encode(sender.user_agent)
    if sender.language:
        opened += b',"l":' + _encode(sender.language)
    return opened


def close_envelope(
    opened: bytes, raw: bytes, message_type: MessageType | None, message_id: str | None, name_sent: str = ""
) -> bytes:
    """raw: one valid JSON object. message_type, message_id: None where the message says them itself.

    name_sent: the event's name in the client's protocol, where the message has another.
    """
    if message_type is not None:
        opened += b',"t":"' + message_type.encode() + b'"'
    if message_id is not None:
        opened += b',"i":"' + message_id.encode() + b'"'
    if name_sent:
        opened += b',"e":' + _encode(name_sent)
    return opened + b',"m":' + raw + b"}"


def make_message_id() -> str:
    """A UUIDv7: sorts by the millisecond in which it was made."""
    number = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
