"""The one way to the event tables: ClickHouse's HTTP interface through its own client.

The embedded store and a ClickHouse cluster are reached by the same code and get the same SQL.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from shopalytic.errors import ConfigurationError, StoreRefused, StoreUnavailable
from shopalytic.settings import Settings
from shopalytic.store.naming import Naming

Row = TypeVar("Row")

READ_SETTINGS = {
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 1,
    "output_format_json_named_tuples_as_objects": 1,
    "date_time_output_format": "simple",
}
INSERT_SETTINGS = {
    "date_time_input_format": "best_effort",
    "type_json_skip_duplicated_paths": 1,
    "input_format_skip_unknown_fields": 0,
    "input_format_json_named_tuples_as_objects": 0,
    # Else a property `1 Jan 2024` or `2024-01-01T10:00:00Z` is stored, and read back, as another text.
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    # Else a batch with times in more than 100 months (an import, a clock gone wild) is refused for ever.
    "max_partitions_per_insert_block": 0,
    "async_insert": 0,
}
BUSY_NUMBERS = {159, 202, 209, 210, 241, 242, 243, 252, 319, 425, 999}
"""ClickHouse codes that a later repeat may cure: time-outs, too many queries or parts, memory, read-only, disk."""
ROW_NUMBERS = {
    *(6, 25, 26, 27, 38, 41, 72, 376, 441, 467, 632, 675, 676),  # texts that are no value of the column's type
    *(13, 53, 69, 70, 117, 120, 321, 349, 407),  # values that the column cannot have
    *(128, 130, 131, 190, 306, 366),  # arrays and nested values: size, depth
    *(248, 469),  # the partition's value, constraints
}  # fmt: skip
"""ClickHouse codes of an insert that its rows' own content causes. All are found before anything is written.

