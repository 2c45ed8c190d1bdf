"""ClickHouse's own compression, `compress=1` and `decompress=1`: a checksum, a method, two sizes, the data.

The official Go and Java clients use it. Blocks are LZ4, the default of both.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from shopalytic.store.server.body import Buffer, Source
from shopalytic.store.server.cityhash import city_hash_128
from shopalytic.store.server.failures import (
    CHECKSUM_DOESNT_MATCH,
    INCORRECT_DATA,
    NOT_IMPLEMENTED,
    StatementFailed,
    refusal,
)

_HEAD = struct.Struct("<BII")
_CHECKSUM_BYTES = 16
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_BLOCK_BYTES = 256 << 10
_LIMIT_BYTES = 1 << 30


def encode_blocks(pieces: Iterable[Buffer]) -> Iterator[bytes]:
    """LZ4 blocks of at most 256 kB each."""
    import lz4.block

    for piece in pieces:
        view = memoryview(piece).cast("B")
        for start in range(0, len(view), _BLOCK_BYTES):
            part = view[start : start + _BLOCK_BYTES]
            packed = lz4.block.compress(part, store_size=False)
            block = _HEAD.pack(_LZ4, len(packed) + _HEAD.size, len(part)) + packed
            yield city_hash_128(block) + block


class BlockBody:
    """A body of such blocks, decoded; every block's checksum is checked unless `trusting`."""

    def __init__(self, source: Source, *, trusting: bool = False) -> None:
        self._source = source
        self._trusting = trusting
        self._ready = b""

    def read(self, size: int) -> bytes:
        """Raises StatementFailed for a broken block."""
        if not self._ready:
            self._ready = self._next_block()
        piece, self._ready = self._ready[:size], self._ready[size:]
        return piece

    def _next_block(self) -> bytes:
        checksum = self._exactly(_CHECKSUM_BYTES, may_end=True)
        if not checksum:
            return b""
        head = self._exactly(_HEAD.size)
        method, packed_size, size = _HEAD.unpack(head)
        if packed_size < _HEAD.size or max(packed_size, size) > _LIMIT_BYTES:
            raise refusal(INCORRECT_DATA, f"A compressed block says that it has {packed_size} bytes.")
        block = head + self._exactly(packed_size - _HEAD.size)
        if not self._trusting and city_hash_128(block) != checksum:
            raise refusal(
                CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: corrupted data in a compressed block."
            )
        return _unpack(method, block[_HEAD.size :], size)

    def _exactly(self, size: int, *, may_end: bool = False) -> bytes:
        pieces: list[bytes] = []
        left = size
        while left and (piece := self._source.read(left)):
            pieces.append(piece)
            left -= len(piece)
        if left and not (may_end and not pieces):
            raise refusal(INCORRECT_DATA, "The request's body ends inside a compressed block.")
        return b"".join(pieces)


def _unpack(method: int, packed: bytes, size: int) -> bytes:
    try:
        if method == _NONE:
            return packed
        if method == _LZ4:
            import lz4.block

            unpacked: bytes = lz4.block.decompress(packed, uncompressed_size=size)
        elif method == _ZSTD:
            import zstandard

            unpacked = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
        else:
            raise refusal(NOT_IMPLEMENTED, f"Compressed blocks of method {method:#x} are not read.")
    except StatementFailed:
        raise
    except Exception as error:
        raise refusal(INCORRECT_DATA, f"A compressed block cannot be unpacked: {error}.") from None
    return unpacked
