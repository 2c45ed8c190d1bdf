"""CityHash128 of CityHash 1.0.2, the version that ClickHouse's block checksums are made with.

Later versions of CityHash give other numbers. Source: google/cityhash 1.0.2 (MIT licence).
Pure Python: about 10 MB/s; only clients that ask for `compress=1` pay for it.
"""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_K3 = 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69
_WORDS = struct.Struct("<16Q")


def city_hash_128(data: bytes) -> bytes:
    """The 16 bytes that stand before a compressed block, low half first."""
    size = len(data)
    if size >= 16:
        low, high = _with_seed(data[16:], _fetch(data, 0) ^ _K3, _fetch(data, 8))
    elif size >= 8:
        low, high = _with_seed(b"", _fetch(data, 0) ^ (size * _K0 & _MASK), _fetch(data, size - 8) ^ _K1)
    else:
        low, high = _with_seed(data, _K0, _K1)
    return struct.pack("<QQ", low, high)


def _fetch(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _rotate(value: int, shift: int) -> int:
    return (value >> shift | value << (64 - shift)) & _MASK


def _hash_16(low: int, high: int) -> int:
    a = (low ^ high) * _MUL & _MASK
    a ^= a >> 47
    b = (high ^ a) * _MUL & _MASK
    b ^= b >> 47
    return b * _MUL & _MASK


def _shift_mix(value: int) -> int:
    return value ^ value >> 47


def _hash_0_to_16(data: bytes) -> int:
    size = len(data)
    if size > 8:
        a, b = _fetch(data, 0), _fetch(data, size - 8)
        return _hash_16(a, _rotate((b + size) & _MASK, size)) ^ b
    if size >= 4:
        first = int.from_bytes(data[:4], "little")
        return _hash_16((size + (first << 3)) & _MASK, int.from_bytes(data[-4:], "little"))
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _shift_mix((y * _K2 ^ z * _K3) & _MASK) * _K2 & _MASK
    return _K2


def _weak_32(w: int, x: int, y: int, z: int, a: int, b: int) -> tuple[int, int]:
    a = (a + w) & _MASK
    b = _rotate((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotate(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _weak_32_at(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = struct.unpack_from("<4Q", data, at)
    return _weak_32(w, x, y, z, a, b)


def _murmur(data: bytes, low: int, high: int) -> tuple[int, int]:
    size = len(data)
    a, b, left = low, high, size - 16
    if left <= 0:
        a = _shift_mix(a * _K1 & _MASK) * _K1 & _MASK
        c = (b * _K1 + _hash_0_to_16(data)) & _MASK
        d = _shift_mix((a + (_fetch(data, 0) if size >= 8 else c)) & _MASK)
    else:
        c = _hash_16((_fetch(data, size - 8) + _K1) & _MASK, a)
        d = _hash_16((b + size) & _MASK, (c + _fetch(data, size - 16)) & _MASK)
        a = (a + d) & _MASK
        at = 0
        while left > 0:
            a = (a ^ _shift_mix(_fetch(data, at) * _K1 & _MASK) * _K1 & _MASK) * _K1 & _MASK
            b ^= a
            c = (c ^ _shift_mix(_fetch(data, at + 8) * _K1 & _MASK) * _K1 & _MASK) * _K1 & _MASK
            d ^= c
            at += 16
            left -= 16
    a, b = _hash_16(a, c), _hash_16(d, b)
    return a ^ b, _hash_16(b, a)


def _with_seed(data: bytes, low: int, high: int) -> tuple[int, int]:
    size = len(data)
    if size < 128:
        return _murmur(data, low, high)
    mask, k1 = _MASK, _K1
    x, y, z = low, high, size * k1 & mask
    v0 = (_rotate(y ^ k1, 49) * k1 + _fetch(data, 0)) & mask
    v1 = (_rotate(v0, 42) * k1 + _fetch(data, 8)) & mask
    w0 = (_rotate((y + z) & mask, 35) * k1 + x) & mask
    w1 = _rotate((x + _fetch(data, 88)) & mask, 53) * k1 & mask
    at = 0
    while size - at >= 128:
        words = _WORDS.unpack_from(data, at)
        for i in (0, 8):
            x = _rotate((x + y + v0 + words[i + 2]) & mask, 37) * k1 & mask
            y = _rotate((y + v1 + words[i + 6]) & mask, 42) * k1 & mask
            x ^= w1
            y ^= v0
            z = _rotate(z ^ w0, 33)
            v0, v1 = _weak_32_at(data, at + 8 * i, v1 * k1 & mask, (x + w0) & mask)
            w0, w1 = _weak_32_at(data, at + 8 * i + 32, (z + w1) & mask, y)
            z, x = x, z
        at += 128
    return _tail(data, at, (x, y, z), (v0, v1), (w0, w1))


def _tail(
    data: bytes, at: int, xyz: tuple[int, int, int], v: tuple[int, int], w: tuple[int, int]
) -> tuple[int, int]:
    x, y, z = xyz
    left = len(data) - at
    y = (y + _rotate(w[0], 37) * _K0 + z) & _MASK
    x = (x + _rotate((v[0] + z) & _MASK, 49) * _K0) & _MASK
    done = 0
    while done < left:
        done += 32
        place = len(data) - done
        y = (_rotate((y - x) & _MASK, 42) * _K0 + v[1]) & _MASK
        w = ((w[0] + _fetch(data, place + 16)) & _MASK, w[1])
        x = (_rotate(x, 49) * _K0 + w[0]) & _MASK
        w = ((w[0] + v[0]) & _MASK, w[1])
        v = _weak_32_at(data, place, v[0], v[1])
    x = _hash_16(x, v[0])
    y = _hash_16(y, w[0])
    return (_hash_16((x + v[1]) & _MASK, w[1]) + y) & _MASK, _hash_16((x + w[1]) & _MASK, (y + v[1]) & _MASK)