Every other one is the store's trouble: a table that is not migrated yet, a missing right, a cancelled or half-done
insert. Blamed on the rows, it would set a whole batch aside, or store rows twice under the halves' tokens.
"""
UNKNOWN_COLUMN = "DB::Exception: Unknown field found while parsing"
"""Has number 117, as have bad values, but means that the table lacks a column: it is not migrated yet."""


WORDLESS = "DB::Exception:  ("
"""A failure without a text, as the embedded server gives it. The engine quotes a row by bytes, and where it cuts a
character in two, some releases of Python 3.11 (3.11.2 is one) lose the whole text: whether the row is at fault could
not be known.
"""


class Store:
    """Connects at the first use, and again after a failure. Threads may share one.

    address: the server's URL, or a function that gives it (the embedded store's changes with its port).
    """

    def __init__(self, address: str | Callable[[], str], database: str, *, cluster: str = "") -> None:
        self._address = address
        self._client: Client | None = None
        self._lock = threading.Lock()
        self.naming = Naming(database, cluster)

    def rows(self, row_type: type[Row], sql: str, **parameters: Any) -> list[Row]:
        """Run a query and give its rows as `row_type` structs, matched by column name.

        sql: with `{{events}}` and `{{owner}}` for names, `{name:Type}` for `parameters`.
        Raises StoreUnavailable, or StoreRefused with ClickHouse's own text and number.
        """
        text = self.naming.render(sql)
        body = self._call(
            lambda client: client.raw_query(text, parameters, settings=READ_SETTINGS, fmt="JSONEachRow")
        )
        rows: list[Row] = _decoder(cast(Any, row_type)).decode_lines(body)
        return rows

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        """Insert rows given as JSON objects. The same `token` again inserts nothing.

        Raises StoreRefused where a row's content cannot be taken (then none is), StoreUnavailable otherwise.
        """
        block = b"\n".join(lines)
        if not block:
            return
        settings = INSERT_SETTINGS | {"insert_deduplication_token": token}
        if self.naming.cluster:
            settings["distributed_foreground_insert"] = 1
        name = self.naming.table(table)

        def put(rows: bytes) -> None:
            self._call(
                lambda client: client.raw_insert(
                    name, insert_block=rows, settings=settings, fmt="JSONEachRow", compression=""
                ),
                is_refusal=_blames_rows,
            )

        try:
            put(block)
        except StoreUnavailable as error:
            if WORDLESS not in error.message:
                raise
            # The token makes it harmless to ask again.
            put(_in_ascii(block))

    def command(self, sql: str, **parameters: Any) -> None:
        """Run a statement that gives no rows."""
        text = self.naming.render(sql)
        self._call(lambda client: client.raw_query(text, parameters or None, use_database=False))

    def reload_owners(self) -> None:
        """Have the overrides that were inserted so far take part in every query from now on."""
        if self.naming.cluster:
            self.command("SYSTEM SYNC REPLICA {{on_cluster}} {{overrides}}")
        self.command("SYSTEM RELOAD DICTIONARY {{on_cluster}} {{owners}}")

    def ping(self) -> bool:
        try:
            self.command("SELECT 1")
        except (StoreUnavailable, StoreRefused):
            return False
        return True

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _call(
        self, action: Callable[[Client], Any], is_refusal: Callable[[int, str], bool] | None = None
    ) -> Any:
        """is_refusal: tells by number and text which errors the caller's input causes; all but the busy ones."""
        is_refusal = is_refusal or _blames_statement
        try:
            return action(self._connected())
        except DatabaseError as error:
            number = error.code or 0
            if not is_refusal(number, str(error)):
                self._forget()
                raise StoreUnavailable(f"The event store did not answer: {error}") from error
            raise StoreRefused(str(error), number=number) from error
        except (ClickHouseError, OSError) as error:
            self._forget()
            raise StoreUnavailable(f"The event store did not answer: {error}") from error

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                address = self._address() if callable(self._address) else self._address
                self._client = clickhouse_connect.get_client(
                    dsn=address,
                    compress=False if "127.0.0.1" in address else "lz4",
                    autogenerate_session_id=False,
                    autogenerate_query_id=False,
                    connect_timeout=5,
                    send_receive_timeout=120,
                    query_retries=0,
                    client_name="shopalytic",
                )
            return self._client

    def _forget(self) -> None:
        """Connect anew at the next use: the embedded store may be back on another port."""
        with self._lock:
            self._client = None


def _blames_statement(number: int, text: str) -> bool:
    return number != 0 and number not in BUSY_NUMBERS


def _blames_rows(number: int, text: str) -> bool:
    # Only where the text starts with it: a row that quotes it would otherwise keep its partition waiting for ever.
    at = text.find("DB::Exception: ")
    return number in ROW_NUMBERS and not text.startswith(UNKNOWN_COLUMN, at)


def _in_ascii(rows: bytes) -> bytes:
    """The same JSON, which no cut can make unreadable."""
    return re.sub(r"[^\x00-\x7f]", lambda letter: json.dumps(letter[0])[1:-1], rows.decode()).encode()


@lru_cache(maxsize=256)
def _decoder(row_type: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(row_type)


def open_store(settings: Settings) -> Store:
    """The store of these settings. Does not connect."""
    address: str | Callable[[], str] = settings.clickhouse_url
    if not address:
        path = settings.store_address_file
        address = lambda: read_address(path)  # noqa: E731
    try:
        return Store(address, settings.clickhouse_database, cluster=settings.clickhouse_cluster)
    except ValueError as error:
        raise ConfigurationError(f"SHOPALYTIC_CLICKHOUSE_DATABASE or …_CLUSTER: {error}") from None


def read_address(path: Path) -> str:
    """The embedded store's URL as it wrote it. Raises StoreUnavailable where it has not started yet."""
    try:
        return str(json.loads(path.read_text())["url"])
    except (OSError, ValueError, KeyError):
        raise StoreUnavailable(f"The embedded store is not running: {path} has no address.") from None
