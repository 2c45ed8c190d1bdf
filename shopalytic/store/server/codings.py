"""HTTP's content codings, as ClickHouse's clients use them: request bodies in, answers out."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from shopalytic.store.server.body import Buffer, Source
from shopalytic.store.server.failures import (
    INCORRECT_DATA,
    NOT_IMPLEMENTED,
    ClientGone,
    MalformedRequest,
    StatementFailed,
    refusal,
)

_READ_BYTES = 64 << 10
"""Small, because a compressed piece may grow a thousandfold in memory."""


class Unpacker(Protocol):
    """Like zlib's: ends with `eof`, then keeps what follows in `unused_data`."""

    def decompress(self, data: bytes, /) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


class _Brotli:
    """Brotli's own object knows neither `eof` nor a second stream behind the first."""

    unused_data = b""

    def __init__(self) -> None:
        import brotli

        self._unpacker = brotli.Decompressor()

    def decompress(self, data: bytes, /) -> bytes:
        unpacked: bytes = self._unpacker.process(data)
        return unpacked

    @property
    def eof(self) -> bool:
        return bool(self._unpacker.is_finished())


def _lz4() -> Any:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor()


def _zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj()


_UNPACKERS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "deflate": lambda: zlib.decompressobj(15),
    "br": _Brotli,
    "lz4": _lz4,
    "zstd": _zstd,
    "xz": lzma.LZMADecompressor,
    "bz2": bz2.BZ2Decompressor,
}


class DecodedBody:
    """A body as it was before it was compressed. Several frames one after the other are read as one."""

    def __init__(self, source: Source, coding: str) -> None:
        self._source = source
        self._coding = coding
        self._make = _UNPACKERS[coding]
        self._unpacker: Unpacker | None = None
        self._packed = b""
        self._ready = b""

    def read(self, size: int) -> bytes:
        """Raises StatementFailed (400) for bytes that are not in the coding, or that end inside a frame."""
        while not self._ready:
            packed = self._packed or self._source.read(_READ_BYTES)
            self._packed = b""
            if not packed:
                if self._unpacker is not None:
                    raise self._broken("it ends too early")
                return b""
            self._unpack(packed)
        piece, self._ready = self._ready[:size], self._ready[size:]
        return piece

    def _unpack(self, packed: bytes) -> None:
        if self._unpacker is None:
            self._unpacker = self._make()
        try:
            self._ready = self._unpacker.decompress(packed)
            if self._unpacker.eof:
                self._packed = self._unpacker.unused_data or b""
                self._unpacker = None
        except (ClientGone, MalformedRequest, MemoryError):
            raise
        except Exception as error:
            raise self._broken(str(error)) from None

    def _broken(self, why: str) -> StatementFailed:
        return refusal(INCORRECT_DATA, f"The request's body is not {self._coding}: {why}.")


def decode_body(source: Source, coding: str) -> Source:
    """Undo a request's Content-Encoding."""
    coding = coding.strip().lower()
    if coding in ("", "identity", "none"):
        return source
    if coding not in _UNPACKERS:
        known = ", ".join(sorted(_UNPACKERS))
        raise refusal(
            NOT_IMPLEMENTED, f"Unknown compression method '{coding}'. Only {known} are supported as encodings"
        )
    return DecodedBody(source, coding)


def choose_coding(accepted: str) -> str:
    """The coding of an answer to this Accept-Encoding; empty for none. The cheapest that the client takes wins."""
    offers = set()
    for offer in accepted.lower().split(","):
        name, _, quality = offer.partition(";")
        if quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            offers.add(name.strip())
    return next((name for name in ("lz4", "zstd", "br", "gzip", "deflate") if name in offers), "")


def encode(pieces: Iterable[Buffer], coding: str) -> Iterator[bytes]:
    """Compress an answer piece by piece; one coded body comes out, however many pieces went in."""
    if coding == "lz4":
        import lz4.frame

        with lz4.frame.LZ4FrameCompressor() as packer:
            yield packer.begin()
            for piece in pieces:
                yield packer.compress(piece)
            yield packer.flush()
        return
    packer, finish = _make_packer(coding)
    for piece in pieces:
        if packed := packer(piece):
            yield packed
    yield finish()


def _make_packer(coding: str) -> tuple[Callable[[Buffer], bytes], Callable[[], bytes]]:
    if coding == "zstd":
        import zstandard

        zstd = zstandard.ZstdCompressor(level=1).compressobj()
        return zstd.compress, zstd.flush
    if coding == "br":
        import brotli

        compressor = brotli.Compressor(quality=3)
        return lambda piece: compressor.process(bytes(piece)), compressor.finish
    packer = zlib.compressobj(3, wbits=31 if coding == "gzip" else 15)
    return packer.compress, packer.flush
