"""A delimited text file: its encoding, delimiter and columns, found or given."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shopalytic.errors import ConfigurationError

SAMPLE_BYTES = 1 << 20
DELIMITERS = ",;\t|"
NAMES = {
    "order_id": ("order_id", "order id", "order number", "order no", "order", "invoiceno", "invoice", "invoice no",
                 "invoice number", "increment_id", "name of order"),
    "order_date": ("order_date", "order date", "invoicedate", "invoice date", "created_at", "created at", "date",
                   "paid at", "timestamp"),
    "customer_id": ("customer_id", "customerid", "customer id", "customer", "customer no", "user_id", "userid"),
    "sku": ("sku", "stockcode", "stock code", "lineitem sku", "product_id", "product id", "item", "article"),
    "name": ("name", "description", "product", "product name", "lineitem name", "title"),
    "qty": ("qty", "quantity", "lineitem quantity", "amount ordered", "count", "units"),
    "price": ("price", "unitprice", "unit price", "unit_price", "lineitem price", "item price"),
    "cost": ("cost", "unit cost"),
    "email": ("email", "e-mail", "customer email"),
    "first_name": ("first_name", "first name", "firstname"),
    "last_name": ("last_name", "last name", "lastname", "surname"),
    "total": ("total", "grand total", "order total", "grand_total"),
    "subtotal": ("subtotal", "sub total"),
    "total_tax": ("total_tax", "tax", "taxes", "vat"),
    "total_shipping": ("total_shipping", "shipping", "shipping cost"),
    "currency": ("currency", "currency code"),
    "payment_type": ("payment_type", "payment method"),
}  # fmt: skip
"""What may be mapped, and the headers by which it is found where `--map` does not say."""

REQUIRED = ("order_id", "order_date")


@dataclass(frozen=True)
class Table:
    """headers: of all columns, in order. columns: field → header."""

    path: Path
    encoding: str
    delimiter: str
    headers: list[str]
    columns: dict[str, str]

    @property
    def unused(self) -> list[str]:
        """Headers that nothing is taken from."""
        return [header for header in self.headers if header and header not in self.columns.values()]

    @contextmanager
    def rows(self) -> Iterator[Iterator[tuple[int, dict[str, str]]]]:
        """(line number where the row ends, field → trimmed text) of each row that is not blank."""
        positions = {field: self.headers.index(header) for field, header in self.columns.items()}
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            next(reader)
            texts = (
                (reader.line_num, {field: _cell(row, position) for field, position in positions.items()})
                for row in reader
            )
            yield ((number, fields) for number, fields in texts if any(fields.values()))


def _cell(row: list[str], position: int) -> str:
    """The trimmed text; "" where the row is too short."""
    return row[position].strip() if position < len(row) else ""


def open_table(
    path: Path,
    *,
    mapping: dict[str, str] | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Look at a file. Raises ConfigurationError with a sentence that says what is wrong and what would help."""
    try:
        with path.open("rb") as file:
            sample = file.read(SAMPLE_BYTES)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    if not sample.strip():
        raise ConfigurationError(f"{path} is empty.")
    if b"\0" in sample and not sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigurationError(f"{path} is not a text file; export the orders as CSV.")
    found = _check_encoding(path, encoding) if encoding else _find_encoding(path, sample)
    with path.open(encoding=found, newline="") as file:
        head = file.readline()
    delimiter = delimiter or max(DELIMITERS, key=head.count)
    headers = [header.strip() for header in next(csv.reader([head], delimiter=delimiter))]
    return Table(path, found, delimiter, headers, _map_columns(path, headers, mapping or {}))


def _find_encoding(path: Path, sample: bytes) -> str:
    """UTF-8 where the whole file is, else Windows' Western one or Latin-1, which take any byte."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            _check_encoding(path, encoding)
            return encoding
        except ConfigurationError:
            continue
    return "latin-1"


def _check_encoding(path: Path, encoding: str) -> str:
    try:
        with path.open(encoding=encoding) as file:
            while file.read(SAMPLE_BYTES):
                pass
    except LookupError:
        raise ConfigurationError(f"There is no encoding {encoding!r}; try utf-8 or latin-1.") from None
    except UnicodeError as error:
        raise ConfigurationError(f"{path} is not in {encoding}: {error}.") from None
    return encoding


def _map_columns(path: Path, headers: list[str], mapping: dict[str, str]) -> dict[str, str]:
    doubled = {header for header in headers if header and headers.count(header) > 1}
    if doubled:
        raise ConfigurationError(f"{path} has two columns {sorted(doubled)[0]!r}; rename one.")
    for field, header in mapping.items():
        if field not in NAMES:
            raise ConfigurationError(f"--map: there is no field {field!r}; there are {', '.join(NAMES)}.")
        if header and header not in headers:
            raise ConfigurationError(f"--map: {path} has no column {header!r}; it has {', '.join(headers)}.")
    taken = set(mapping.values())
    columns = {field: header for field, header in mapping.items() if header}
    by_name = {header.lower(): header for header in headers if header not in taken}
    for field, names in NAMES.items():
        candidate = next((by_name[name] for name in names if name in by_name), None)
        if field not in mapping and candidate and candidate not in columns.values():
            columns[field] = candidate
    missing = [field for field in REQUIRED if field not in columns]
    if missing:
        raise ConfigurationError(
            f"{path}: no column for {' and '.join(missing)}; say --map {missing[0]}=<one of {', '.join(headers)}>."
        )
    if "total" not in columns and not {"qty", "price"} <= columns.keys():
        raise ConfigurationError(f"{path}: neither a column for total nor ones for qty and price; say --map.")
    if columns.keys() & {"qty", "price"} and not columns.keys() & {"sku", "name"}:
        raise ConfigurationError(
            f"{path}: qty or price, but no column for sku or name says of what; say --map sku=<one of "
            f"{', '.join(headers)}>, or --map qty=,price= to take the totals alone."
        )
    return columns
