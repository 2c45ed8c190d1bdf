"""The embedded event store: chDB in one process, behind ClickHouse's HTTP interface.

A request goes door → request (what is asked) → execution (which statement, which data) → running (a free
thread) → sessions (a connection) → engine, and its answer back the same way in pieces.
"""

from shopalytic.store.server.failures import StoreLocked, StoreNotOpened
from shopalytic.store.server.options import ServerOptions
from shopalytic.store.server.serve import serve

__all__ = ["ServerOptions", "StoreLocked", "StoreNotOpened", "serve"]
