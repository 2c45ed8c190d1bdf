"""Ids: what clients send, made comparable, and the origin that rows are stored under."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from shopalytic.errors import ShopalyticError

VISITOR = "tracking_id"
"""The id type of a visitor; no client may use it for a customer's id."""
USER_ID = "user_id"
"""The id type of a plain id that the client gave no type."""
EMAIL = "email"

ID_LENGTH_MAX = 255
TYPE_LENGTH_MAX = 64
IDS_PER_MESSAGE_MAX = 20

NAMESPACE = uuid.UUID("7d3b2a4e-51f0-5c8b-9a0d-3f6f5a0c7e21")
"""Changing it makes every stored row belong to nobody."""

NOBODY = frozenset(
    {
        "null",
        "(null)",
        "nil",
        "none",
        "undefined",
        "nan",
        "n/a",
        "unknown",
        "true",
        "false",
        "0",
        "-1",
        "[]",
        "{}",
        "anonymous",
        "anon",
        "guest",
        "visitor",
        "user",
        "customer",
        "not_authenticated",
        "id",
        "user_id",
        "userid",
        "customer_id",
        "distinct_id",
        "email",
        "tracking_id",
        "cookie",
        "00000000-0000-0000-0000-000000000000",
        "[object object]",
        "not set",
        "(not set)",
        "not logged in",
    }
)
"""Lower-case values that pages send when they know no id. Taken for ids, they make one person of thousands."""

UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class ForbiddenId(ShopalyticError, ValueError):
    """The value cannot be anybody's id. `at` names the member, such as `user_id` or `user_id.email`."""

    status = 400
    code = "forbidden_id"
    nobody = ""
    """What was sent, where it is one of NOBODY, and so says nothing of anybody."""


def origin_id(project_id: int, id_type: str, id_value: str) -> uuid.UUID:
    """The UUIDv5 that rows of this id are stored under, and that a customer known by this id first has."""
    return uuid.uuid5(NAMESPACE, f"{project_id}\x1f{id_type}\x1f{id_value}")


def parse_user_ids(user_id: Any) -> dict[str, str]:
    """What a client sent as `user_id`, as type -> value; `{}` where it sent none (None, `{}`, `{type: None}`).

    The order is that of importance: `user_id` first, then by the type's name; a row stands under the first.
    Raises ForbiddenId at the first id that nobody can have.
    """
    ids, refused = sort_user_ids(user_id)
    if refused:
        raise refused[0]
    return ids


def sort_user_ids(user_id: Any) -> tuple[dict[str, str], list[ForbiddenId]]:
    """Like `parse_user_ids`, but keeps the good ids beside what was wrong with the others."""
    if user_id is None:
        return {}, []
    if not isinstance(user_id, Mapping):
        user_id = {USER_ID: user_id}
    if len(user_id) > IDS_PER_MESSAGE_MAX:
        return {}, [ForbiddenId(f"More than {IDS_PER_MESSAGE_MAX} ids in one message.", at="user_id")]
    found: list[tuple[bool, str, str]] = []
    refused: list[ForbiddenId] = []
    for name, value in user_id.items():
        if value is None:
            continue
        try:
            id_type = _parse_type(name)
            found.append((id_type != USER_ID, id_type, _parse_value(id_type, value)))
        except ForbiddenId as error:
            refused.append(error)
    return {id_type: value for _, id_type, value in sorted(found)}, refused


def parse_tracking_id(tracking_id: Any) -> str:
    """A visitor's id, trimmed; an empty text where the client sent none. Raises ForbiddenId."""
    if tracking_id is None:
        return ""
    return _parse_value(VISITOR, tracking_id)


def parse_previous_id(previous_id: Any) -> str:
    """What an alias says that the customer is known by; an empty text where it says nothing. Raises ForbiddenId."""
    if previous_id in (None, ""):
        return ""
    try:
        return _parse_value(VISITOR, previous_id)
    except ForbiddenId as error:
        error.at = "previous_id"
        raise


def _parse_type(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ForbiddenId("An id's type is a text.", at="user_id")
    name = name.strip()
    if name.lower() == VISITOR:
        raise ForbiddenId("The id type tracking_id is a visitor's; send it as tracking_id.", at="user_id")
    if len(name) > TYPE_LENGTH_MAX or not _is_storable(name):
        raise ForbiddenId(f"An id's type is at most {TYPE_LENGTH_MAX} printable characters.", at="user_id")
    return EMAIL if name.lower() == EMAIL else name


def _parse_value(id_type: str, value: Any) -> str:
    at = id_type if id_type in (VISITOR, USER_ID) else f"user_id.{id_type}"
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ForbiddenId(f"An id is a text or a whole number, not {_kind_of(value)}.", at=at)
    # Python refuses to write a number of thousands of digits; the limit below would refuse it as well.
    if isinstance(value, int) and abs(value).bit_length() > 1000:
        raise ForbiddenId(f"An id is longer than {ID_LENGTH_MAX} characters.", at=at)
    text = str(value).strip()
    if not text:
        raise ForbiddenId("An id is empty.", at=at)
    if len(text) > ID_LENGTH_MAX:
        raise ForbiddenId(f"An id is longer than {ID_LENGTH_MAX} characters.", at=at)
    if not _is_storable(text):
        raise ForbiddenId("An id holds characters that cannot be printed.", at=at)
    if text.strip("\"'` ").lower() in NOBODY or not text.strip("\"'` "):
        error = ForbiddenId(f"{text!r} identifies nobody.", at=at)
        error.nobody = text
        raise error
    return text.lower() if id_type == EMAIL else text


def _is_storable(text: str) -> bool:
    """Neither control characters (PostgreSQL refuses NUL) nor lone surrogates (UTF-8 has none)."""
    return text.isprintable() or not UNSTORABLE.search(text)


def _kind_of(value: Any) -> str:
    names = {bool: "true or false", float: "a decimal", list: "a list", dict: "an object", type(None): "null"}
    return names.get(type(value), type(value).__name__)
