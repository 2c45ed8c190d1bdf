"""What the embedded store is started with."""

from __future__ import annotations

from pathlib import Path

import msgspec


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One embedded store. Only `data_dir` has no default.

    data_dir: the store's own folder, made where missing; nothing else may be in it.
    port: 0 takes a free one; `ready_file` then tells which.
    password: empty makes a new one at each start; `ready_file` then tells it.
    threads: statements that run at once. waiting_limit: how many more may wait for a thread before the next
    is refused as too many.
    ready_file: written in one piece once the store answers, readable by its owner only: JSON with `url` (user
    and password included), `host`, `port`, `user`, `password`, `pid`; removed at the end.
    fsync: inserted rows are on the disk, not only in the system's memory, before they are acknowledged; without
    it a power cut may take the last half minute. A kill of the process takes nothing either way.
    drain_seconds: how long a stop waits for running statements before it cancels them.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    user: str = "shopalytic"
    password: str = ""
    threads: int = 4
    waiting_limit: int = 64
    memory_limit_bytes: int = 2 << 30
    ready_file: Path | None = None
    fsync: bool = True
    drain_seconds: float = 20.0
