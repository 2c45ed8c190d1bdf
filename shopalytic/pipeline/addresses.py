"""Network addresses leave what is kept, where the project does not ask for them to be stored."""

from __future__ import annotations

from typing import Any

import msgspec

from shopalytic.events.message import Envelope
from shopalytic.pipeline.place import Place

_encode = msgspec.json.Encoder().encode


def strip_address(envelope: Envelope, raw: bytes, place: Place | None) -> bytes:
    """The entry of the stream as it is set aside: without the address, but with its country, so that a replay has that.

    raw: given back as it is where there is no address in it, where the project stores addresses, and where the message is
    no JSON object. The same each time for the same database of countries.
    """
    message = bytes(envelope.message)
    stripped, named = ("", "") if envelope.keeps_address else _strip_message(message)
    if envelope.keeps_address or not (envelope.ip or stripped):
        return raw
    address = named or envelope.ip
    country = place.find_country(address) if place is not None and address else ""
    # Of several the visitor's own is the one in the message.
    known = country if named else envelope.country or country
    kept = msgspec.structs.replace(
        envelope, ip="", country=known, message=msgspec.Raw(stripped.encode() if stripped else message)
    )
    return _encode(kept)


def _strip_message(message: bytes) -> tuple[str, str]:
    """(the message without its context's address, the address); empty texts where it has none."""
    if b'"ip"' not in message and b"\\u" not in message:
        return "", ""
    try:
        members = msgspec.json.decode(message, type=dict[str, msgspec.Raw])
        context = msgspec.json.decode(members.get("context", b"{}"), type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "", ""
    if "ip" not in context:
        return "", ""
    sent: Any = msgspec.json.decode(context.pop("ip"))
    members["context"] = msgspec.Raw(_encode(context))
    return _encode(members).decode(), sent if isinstance(sent, str) else ""
