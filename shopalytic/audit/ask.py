"""Asking for a check from a page or by the API; a worker does it."""

from __future__ import annotations

from contextlib import suppress

from shopalytic.audit.record import Begun, begin
from shopalytic.errors import QueueUnavailable
from shopalytic.parts import Parts


def ask(parts: Parts, project_id: int, *, asked_by: str, mends: bool) -> Begun:
    """Begin a check and have a worker do it. While one is under way, that one is given.

    asked_by: `user:<id>` or `key:<id>`. Raises Rejected where the one under way does not mend, and this one shall.
    """
    begun = begin(parts.sessions, project_id, asked_by=asked_by, mends=mends)
    if not begun.is_repeat:
        # Where the queue does not answer, the sweeper finds it.
        with suppress(QueueUnavailable):
            parts.stream.enqueue_check(begun.check.id, begun.check.turn)
    return begun
