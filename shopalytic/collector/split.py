"""Cutting a damaged batch into its items, so that one of them cannot take its neighbours with it.

Only the outer structure is read: strings, and brackets counted without regard to their kind. Whether what lies
between is JSON is for whoever reads the item. Nothing here recurses, whatever the nesting.
"""

from __future__ import annotations

import re

import msgspec

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[\[{]++|[\]}]++|,', re.DOTALL)
_QUOTE, _COMMA, _COLON = b'",:'
_OPENING = frozenset(b"[{")


class Unsplittable(ValueError):
    """The batch's own structure is broken: nobody can say where its items begin and end."""


def split_batch(body: bytes, items_limit: int) -> tuple[dict[str, bytes], list[bytes] | None]:
    """The members of a JSON object, unread, and the items of its array `events`, unread; None without one.

    After one item more than `items_limit` it stops reading: what follows is missing then.
    A name that stands there twice counts with its last value. An item may come out empty, as between two commas.
    Raises Unsplittable.
    """
    members: dict[str, bytes] = {}
    items: list[bytes] | None = None
    at = _skip_space(body, 0)
    if body[at : at + 1] != b"{":
        raise Unsplittable("not an object")
    at = _skip_space(body, at + 1)
    while body[at : at + 1] != b"}":
        name, at = _read_name(body, at)
        if name == "events" and body[at : at + 1] == b"[":
            items, at = _split_array(body, at, items_limit)
            if len(items) > items_limit:
                return members, items
        else:
            end = _find_end(body, at)
            members[name], at = body[at:end].strip(), end
        at = _skip_space(body, at)
        if body[at : at + 1] == b",":
            at = _skip_space(body, at + 1)
        elif body[at : at + 1] != b"}":
            raise Unsplittable("a comma or the end of the object is missing")
    if _skip_space(body, at + 1) != len(body):
        raise Unsplittable("something follows the object")
    return members, items


def measure_depth(raw: bytes) -> int:
    """How many levels of arrays and objects stand in one another at most, brackets in strings not counted."""
    depth = deepest = 0
    for found in _STRUCTURE.finditer(raw):
        first = raw[found.start()]
        if first in _OPENING:
            depth += found.end() - found.start()
            deepest = max(deepest, depth)
        elif first not in (_QUOTE, _COMMA):
            depth -= found.end() - found.start()
    return deepest


def _skip_space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return found.end() if found else at


def _read_name(body: bytes, at: int) -> tuple[str, int]:
    """A member's name, and where its value begins."""
    found = _STRING.match(body, at)
    if found is None:
        raise Unsplittable("a member has no name")
    try:
        name = msgspec.json.decode(found[0], type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Nobody asks for a member of that name; its value only has to be stepped over.
        name = found[0].decode("latin-1")
    at = _skip_space(body, found.end())
    if body[at : at + 1] != b":":
        raise Unsplittable("a colon is missing")
    return name, _skip_space(body, at + 1)


def _split_array(body: bytes, at: int, items_limit: int) -> tuple[list[bytes], int]:
    """The items of the array that begins at `at`, and where it ends."""
    items: list[bytes] = []
    at = _skip_space(body, at + 1)
    if body[at : at + 1] == b"]":
        return items, at + 1
    while len(items) <= items_limit:
        end = _find_end(body, at)
        items.append(body[at:end].strip())
        if body[end] != _COMMA:
            if body[end : end + 1] != b"]":
                raise Unsplittable("the array of events ends with }")
            return items, end + 1
        at = end + 1
    return items, at


def _find_end(body: bytes, start: int) -> int:
    """Where the value that begins at `start` ends: at the comma or the bracket that is not its own."""
    depth = 0
    for found in _STRUCTURE.finditer(body, start):
        first, length = body[found.start()], found.end() - found.start()
        if first == _QUOTE:
            if not found[1]:
                raise Unsplittable("a string does not end")
        elif first == _COMMA:
            if depth == 0:
                return found.start()
        elif first in _OPENING:
            depth += length
        elif length > depth:
            return found.start() + depth
        else:
            depth -= length
    raise Unsplittable("it ends too early")
