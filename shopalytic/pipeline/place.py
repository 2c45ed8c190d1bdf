"""The country of a network address, from a database file that the installer provides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import maxminddb

from shopalytic.errors import ConfigurationError


class Place:
    """Looks countries up; made once per process by `open_place`, after any fork, and shared by its threads."""

    def __init__(self, reader: maxminddb.Reader) -> None:
        self._reader = reader
        self.find_country = lru_cache(maxsize=8192)(self._find_country)

    def _find_country(self, ip: str) -> str:
        """ISO 3166 alpha-2; empty where the address is none, private, or not in the database."""
        try:
            record = self._reader.get(ip)
        except (ValueError, TypeError, maxminddb.InvalidDatabaseError):  # a NUL is a TypeError
            return ""
        if not isinstance(record, Mapping):
            return ""
        # A military or satellite address has the country of its registration alone.
        for name in ("country", "registered_country"):
            country = record.get(name)
            code = country.get("iso_code") if isinstance(country, Mapping) else country
            if isinstance(code, str) and len(code) == 2:
                return code.upper()
        return ""

    def close(self) -> None:
        self._reader.close()


def open_place(path: Path | None) -> Place | None:
    """None without a file: then no country is filled in. Raises ConfigurationError for one that cannot be read."""
    if path is None:
        return None
    try:
        reader = maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise ConfigurationError(
            f"SHOPALYTIC_GEOIP_FILE is {path}, which is no country database in MaxMind's format: {error}"
        ) from None
    return Place(reader)
