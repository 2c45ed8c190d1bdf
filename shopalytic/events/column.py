"""What a shop sent along, in a form that the store's JSON column takes and gives back unchanged.

The column has dots mean a path, drops nulls and empty objects, knows no integer beyond 64 bits, refuses a whole
insert for a number that no double holds, and turns `[true, 1]` into `[1, 1]`. What it would change or refuse stands
instead in one property, REST, as JSON text of the same shape; all else stands where it was. `merge` puts the two
together again.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

import msgspec

REST = "_rest"
CONTEXT = "_context"
"""Members of the message's context that have no column."""
EVENT = "_event"
"""An event's name as sent, where it is another than the column's."""
SOFT_IDS = "_soft_ids"
"""Ids that link nobody in this project, by type, as sent."""
NOBODY_IDS = "_nobody_ids"
"""JSON text: what came as ids and identifies nobody, such as `null`, by the place in the message."""
RESERVED = frozenset({REST, CONTEXT, EVENT, SOFT_IDS, NOBODY_IDS})

DEPTH_LIMIT = 50
"""Levels that become paths of the column; what lies deeper is kept as text."""
TOO_DEEP = 100
"""Levels at which a message is refused: reading it back would end in a recursion error."""
PATHS_LIMIT = 250
"""Paths that one event may add to the column. Each is a file of its own until a part has 1,024 of them."""
KEY_LIMIT = 100
_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(2**63), 2**63 - 1, 2**64 - 1
_EXACT_INT = 2**53

_PLAIN_KEY = re.compile(rf"[^.\x00-\x1f\x7f`]{{1,{KEY_LIMIT}}}")
_encode = msgspec.json.Encoder(decimal_format="number").encode
_NO = object()


class TooDeep(ValueError):
    """The value is nested more than TOO_DEEP levels."""


@lru_cache(maxsize=4096)
def _is_plain_key(key: str) -> bool:
    return _PLAIN_KEY.fullmatch(key) is not None and key not in RESERVED


def split(sent: dict[str, Any]) -> dict[str, Any]:
    """The column's value for `sent` (decoded with floats as Decimal). Raises TooDeep."""
    budget = [PATHS_LIMIT]
    plain, rest = _split(sent, 1, budget)
    if rest:
        plain[REST] = _encode(rest).decode()
    return plain


def _split(sent: dict[str, Any], depth: int, budget: list[int]) -> tuple[dict[str, Any], dict[str, Any]]:
    plain: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in sent.items():
        kind = type(value)
        if not _is_plain_key(name) or budget[0] <= 0:
            rest[name] = _limit_depth(value, depth)
        elif kind is str or kind is bool:
            plain[name] = value
            budget[0] -= 1
        elif kind is dict:
            if not value or depth >= DEPTH_LIMIT:
                rest[name] = _limit_depth(value, depth)
                continue
            inner, left = _split(value, depth + 1, budget)
            if inner:
                plain[name] = inner
            if left:
                rest[name] = left
        else:
            taken = _plain_list(value, depth) if kind is list else _plain_number(value)
            if taken is _NO:
                rest[name] = _limit_depth(value, depth)
            else:
                plain[name] = taken
                budget[0] -= 1
    return plain, rest


def _plain_number(value: Any) -> Any:
    """The number, a fraction as the float that means exactly it; _NO for null and what 64 bits do not hold."""
    if type(value) is int:
        return value if _INT64_MIN <= value <= _UINT64_MAX else _NO
    if type(value) is Decimal:
        number = float(value)
        return number if Decimal(repr(number)) == value else _NO
    return _NO


def _plain_list(values: list[Any], depth: int) -> Any:
    """A list of one kind of thing (nulls allowed beside texts and numbers); _NO for any other."""
    kinds = {type(value) for value in values}
    if kinds == {type(None)}:
        # Of no type of its own, it becomes what another row has at that path: `[null]` read back as `[{}]`.
        return _NO
    if kinds <= {str, type(None)} or kinds == {bool}:
        return values
    if kinds <= {int, type(None)}:
        return values if all(v is None or _INT64_MIN <= v <= _INT64_MAX for v in values) else _NO
    if kinds <= {int, Decimal}:
        numbers = [_plain_number(value) for value in values]
        if any(number is _NO or (type(number) is int and abs(number) > _EXACT_INT) for number in numbers):
            return _NO
        return numbers
    if kinds == {dict} and depth < DEPTH_LIMIT:
        items = []
        for value in values:
            plain, rest = _split(value, depth + 2, [PATHS_LIMIT])
            if rest:
                return _NO
            items.append(plain)
        return items
    return _NO


def _limit_depth(value: Any, depth: int) -> Any:
    if depth >= TOO_DEEP:
        raise TooDeep(f"nested more than {TOO_DEEP} levels deep")
    if type(value) is dict:
        for item in value.values():
            _limit_depth(item, depth + 1)
    elif type(value) is list:
        for item in value:
            _limit_depth(item, depth + 1)
    return value


def merge(column: dict[str, Any]) -> dict[str, Any]:
    """What was sent, from the column's value. A fraction that no double holds comes as text."""
    if REST not in column:
        return {name: value for name, value in column.items() if name not in RESERVED}
    text = column[REST]
    rest = _rest_decoder.decode(text) if isinstance(text, str) else {}
    return _merge({name: value for name, value in column.items() if name not in RESERVED}, rest)


def _merge(plain: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    merged = dict(plain)
    for name, value in rest.items():
        known = merged.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[name] = _merge(known, value)
        else:
            merged[name] = value
    return merged


def _number(text: str) -> Any:
    number = _plain_number(Decimal(text))
    return text if number is _NO else number


_rest_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=cast(Any, _number))
