"""Looking for somebody in every file of a data folder, compressed ones too, and in every table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import lz4.block
import msgspec
import zstandard

from shopalytic.store import Store

LZ4, ZSTD, NONE = 0x82, 0x90, 0x02
HEAD_BYTES = 16 + 9
"""A checksum, the method, and both sizes, which count from the method on."""


class Found(msgspec.Struct):
    database: str
    table: str
    column: str


def as_stored(number: UUID) -> bytes:
    """A UUID as the engine's columns hold it: two halves, each with its lowest byte first."""
    return number.bytes[7::-1] + number.bytes[:7:-1]


def files_with(folder: Path, *secrets: str | bytes) -> list[str]:
    """`file: secret` for every file that has one of them, in whatever case, in plain bytes or compressed."""
    wanted = re.compile(b"|".join(re.escape(_bytes(secret)) for secret in secrets), re.IGNORECASE)
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            for content in contents(path.read_bytes()):
                if hit := wanted.search(content):
                    found.append(f"{path.relative_to(folder)}: {hit[0]!r}")
                    break
    return found


def _bytes(secret: str | bytes) -> bytes:
    return secret.encode() if isinstance(secret, str) else secret


def contents(raw: bytes) -> Iterator[bytes]:
    """The bytes as they are, and what the blocks of the engine's own compression say, wherever in the file."""
    yield raw
    for match in re.finditer(rb"[\x82\x90]", raw):
        at = match.start()
        block = unpack(raw[at : at + 9], raw[at:])
        if block is not None:
            yield block


def unpack(head: bytes, rest: bytes) -> bytes | None:
    if len(head) < 9:
        return None
    packed, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:9], "little")
    if not 9 < packed <= len(rest) or not 0 < size <= 1 << 26:
        return None
    try:
        if head[0] == LZ4:
            return lz4.block.decompress(rest[9:packed], uncompressed_size=size)
        return zstandard.ZstdDecompressor().decompress(rest[9:packed], max_output_size=size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError):
        return None


def tables_with(store: Store, *secrets: str) -> list[str]:
    """`table.column: secret` for every column of the database whose text has one of them."""
    columns: list[Found] = store.rows(
        Found,
        "SELECT database, table, name AS column FROM system.columns WHERE database = {database:String}",
        database=store.naming.database,
    )
    hits = []
    for one in columns:
        for secret in secrets:
            rows: list[Found] = store.rows(
                Found,
                f"SELECT '' AS database, '' AS table, '' AS column FROM {one.database}.`{one.table}` "
                f"WHERE positionCaseInsensitive(toString(`{one.column}`), {{secret:String}}) > 0 LIMIT 1",
                secret=secret,
            )
            hits += [f"{one.table}.{one.column}: {secret}" for _ in rows]
    return hits
