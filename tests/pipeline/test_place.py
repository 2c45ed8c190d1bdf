"""With a country database of two networks, written here: real ones may not be passed on."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from shopalytic.errors import ConfigurationError
from shopalytic.pipeline.place import Place, open_place


def encode(value: Any) -> bytes:
    """MaxMind DB data: type in the upper three bits, size in the lower five; types from 8 on one byte further."""
    if isinstance(value, str):
        text = value.encode()
        return bytes([2 << 5 | len(text)]) + text
    if isinstance(value, dict):
        return bytes([7 << 5 | len(value)]) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(encode(item) for item in value)
    kind, number = value
    size = {"uint16": 2, "uint32": 4, "uint64": 8}[kind]
    head = [size, 9 - 7] if kind == "uint64" else [(5 if kind == "uint16" else 6) << 5 | size]
    return bytes(head) + int(number).to_bytes(size, "big")


def write_database(path: Path, networks: dict[str, dict[str, Any]]) -> Path:
    """A binary search tree of IPv4 networks, records of 24 bits, then 16 zero bytes, the data and the metadata."""
    nodes: list[list[int | tuple[int]]] = [[-1, -1]]
    data = b""
    for network, record in networks.items():
        address = ipaddress.ip_network(network)
        bits = f"{int(address.network_address):032b}"[: address.prefixlen]
        at = 0
        for bit in bits[:-1]:
            following = nodes[at][int(bit)]
            if following == -1:
                nodes.append([-1, -1])
                nodes[at][int(bit)] = following = len(nodes) - 1
            assert isinstance(following, int)
            at = following
        nodes[at][int(bits[-1])] = (len(data),)
        data += encode(record)
    count = len(nodes)

    def pointer(record: int | tuple[int]) -> bytes:
        if isinstance(record, tuple):
            return (count + 16 + record[0]).to_bytes(3, "big")
        return (count if record == -1 else record).to_bytes(3, "big")

    metadata = {
        "node_count": ("uint32", count),
        "record_size": ("uint16", 24),
        "ip_version": ("uint16", 4),
        "database_type": "Test-Country",
        "languages": ["en"],
        "binary_format_major_version": ("uint16", 2),
        "binary_format_minor_version": ("uint16", 0),
        "build_epoch": ("uint64", 1_700_000_000),
        "description": {"en": "two networks"},
    }
    tree = b"".join(pointer(record) for node in nodes for record in node)
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encode(metadata))
    return path


@pytest.fixture
def place(tmp_path: Path) -> Any:
    path = write_database(
        tmp_path / "country.mmdb",
        {
            "192.0.2.0/24": {"country": {"iso_code": "GB"}},
            "198.51.100.0/24": {"registered_country": {"iso_code": "de"}},
            "203.0.113.0/24": {"continent": {"code": "EU"}},
        },
    )
    place = open_place(path)
    assert isinstance(place, Place)
    yield place
    place.close()


@pytest.mark.parametrize(
    ("ip", "country"),
    [
        ("192.0.2.77", "GB"),
        ("198.51.100.1", "DE"),
        ("203.0.113.1", ""),
        ("10.0.0.1", ""),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.1, 10.0.0.1", ""),
        ("2001:db8::1", ""),
        ("\0", ""),
    ],
)
def test_an_address_has_the_country_of_its_network(place: Place, ip: str, country: str) -> None:
    assert place.find_country(ip) == country


def test_without_a_file_there_is_no_place() -> None:
    assert open_place(None) is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SHOPALYTIC_GEOIP_FILE is .*missing\.mmdb"):
        open_place(tmp_path / "missing.mmdb")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.mmdb"
    path.write_text("no database")
    with pytest.raises(ConfigurationError, match="no country database in MaxMind's format"):
        open_place(path)
