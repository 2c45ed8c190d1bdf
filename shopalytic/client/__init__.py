"""A client for shops whose servers are written in Python: `from shopalytic.client import Client`.

Imports nothing but the standard library, so that a shop's process grows by no more than that.
"""

from shopalytic.client.client import Client
from shopalytic.client.cookie import find_tracking_id
from shopalytic.client.failure import Failure, FailureKind

__all__ = ["Client", "Failure", "FailureKind", "find_tracking_id"]
