"""Small rules that change quarantined messages before their replay."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec

RuleKind = Literal["rename", "default", "number"]
IDS = frozenset({"tracking_id", "user_id", "message_id", "email", "order_id", "refund_id", "shipment_id"})
"""What tells one customer, order or message from another."""
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Rule(msgspec.Struct, frozen=True):
    """What to do to the member at a path such as `properties.total`.

    rename: to the path `value`, unless there is something already. default: gives it `value` where it is missing or null.
    number: makes its text a number, exactly.
    """

    kind: RuleKind
    at: tuple[str, ...]
    value: Any = None


def parse_rule(kind: str, at: str, value: str) -> Rule:
    """at: names with dots between. value: a path for `rename`; for `default` JSON, or else a text as it stands.

    Raises ValueError with what is wrong.
    """
    path = _parse_path(at)
    match kind:
        case "rename":
            to = _parse_path(value)
            if to[: len(path)] == path or path[: len(to)] == to:
                raise ValueError("a property cannot be renamed into itself")
            return Rule("rename", path, to)
        case "default":
            if path[0] in IDS or path[-1] in IDS:
                raise ValueError(
                    "an id has no default: all these messages would be one customer's, or one order"
                )
            if not value.strip():
                raise ValueError("a default needs a value")
            return Rule("default", path, _parse_value(value.strip()))
        case "number":
            return Rule("number", path)
    raise ValueError("a rule renames, sets a default, or makes a text a number")


def mend(message: bytes, rule: Rule) -> bytes | None:
    """The message with the rule done to it; None where it changes nothing, as for what is no JSON object."""
    try:
        found = _decode(message)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return None
    return _encode(found) if isinstance(found, dict) and _apply(found, rule) else None


def _apply(message: dict[str, Any], rule: Rule) -> bool:
    """Whether the message was changed, which it is in place."""
    match rule.kind:
        case "rename":
            parent = _find_parent(message, rule.at)
            if parent is None or rule.at[-1] not in parent:
                return False
            value = parent[rule.at[-1]]
            if not _put(message, rule.value, value):
                return False
            del parent[rule.at[-1]]
            return True
        case "default":
            return _put(message, rule.at, rule.value)
        case "number":
            parent = _find_parent(message, rule.at)
            number = _parse_number(parent.get(rule.at[-1])) if parent else None
            if parent is None or number is None:
                return False
            parent[rule.at[-1]] = number
            return True


def _put(message: dict[str, Any], path: tuple[str, ...], value: Any) -> bool:
    """Set what is missing or null, with the objects around it; False where something is in the way."""
    at: Any = message
    for name in path[:-1]:
        if not isinstance(at, dict) or not isinstance(at.get(name, {}), dict):
            return False
        at = at.get(name, {})
    if isinstance(at, dict) and at.get(path[-1]) is not None:
        return False
    at = message
    for name in path[:-1]:
        at = at.setdefault(name, {})
    at[path[-1]] = value
    return True


def _find_parent(message: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    at: Any = message
    for name in path[:-1]:
        at = at.get(name) if isinstance(at, dict) else None
    return at if isinstance(at, dict) else None


def _parse_path(text: str) -> tuple[str, ...]:
    path = tuple(name.strip() for name in text.split("."))
    if not all(path) or len(path) > 8 or len(text) > 200:
        raise ValueError("a property is named like timestamp or properties.total")
    return path


def _parse_value(text: str) -> Any:
    try:
        return _decode(text.encode())
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return text


def _parse_number(value: Any) -> Decimal | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 40 else None
