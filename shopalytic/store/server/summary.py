"""What X-ClickHouse-Summary tells about a statement."""

from __future__ import annotations

import json
import time
from typing import Any


class Summary:
    """Adds up while a statement runs; the answer's header takes what is known when it is sent."""

    def __init__(self) -> None:
        self._started = time.monotonic_ns()
        self.read_rows = self.read_bytes = 0
        self.written_rows = self.written_bytes = 0
        self.result_rows = self.result_bytes = 0

    def add(self, result: Any) -> None:
        self.read_rows += result.storage_rows_read()
        self.read_bytes += result.storage_bytes_read()
        self.written_rows += result.rows_written()
        self.written_bytes += result.bytes_written()
        self.result_rows += result.rows_read()
        self.result_bytes += result.bytes_read()

    def to_json(self) -> str:
        """Numbers as strings, as the server writes them."""
        written = self.written_rows or None
        values = {
            "read_rows": self.read_rows,
            "read_bytes": self.read_bytes,
            "written_rows": self.written_rows,
            "written_bytes": self.written_bytes,
            "total_rows_to_read": self.read_rows,
            "result_rows": written or self.result_rows,
            "result_bytes": self.written_bytes if written else self.result_bytes,
            "elapsed_ns": time.monotonic_ns() - self._started,
        }
        return json.dumps({name: str(value) for name, value in values.items()}, separators=(",", ":"))
