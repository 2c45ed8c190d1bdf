"""How patient the supervisor is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """start_attempts: how often a part that was never ready may die before `up` gives up.
    settled_after_seconds: a part that ran so long and dies is restarted after the first pause again.
    shown_after_seconds: a part that answers no probe and died young is believed in after so long.
    """

    first_pause_seconds: float = 1
    longest_pause_seconds: float = 30
    settled_after_seconds: float = 60
    shown_after_seconds: float = 10
    start_attempts: int = 3
    poll_seconds: float = 0.1

    def next_pause_seconds(self, last_pause_seconds: float, ran_seconds: float) -> float:
        """How long to wait before the next start; last_pause_seconds is 0 at the first death."""
        if not last_pause_seconds or ran_seconds >= self.settled_after_seconds:
            return self.first_pause_seconds
        return min(last_pause_seconds * 2, self.longest_pause_seconds)
