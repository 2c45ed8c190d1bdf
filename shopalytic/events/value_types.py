"""What kind of value a customer's property has, in the words of the pages and of the API."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

ValueType = Literal["text", "number", "boolean", "date", "timestamp", "list", "object", "nothing"]

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?(Z|[+-]\d\d:?\d\d))?")


def find_type(value: Any) -> ValueType:
    """A date is a text such as 2026-01-31, a timestamp one such as 2026-01-31T12:00:00Z; a day that no calendar has
    (2026-02-30) is a text.
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "object"
    text = str(value)
    if _DATE.fullmatch(text):
        return "date" if _is_instant(text) else "text"
    return "timestamp" if _TIMESTAMP.fullmatch(text) and _is_instant(text[:19]) else "text"


def _is_instant(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
