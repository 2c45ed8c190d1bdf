"""The embedded store as these settings want it."""

from __future__ import annotations

from shopalytic.settings import Settings
from shopalytic.store.server import ServerOptions, serve


def serve_embedded(settings: Settings) -> None:
    """Serve until SIGTERM. Loads the engine, which no other process does."""
    serve(
        ServerOptions(
            data_dir=settings.data_dir.absolute() / "store",
            threads=settings.store_threads,
            memory_limit_bytes=settings.store_memory_mb << 20,
            ready_file=settings.store_address_file,
            fsync=settings.store_fsync,
        )
    )
