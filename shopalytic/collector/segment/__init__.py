"""The door for Segment's clients: their calls, translated into messages of our own."""

from shopalytic.collector.segment.routes import register

__all__ = ["register"]
