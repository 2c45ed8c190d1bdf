"""The HTTP doors through which messages come in, and the tag that sends them.

`front` puts the doors before the web application: a message that is taken pays for one look-up in memory and one
write to the stream, not for routing, contexts and signals. All else goes to Flask.
"""

from shopalytic.collector.front import front
from shopalytic.collector.routes import register

__all__ = ["front", "register"]
