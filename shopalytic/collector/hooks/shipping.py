"""Delivery dates, from whoever knows them: `{order_id, shipment_id, date_shipped, date_delivered, carrier}`."""

from __future__ import annotations

from typing import Any

from shopalytic.collector.hooks.reading import Reading, Told, carrier_code, get_id, ids, text, track
from shopalytic.collector.translated import digest_id
from shopalytic.errors import Rejected


def read(topic: str, body: dict[str, Any]) -> Reading:
    """Raises Rejected. A parcel that is sent but not delivered yet has no date_delivered."""
    order_id = get_id(body, "order_id")
    properties = {
        "order_id": order_id,
        "shipment_id": get_id(body, "shipment_id"),
        "date_shipped": _date(body, "date_shipped"),
        "date_delivered": _date(body, "date_delivered"),
        "carrier": carrier_code(body["carrier"]) if text(body.get("carrier")) else None,
        "carrier_name": text(body.get("carrier")) or None,
        "tracking_number": text(body.get("tracking_number")) or None,
    }
    if properties["date_shipped"] is None and properties["date_delivered"] is None:
        raise Rejected("The notification has neither date_shipped nor date_delivered.", at="date_shipped")
    # By what it says: whoever sends it again may count his attempts in it.
    return [
        Told(track("shipment_update", ids(order=order_id), properties), digest_id("shipping:", properties))
    ]


def _date(body: dict[str, Any], name: str) -> str | int | None:
    """UTC seconds as a number, else a text."""
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else text(value) or None
