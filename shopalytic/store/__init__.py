"""The event tables: the client that all others use, the migrations, and the embedded server."""

from shopalytic.store.client import Store

__all__ = ["Store"]
