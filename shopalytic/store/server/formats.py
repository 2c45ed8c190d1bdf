"""What is known of ClickHouse's output formats: their content types, and which can be sent piece by piece."""

from __future__ import annotations

import re

_CONTENT_TYPES = (
    (r"(TabSeparated|TSV)", "text/tab-separated-values; charset=UTF-8"),
    (r"CSVWithNames", "text/csv; charset=UTF-8; header=present"),
    (r"CSV", "text/csv; charset=UTF-8; header=absent"),
    (r"JSON\w*EachRow|JSONLines|NDJSON", "application/x-ndjson; charset=UTF-8"),
    (r"JSON", "application/json; charset=UTF-8"),
    (r"XML", "application/xml; charset=UTF-8"),
    (r"Markdown", "text/markdown; charset=UTF-8"),
    (r"ArrowStream", "application/vnd.apache.arrow.stream"),
    (
        r"(Arrow|Parquet|ORC|Avro|Native|RowBinary|MsgPack|Npy|BSON|Protobuf|CapnProto|RawBLOB)",
        "application/octet-stream",
    ),
)
_PATTERNS = [(re.compile(pattern), kind) for pattern, kind in _CONTENT_TYPES]

_HEADERLESS = {
    "native",
    "rowbinary",
    "tabseparated",
    "tsv",
    "tabseparatedraw",
    "tsvraw",
    "raw",
    "csv",
    "tskv",
    "jsoneachrow",
    "jsonlines",
    "ndjson",
    "jsonstringseachrow",
    "jsoncompacteachrow",
    "jsoncompactstringseachrow",
    "msgpack",
}
_HEADER_LINES = {
    "tabseparatedwithnames": 1,
    "tsvwithnames": 1,
    "tabseparatedwithnamesandtypes": 2,
    "tsvwithnamesandtypes": 2,
    "jsoncompacteachrowwithnames": 1,
    "jsoncompacteachrowwithnamesandtypes": 2,
}
_HEADER_STRINGS = {"rowbinarywithnames": 1, "rowbinarywithnamesandtypes": 2}

# With these the rows depend on each other, or a piece would carry a beginning and an end of its own.
_BREAKS_PIECES = re.compile(
    rb"output_format_json_array_of_rows|output_format_\w+_(?:prefix|suffix|delimiter)", re.I
)


def content_type(name: str) -> str:
    for pattern, kind in _PATTERNS:
        if pattern.match(name):
            return kind
    return "text/plain; charset=UTF-8"


def can_be_pieced(name: str, statement: bytes, settings: list[tuple[str, bytes]]) -> bool:
    """Whether the engine's pieces of a result, set one after the other, are the result.

    The engine writes each piece as a whole document of the format: fine for rows without a frame, and for
    those with a heading that `piece_header` can take off again.
    """
    name = name.lower()
    if name not in _HEADERLESS and name not in _HEADER_LINES and name not in _HEADER_STRINGS:
        return False
    names = b" ".join(setting.encode() for setting, _ in settings)
    return not (_BREAKS_PIECES.search(statement) or _BREAKS_PIECES.search(names))


def piece_header(name: str, first: bytes) -> bytes:
    """The heading that every piece of this format repeats, taken from the first piece; empty where none."""
    name = name.lower()
    if lines := _HEADER_LINES.get(name):
        end = 0
        for _ in range(lines):
            end = first.index(b"\n", end) + 1
        return first[:end]
    if lists := _HEADER_STRINGS.get(name):
        columns, position = _read_varint(first, 0)
        for _ in range(columns * lists):
            length, position = _read_varint(first, position)
            position += length
        return first[:position]
    return b""


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
