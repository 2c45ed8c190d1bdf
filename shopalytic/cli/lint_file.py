"""The messages of a file, one after another: only what is being read is kept in memory, however large the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import msgspec

from shopalytic.collector.split import Unsplittable, find_end, read_name, skip_space

CHUNK_BYTES = 1 << 20
MESSAGE_LIMIT_BYTES = 8 << 20
"""What one message, or the head of a batch, may have; a string that does not end would be the rest of the file."""
BOM = b"\xef\xbb\xbf"
_ALL_STEPS = 1 << 60
_GOES_ON = b"[{,:"
"""A line that ends with one of these is no whole message."""


class Unreadable(Exception):
    """The file's own structure is broken: nobody can say where its messages begin and end."""


class Item(NamedTuple):
    """line: where it begins, from 1. raw: whatever stands there; whether that is a message is not checked."""

    line: int
    raw: bytes


class _Batch(msgspec.Struct):
    events: list[msgspec.Raw]


_decode_batch = msgspec.json.Decoder(_Batch).decode


class _Reader:
    """The file from `at` on; `data` holds at least what stands before the next `fill`. line: that of `at`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.data = b""
        self.at = 0
        self.line = 1

    def fill(self) -> bool:
        """Whether there is more. Forgets what stands before `at`, which becomes 0."""
        if len(self.data) - self.at > MESSAGE_LIMIT_BYTES:
            raise Unreadable(
                f"What begins in line {self.line} does not end within {MESSAGE_LIMIT_BYTES:,} bytes."
            )
        read = self._file.read(CHUNK_BYTES)
        self.data, self.at = self.data[self.at :] + read, 0
        return bool(read)

    def move(self, to: int) -> None:
        self.line += self.data.count(b"\n", self.at, to)
        self.at = to

    def peek(self) -> bytes:
        """The next byte that is no space, which `at` is moved to; empty at the end of the file."""
        while True:
            self.move(skip_space(self.data, self.at))
            if self.at < len(self.data) or not self.fill():
                return self.data[self.at : self.at + 1]

    def take_line(self) -> bytes:
        """The rest of the line, or of the file. Moves behind it."""
        searched = 0
        while (end := self.data.find(b"\n", self.at + searched)) < 0:
            searched = len(self.data) - self.at
            if not self.fill():
                end = len(self.data)
                break
        line = self.data[self.at : end]
        self.move(min(end + 1, len(self.data)))
        return line

    def take_value(self) -> bytes:
        """The value at `at`, which ends at a comma or at a bracket that is not its own. Moves to that."""
        while True:
            try:
                end = find_end(self.data, self.at, [_ALL_STEPS])
            except Unsplittable:
                if not self.fill():
                    raise Unreadable(f"What begins in line {self.line} has no end.") from None
            else:
                value = self.data[self.at : end].strip()
                self.move(end)
                return value

    def enter_object(self) -> bytes | None:
        """Moves to the array `events` of the object at `at`; behind an object without one, which it returns."""
        while True:
            try:
                to, is_batch = _find_events(self.data, self.at)
            except Unsplittable:
                if not self.fill():
                    raise Unreadable(f"The object that begins in line {self.line} has no end.") from None
            else:
                whole = None if is_batch else self.data[self.at : to]
                self.move(to)
                return whole


def read_items(file: BinaryIO) -> Iterator[Item]:
    """The messages of JSON Lines, of a JSON array, or of a batch `{"events": […]}`; of several such, too.

    In JSON Lines a damaged line is an item like any other, and the next line is read. Raises Unreadable, also
    after some items; OSError.
    """
    reader = _Reader(file)
    reader.fill()
    if reader.data.startswith(BOM):
        reader.at = len(BOM)
    first = reader.peek()
    if first and first not in (b"{", b"["):
        raise Unreadable(
            f"Neither JSON Lines, nor a JSON array, nor a batch: line {reader.line} begins with neither {{ nor [."
        )
    if first == b"{" and _is_lines(reader.data[reader.at :]):
        yield from _read_lines(reader)
    else:
        yield from _read_values(reader)


def _is_lines(head: bytes) -> bool:
    """Whether the first line is a message, also a damaged one, and not the beginning of a longer object."""
    line, _, rest = head.partition(b"\n")
    line = line.strip()
    try:
        if find_end(line + b",", 0, [_ALL_STEPS]) == len(line):
            return len(head) < CHUNK_BYTES or b"\n" in head
    except Unsplittable:
        pass
    return line[-1:] not in _GOES_ON and rest.lstrip()[:1] == b"{"


def _read_lines(reader: _Reader) -> Iterator[Item]:
    while reader.peek():
        number = reader.line
        line = reader.take_line().strip()
        if b'"events"' in line:
            try:
                yield from [Item(number, bytes(raw)) for raw in _decode_batch(line).events]
            except (msgspec.MsgspecError, ValueError, RecursionError):
                yield Item(number, line)
        else:
            yield Item(number, line)


def _read_values(reader: _Reader) -> Iterator[Item]:
    while first := reader.peek():
        number = reader.line
        if first == b"[":
            yield from _read_array(reader)
        elif first != b"{":
            raise Unreadable(f"Line {number}: an object or an array should begin here.")
        elif (whole := reader.enter_object()) is not None:
            yield Item(number, whole)
        else:
            yield from _read_array(reader)
            _leave_object(reader)


def _read_array(reader: _Reader) -> Iterator[Item]:
    reader.move(reader.at + 1)
    if reader.peek() == b"]":
        reader.move(reader.at + 1)
        return
    while True:
        reader.peek()
        yield Item(reader.line, reader.take_value())
        closing = reader.data[reader.at : reader.at + 1]
        if closing == b"}":
            raise Unreadable(f"Line {reader.line}: an array ends with }}.")
        reader.move(reader.at + 1)
        if closing == b"]":
            return


def _leave_object(reader: _Reader) -> None:
    """Over the members that follow the array."""
    while (first := reader.peek()) == b",":
        reader.move(reader.at + 1)
        reader.peek()
        reader.take_value()
    if first != b"}":
        raise Unreadable(f"Line {reader.line}: a batch's end is missing.")
    reader.move(reader.at + 1)


def _find_events(data: bytes, at: int) -> tuple[int, bool]:
    """(where the array `events` begins, True), or (where the object without one ends, False). Raises Unsplittable."""
    at = skip_space(data, at + 1)
    while data[at : at + 1] != b"}":
        name, at = read_name(data, at)
        if name == "events" and data[at : at + 1] == b"[":
            return at, True
        at = find_end(data, at, [_ALL_STEPS])
        if data[at : at + 1] == b",":
            at = skip_space(data, at + 1)
        elif data[at : at + 1] != b"}":
            raise Unsplittable("a comma or the end of the object is missing")
    return at + 1, False
