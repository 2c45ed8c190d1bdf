"""Cutting a damaged batch into its items, so that one of them cannot take its neighbours with it.

Only the outer structure is read: strings, and brackets counted without regard to their kind. Whether what lies
between is JSON is for whoever reads the item. Nothing here recurses, whatever the nesting.
"""

from __future__ import annotations

import re

import msgspec

_STRING_FORM = rb'"(?:[^"\\]++|\\.)*+"'
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(_STRING_FORM, re.DOTALL)
# What stands before a bracket matters only outside of all brackets, where a comma ends the value. One match each,
# so that a text of a thousand commas costs no more steps than one without any.
_TO_BRACKETS = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING_FORM + rb")*+([\[{]++|[\]}]++|)", re.DOTALL)
_TO_BRACKETS_OR_COMMA = re.compile(
    rb'(?:[^",\[\]{}]++|' + _STRING_FORM + rb")*+([\[{]++|[\]}]++|,|)", re.DOTALL
)
_COMMA = b","[0]
_OPENING = frozenset(b"[{")

STEPS_LIMIT = 100_000
"""Runs of brackets, about a tenth of a second. A body made to take longer is refused as a whole."""
STEPS_PER_MEMBER = 100
"""A batch has five or six."""


class Unsplittable(ValueError):
    """The batch's own structure is broken: nobody can say where its items begin and end."""


def split_batch(
    body: bytes, items_limit: int, array: str = "events"
) -> tuple[dict[str, bytes], list[bytes] | None]:
    """The members of a JSON object, unread, and the items of its member `array`, unread; None without one.

    After one item more than `items_limit` it stops reading: what follows is missing then.
    A name that stands there twice counts with its last value. An item may come out empty, as between two commas.
    Raises Unsplittable.
    """
    members: dict[str, bytes] = {}
    items: list[bytes] | None = None
    steps = [STEPS_LIMIT]
    at = skip_space(body, 0)
    if body[at : at + 1] != b"{":
        raise Unsplittable("not an object")
    at = skip_space(body, at + 1)
    while body[at : at + 1] != b"}":
        name, at = read_name(body, at)
        steps[0] -= STEPS_PER_MEMBER
        if name == array and body[at : at + 1] == b"[":
            items, at = _split_array(body, at, items_limit, steps)
            if len(items) > items_limit:
                return members, items
        else:
            end = find_end(body, at, steps)
            members[name], at = body[at:end].strip(), end
        at = skip_space(body, at)
        if body[at : at + 1] == b",":
            at = skip_space(body, at + 1)
        elif body[at : at + 1] != b"}":
            raise Unsplittable("a comma or the end of the object is missing")
    if skip_space(body, at + 1) != len(body):
        raise Unsplittable("something follows the object")
    return members, items


def is_deeper(raw: bytes, levels: int) -> bool:
    """Whether more than `levels` arrays and objects stand in one another, brackets in strings not counted."""
    depth = at = 0
    while depth <= levels:
        begin, at = _next_run(_TO_BRACKETS, raw, at)
        if begin == at:
            return False
        depth += at - begin if raw[begin] in _OPENING else begin - at
    return True


def skip_space(body: bytes, at: int) -> int:
    found = _SPACE.match(body, at)
    return found.end() if found else at


def read_name(body: bytes, at: int) -> tuple[str, int]:
    """A member's name, and where its value begins."""
    found = _STRING.match(body, at)
    if found is None:
        raise Unsplittable("a member has no name")
    try:
        name = msgspec.json.decode(found[0], type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Nobody asks for a member of that name; its value only has to be stepped over.
        name = found[0].decode("latin-1")
    at = skip_space(body, found.end())
    if body[at : at + 1] != b":":
        raise Unsplittable("a colon is missing")
    return name, skip_space(body, at + 1)


def _split_array(body: bytes, at: int, items_limit: int, steps: list[int]) -> tuple[list[bytes], int]:
    """The items of the array that begins at `at`, and where it ends."""
    items: list[bytes] = []
    at = skip_space(body, at + 1)
    if body[at : at + 1] == b"]":
        return items, at + 1
    while len(items) <= items_limit:
        end = find_end(body, at, steps)
        items.append(body[at:end].strip())
        if body[end] != _COMMA:
            if body[end : end + 1] != b"]":
                raise Unsplittable("the array of events ends with }")
            return items, end + 1
        at = end + 1
    return items, at


def find_end(body: bytes, start: int, steps: list[int]) -> int:
    """Where the value that begins at `start` ends: at the comma or the bracket that is not its own.

    steps: how many are left for the whole body.
    """
    depth, end = 0, start
    for left in range(steps[0], 0, -1):
        begin, end = _next_run(_TO_BRACKETS if depth else _TO_BRACKETS_OR_COMMA, body, end)
        if begin == end:
            raise Unsplittable("it ends too early, or a string does not end")
        first = body[begin]
        if first in _OPENING:
            depth += end - begin
        elif first != _COMMA and end - begin <= depth:
            depth -= end - begin
        else:
            steps[0] = left
            return begin if first == _COMMA else begin + depth
    raise Unsplittable("too many brackets")


def _next_run(pattern: re.Pattern[bytes], body: bytes, at: int) -> tuple[int, int]:
    """Where the next run of brackets begins and ends; both the same where there is none."""
    return pattern.match(body, at).span(1)  # type: ignore[union-attr]  # a pattern of parts that may be empty
