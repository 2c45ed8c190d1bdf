"""The door for apps built with Exponea's SDKs: its tracking calls, and its calls that read customers."""

from shopalytic.collector.exponea.routes import register

__all__ = ["register"]
