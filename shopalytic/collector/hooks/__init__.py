"""Webhooks of shop platforms, and of whoever knows when parcels arrive.

A platform is a module with `read`, which turns one notification into messages, and an entry in `door.PLATFORMS`.
"""

from shopalytic.collector.hooks.routes import register

__all__ = ["register"]
