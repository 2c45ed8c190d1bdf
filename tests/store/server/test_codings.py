"""Compressed bodies and answers: HTTP's codings and ClickHouse's own blocks."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import zlib
from collections.abc import Callable

import brotli
import lz4.block
import lz4.frame
import pytest
import zstandard

from shopalytic.store.server.cityhash import city_hash_128
from tests.store.server.conftest import StoreProcess

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}
UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}
LINES = b"".join(b"%d\tline %d\n" % (number, number) for number in range(100_000))


@pytest.fixture
def table(store: StoreProcess) -> str:
    store.run("CREATE OR REPLACE TABLE packed (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    return "packed"


@pytest.mark.parametrize("coding", PACKERS)
@pytest.mark.parametrize("frames", [1, 3])
def test_a_compressed_body_is_unpacked(store: StoreProcess, table: str, coding: str, frames: int) -> None:
    if coding in ("br", "deflate") and frames > 1:
        frames = 1
    parts = [LINES] if frames == 1 else [LINES[:10], LINES[10:700_000], LINES[700_000:]]
    body = b"".join(PACKERS[coding](part) for part in parts)
    answer = store.request(
        query=f"INSERT INTO {table} FORMAT TSV", body=body, headers={"Content-Encoding": coding}
    )
    assert answer.status == 200, answer.text
    assert store.run(f"SELECT count(), sum(n), countIf(s = concat('line ', toString(n))) FROM {table}") == (
        f"100000\t{sum(range(100_000))}\t100000"
    )


@pytest.mark.parametrize("coding", PACKERS)
@pytest.mark.parametrize("harm", ["cut", "garbage"])
def test_a_body_that_is_not_what_it_says_inserts_nothing(
    store: StoreProcess, table: str, coding: str, harm: str
) -> None:
    whole = PACKERS[coding](LINES)
    body = whole[: len(whole) // 2] if harm == "cut" else b"this is not compressed at all " * 100
    answer = store.request(
        query=f"INSERT INTO {table} FORMAT TSV", body=body, headers={"Content-Encoding": coding}
    )
    assert (answer.status, answer.code) == (400, 117)
    assert store.run(f"SELECT count() FROM {table}") == "0"


def test_an_unknown_coding_is_refused(store: StoreProcess) -> None:
    answer = store.request(body="SELECT 1", headers={"Content-Encoding": "pigeon"})
    assert (answer.status, answer.code) == (501, 48)


@pytest.mark.parametrize("coding", UNPACKERS)
@pytest.mark.parametrize("waits", [0, 1])
def test_an_answer_is_compressed_as_the_client_takes_it(store: StoreProcess, coding: str, waits: int) -> None:
    sql = "SELECT number, toString(number) FROM numbers(400000)"
    answer = store.request(
        body=sql, headers={"Accept-Encoding": coding}, enable_http_compression=1, wait_end_of_query=waits
    )
    assert answer.headers["Content-Encoding"] == coding
    assert UNPACKERS[coding](answer.body) == b"".join(
        b"%d\t%d\n" % (number, number) for number in range(400_000)
    )


def test_no_answer_is_compressed_where_it_is_switched_off(store: StoreProcess) -> None:
    answer = store.request(
        body="SELECT number FROM numbers(5000)",
        headers={"Accept-Encoding": "gzip"},
        enable_http_compression=0,
    )
    assert answer.headers["Content-Encoding"] is None
    assert answer.body.endswith(b"\n4999\n")


def test_a_coding_that_the_client_rules_out_is_not_used(store: StoreProcess) -> None:
    answer = store.request(
        body="SELECT number FROM numbers(5000)", headers={"Accept-Encoding": "lz4;q=0, gzip;q=0.5"}
    )
    assert answer.headers["Content-Encoding"] == "gzip"


def pack_blocks(data: bytes, method: int = 0x82) -> bytes:
    packed = {
        0x02: lambda: data,
        0x82: lambda: lz4.block.compress(data, store_size=False),
        0x90: lambda: zstandard.ZstdCompressor().compress(data),
    }[method]()
    block = struct.pack("<BII", method, len(packed) + 9, len(data)) + packed
    return city_hash_128(block) + block


def unpack_blocks(data: bytes) -> bytes:
    found = []
    while data:
        method, size, unpacked_size = struct.unpack_from("<BII", data, 16)
        assert method == 0x82
        assert city_hash_128(data[16 : 16 + size]) == data[:16]
        found.append(lz4.block.decompress(data[25 : 16 + size], uncompressed_size=unpacked_size))
        data = data[16 + size :]
    return b"".join(found)


@pytest.mark.parametrize("method", [0x02, 0x82, 0x90])
def test_clickhouse_s_own_blocks_are_read(store: StoreProcess, table: str, method: int) -> None:
    body = pack_blocks(LINES[:500_000], method) + pack_blocks(LINES[500_000:], method)
    answer = store.request(query=f"INSERT INTO {table} FORMAT TSV", body=body, decompress=1)
    assert answer.status == 200, answer.text
    assert store.run(f"SELECT count() FROM {table}") == "100000"


def test_a_block_whose_checksum_is_wrong_is_refused(store: StoreProcess, table: str) -> None:
    body = bytearray(pack_blocks(LINES))
    body[5] ^= 1
    answer = store.request(query=f"INSERT INTO {table} FORMAT TSV", body=bytes(body), decompress=1)
    assert answer.code == 40
    assert store.run(f"SELECT count() FROM {table}") == "0"


def test_clickhouse_s_own_blocks_are_written(store: StoreProcess) -> None:
    answer = store.request(body="SELECT number FROM numbers(300000)", compress=1)
    assert unpack_blocks(answer.body) == b"".join(b"%d\n" % number for number in range(300_000))


def test_the_checksum_is_the_one_that_the_engine_writes(store: StoreProcess) -> None:
    """The engine keeps the same blocks in the files of its tables, with checksums of its own."""
    random.seed(7)
    store.run("CREATE DATABASE IF NOT EXISTS sums")
    for size in [1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 64, 120, 150, 255, 256]:
        store.run(f"CREATE OR REPLACE TABLE sums.t{size} (s FixedString({size})) ENGINE = TinyLog")
        store.run(f"INSERT INTO sums.t{size} SELECT randomString({size}) FROM numbers(5)")
    checked = 0
    for file in (store.folder / "store").glob("engine/**/s.bin"):
        data = file.read_bytes()
        (size,) = struct.unpack_from("<I", data, 17)
        assert city_hash_128(data[16 : 16 + size]) == data[:16]
        checked += 1
    assert checked >= 15
